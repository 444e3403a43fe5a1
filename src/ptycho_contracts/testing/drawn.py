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


def write_artifact(artifact: DrawnArtifact, contract: ArrayContract, folder: Path, name: str) -> Path:
    """Write the NPZ or HDF5 files of an artifact; returns the path by which it is found again.

    A file is called `<name><suffix>` with the suffix that its contract declares (`_dp.hdf5`), or `<name>.npz`.

    Raises:
        ValueError: a file lives in a container that is not written here (a torch checkpoint, a dataset).
    """
    paths = {role: folder / f"{name}{_suffix(contract.files[role])}" for role in artifact.files}
    for role, file in artifact.files.items():
        with atomic_path(paths[role]) as temporary:
            if contract.files[role].container == "npz":
                np.savez(temporary, allow_pickle=False, **{path: m.array for path, m in file.members.items()})
            else:
                _write_hdf5(temporary, file)
    return next(iter(paths.values()))


def _suffix(model: type[FileModel]) -> str:
    if model.container not in ("npz", "hdf5"):
        raise ValueError(f"{model.__name__} lives in {model.container}, which is not written here")
    return model.suffix or f".{model.container}"


def _write_hdf5(path: Path, file: DrawnFile) -> None:
    import h5py  # noqa: PLC0415 - drawing descriptions needs no HDF5

    with h5py.File(path, "w") as target:
        target.attrs.update(file.attributes)
        for member, drawn in file.members.items():
            target.create_dataset(member, data=drawn.array).attrs.update(drawn.attributes)
