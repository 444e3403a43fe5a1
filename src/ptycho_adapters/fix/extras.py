"""What the source holds besides a scan (losses, comments, layers) goes along into the repaired file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptycho_contracts.contract import ArrayContract, get_contract
from ptycho_contracts.declaration import Array

if TYPE_CHECKING:
    import h5py

# What a writer puts where a source says nothing; the source's own words go before it.
_SAID_BY_SOURCE = ("name", "comments", "exposure_time_s")
# Members along these dimensions belong to patterns or positions, and may be what was repaired.
_REPAIRED = {"scan", "row", "frame", "N", "object_y", "object_x"}


def carry_extras(source: Mapping[str, Path], target: Mapping[str, Path], contract_id: str) -> list[str]:
    """Copy members and attributes that the target lacks; returns what was left behind and why.

    Members that follow the scan or the canvas are left behind: they would still be mistaken.
    """
    contract = get_contract(contract_id)
    assert isinstance(contract, ArrayContract)  # only array files are repaired
    left: list[str] = []
    for role, path in source.items():
        declared = contract.files[role].arrays()
        left += _hdf5(path, target[role], declared) if _is_hdf5(path) else _npz(path, target[role], declared)
    return left


def _is_hdf5(path: Path) -> bool:
    return not zipfile.is_zipfile(path)


def _stays(name: str, declared: Mapping[str, Array]) -> bool:
    known = declared.get(name)
    return known is None or not {d for form in known.alternatives for d in form} & _REPAIRED


def _hdf5(source: Path, target: Path, declared: Mapping[str, Array]) -> list[str]:
    import h5py  # noqa: PLC0415 - costs start-up time that most callers never need

    left = []
    with h5py.File(source, "r") as old, h5py.File(target, "r+") as new:
        new.attrs.update({k: v for k, v in old.attrs.items() if k not in new.attrs or k in _SAID_BY_SOURCE})
        for name, dataset in _datasets(old):
            if name in new:
                new[name].attrs.update({k: v for k, v in dataset.attrs.items() if k not in new[name].attrs})
            elif _stays(name, declared):
                old.copy(dataset, new, name=name)
            else:
                left.append(f"{name} (it follows the scan, and would still be mistaken)")
    return left


def _datasets(file: h5py.File) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    file.visititems(lambda name, item: found.append((name, item)) if hasattr(item, "shape") else None)
    yield from found


def _npz(source: Path, target: Path, declared: Mapping[str, Array]) -> list[str]:
    left = []
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "a") as new:
        have = set(new.namelist())
        for info in old.infolist():
            name = info.filename.removesuffix(".npy")
            if info.filename in have:
                continue
            if _stays(name, declared):
                new.writestr(info, old.read(info))
            else:
                left.append(f"{name} (it follows the scan, and would still be mistaken)")
    return left
