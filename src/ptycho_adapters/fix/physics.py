"""Repairs that the patterns prove: the diagnosis names the mistakes, every part of the file is put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptycho_adapters.codec import ConversionError, ReadOptions, all_codecs
from ptycho_adapters.diagnosis import Diagnosed, diagnosed
from ptycho_adapters.fix.extras import carry_extras
from ptycho_adapters.hdf5_stream import storage_of
from ptycho_adapters.io import read, write_with
from ptycho_adapters.repairs import repaired
from ptycho_contracts.contract import ArrayContract, get_contract
from ptycho_contracts.contracts.fix_record import FixedItem
from ptycho_contracts.contracts.ptychovit_para import FRAME
from ptycho_contracts.physics.diagnosis.changes import Change
from ptycho_contracts.physics.frames import PTYCHOVIT
from ptycho_contracts.rules.frame_named import CODE as FRAME_UNNAMED

if TYPE_CHECKING:
    import xarray as xr

_PLACES = {"patterns": "patterns", "object": "object", "probe": "probe", "probe-scale": "probe", "pixel-size": "pixels"}


@dataclass(frozen=True)
class Mended:
    """What the physics check led to.

    Attributes:
        files: The repaired files by role.
        items: What was undone.
        evidence: Of the diagnosis.
    """

    files: Mapping[str, Path]
    items: tuple[FixedItem, ...]
    evidence: dict[str, Any]


def mend(files: Mapping[str, Path], contract_id: str, folder: Path) -> Mended | None:
    """Undo the mistakes that the forward model proves on every pattern; None where there is nothing to undo.

    Args:
        files: Of the artifact by role, read and not changed (an attribute may be added).
        contract_id: What they are.
        folder: For the repaired files, under the same names.
    """
    codec = all_codecs().get(contract_id)
    if codec is None or codec.read is None or codec.write is None:
        return None
    try:
        with diagnosed(next(iter(files.values()))) as found:
            if found.judged is None:
                return None
            evidence, verdict = found.judged.evidence(), found.diagnosis.verdict
            if verdict == "mistaken":
                return _undone(found, files, contract_id, folder)
    except ConversionError:
        return None  # what is still broken cannot be asked; the report after the repair says what it is
    return _named(files, evidence) if verdict == "as stated" else None


def _undone(found: Diagnosed, files: Mapping[str, Path], contract_id: str, folder: Path) -> Mended | None:
    changes = found.diagnosis.changes
    if not changes or found.judged is None or found.subject is None:
        return None
    path = next(iter(files.values()))
    codec = all_codecs()[contract_id]
    with read(path, ReadOptions(order="as-stored")) as loaded:
        if len(loaded.scans) != 1:
            return None
        scan: xr.Dataset = repaired(loaded.scans[0], found.subject, found.judged.hypotheses[0], changes)
        scan["intensity"].encoding.update(_storage_of_patterns(files, contract_id))
        written = write_with(codec, scan, folder, "mended", None)
    left_out = carry_extras(files, written.files, contract_id)
    items = tuple(_item(change, found.diagnosis.patterns) for change in changes)
    return Mended(written.files, items, found.judged.evidence() | {"left_out": left_out})


def _storage_of_patterns(files: Mapping[str, Path], contract_id: str) -> dict[str, Any]:
    """Chunks and compression of the patterns, so that the repaired file is no larger than the mistaken one."""
    import h5py  # noqa: PLC0415 - costs start-up time that most callers never need

    contract = get_contract(contract_id)
    assert isinstance(contract, ArrayContract)  # only array files are repaired
    for role, path in files.items():
        if not h5py.is_hdf5(path):
            continue
        with h5py.File(path, "r") as file:
            for name, declared in contract.files[role].arrays().items():
                if name in file and any(form[0] == "scan" for form in declared.alternatives if len(form) == 3):
                    return storage_of(file[name])
    return {}


def _item(change: Change, patterns: int) -> FixedItem:
    return FixedItem(
        codes=(change.code.id,),
        location=_PLACES.get(change.kind, "positions"),
        what=f"undone: {change.meaning} ({change.slug})",
        why=f"so read, object, probe and positions explain the patterns best, confirmed on all {patterns}",
    )


def _named(files: Mapping[str, Path], evidence: dict[str, Any]) -> Mended | None:
    """A pair that is right as it lies and does not say in which frame gets the name."""
    import h5py  # noqa: PLC0415 - costs start-up time that most callers never need

    para = files.get("para")
    if para is None:
        return None
    with h5py.File(para, "r+") as file:
        if FRAME in file.attrs:
            return None
        file.attrs[FRAME] = PTYCHOVIT.name
    item = FixedItem(
        codes=(FRAME_UNNAMED.id,),
        location=f"para:/@{FRAME}",
        what=f"named the frame of the positions: {PTYCHOVIT.name}",
        why="read so, object, probe and positions explain the patterns best",
    )
    return Mended(files, (item,), evidence)
