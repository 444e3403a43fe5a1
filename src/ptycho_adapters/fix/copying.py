"""A copy of a file with some members and attributes changed; everything else is copied as it lies."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ptycho_adapters.fix.edits import AttributeEdit, Edit, MemberEdit
from ptycho_contracts.atomic import atomic_path

if TYPE_CHECKING:
    import h5py


def copy_with(source: Path, target: Path, container: str, edits: Iterable[Edit]) -> None:
    """Write `target`, whole or not at all.

    Args:
        source: Not changed.
        target: Replaced where it exists.
        container: `hdf5` or `npz`.
        edits: Of this file.

    Raises:
        ValueError: an attribute for a container that has none.
    """
    edits = list(edits)
    with atomic_path(target) as temporary:
        if container == "hdf5":
            _copy_hdf5(source, temporary, edits)
        else:
            _copy_npz(source, temporary, edits)


def _copy_hdf5(source: Path, target: Path, edits: list[Edit]) -> None:
    """Every object is copied by the HDF5 library, chunks and filters as they are; then the edits are made."""
    import h5py  # noqa: PLC0415 - costs start-up time that most callers never need

    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        new.attrs.update(old.attrs)
        for name in old:
            old.copy(name, new)
        for edit in edits:
            if isinstance(edit, MemberEdit):
                _replace(new, edit)
        for edit in edits:
            if isinstance(edit, AttributeEdit):
                (new[edit.path] if edit.path else new).attrs[edit.name] = edit.value


def _replace(file: h5py.File, edit: MemberEdit) -> None:
    """Other content under the same name, with the attributes that were there."""
    attributes = dict(file[edit.path].attrs) if edit.path in file else {}
    if edit.path in file:
        del file[edit.path]
    file.create_dataset(edit.path, data=edit.made()).attrs.update(attributes)


def _copy_npz(source: Path, target: Path, edits: list[Edit]) -> None:
    """Members that stay are copied as bytes, pickled ones included: nothing is decoded."""
    changed = {f"{edit.path}.npy": edit for edit in edits if isinstance(edit, MemberEdit)}
    if len(changed) != len(edits):
        raise ValueError("an NPZ file has no attributes")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", allowZip64=True) as new:
        for info in old.infolist():
            if info.filename not in changed:
                entry = zipfile.ZipInfo(info.filename, info.date_time)
                entry.compress_type = info.compress_type
                with old.open(info) as stream, new.open(entry, "w", force_zip64=True) as into:
                    shutil.copyfileobj(stream, into, 2**20)
        for name, edit in changed.items():
            with new.open(name, "w", force_zip64=True) as into:
                np.lib.format.write_array(into, edit.made(), allow_pickle=False)
