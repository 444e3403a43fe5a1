"""An artifact in memory, as the strategies draw it, and how it becomes files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import FileModel


@dataclass(frozen=True)
class DrawnMember:
    """One array with its attributes."""

    array: NDArray[Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DrawnFile:
    """Members by path, and the attributes of the file itself."""

    members: Mapping[str, DrawnMember]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DrawnArtifact:
    """Files by role."""

    files: Mapping[str, DrawnFile]

    def with_file(self, role: str, file: DrawnFile) -> DrawnArtifact:
        """The same with another file in that role."""
        return DrawnArtifact({**self.files, role: file})

    def with_member(self, role: str, path: str, member: DrawnMember | None) -> DrawnArtifact:
        """The same with another member at that path; None removes it."""
        file = self.files[role]
        others = {name: old for name, old in file.members.items() if name != path}
        members = others if member is None else {**file.members, path: member}
        return self.with_file(role, DrawnFile(members, file.attributes))


def write_artifact(artifact: DrawnArtifact, contract: ArrayContract, folder: Path, name: str) -> Path:
    """Write the NPZ or HDF5 files of an artifact; returns the path by which it is found again.

    A file is called `<name><suffix>` with the suffix that its contract declares (`_dp.hdf5`), or `<name>.npz`;
    files of an artifact that is a directory lie in `<name>/`, named as the contract says.

    Raises:
        ValueError: a file lives in a container that is not written here (a torch checkpoint, a dataset).
    """
    paths = {role: _path(contract, role, folder, name) for role in artifact.files}
    for role, file in artifact.files.items():
        paths[role].parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(paths[role]) as temporary:
            if contract.files[role].container == "npz":
                np.savez(temporary, allow_pickle=False, **{path: m.array for path, m in file.members.items()})
            else:
                _write_hdf5(temporary, file)
    return folder / name if contract.names else next(iter(paths.values()))


def _path(contract: ArrayContract, role: str, folder: Path, name: str) -> Path:
    if contract.files[role].container not in WRITABLE:
        raise ValueError(f"{contract.id} lives in {contract.files[role].container}, which is not written here")
    return folder / name / contract.names[role] if contract.names else folder / f"{name}{_suffix(contract.files[role])}"


# Containers that `write_artifact` makes.
WRITABLE = ("npz", "hdf5")


def _suffix(model: type[FileModel]) -> str:
    return model.suffix or f".{model.container}"


def _write_hdf5(path: Path, file: DrawnFile) -> None:
    import h5py  # noqa: PLC0415 - drawing descriptions needs no HDF5

    with h5py.File(path, "w") as target:
        target.attrs.update(file.attributes)
        for member, drawn in file.members.items():
            # HDF5 has no fixed UTF-32 strings; numpy's become the variable ones that h5py reads back as text.
            array = drawn.array.astype(h5py.string_dtype()) if drawn.array.dtype.kind == "U" else drawn.array
            target.create_dataset(member, data=array).attrs.update(drawn.attributes)
