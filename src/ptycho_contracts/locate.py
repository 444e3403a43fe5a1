"""Which files belong to an artifact: a pair is found from either half, a run directory by its file names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contract import ArrayContract, all_contracts
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import finding
from ptycho_contracts.sources.base import SourceError

_PAIR = {"dp": DpFile.suffix, "para": ParaFile.suffix}


@dataclass(frozen=True)
class Located:
    """Paths of files by role, and of those that should be there and are not.

    A broken link or a pipe that has the name of a file counts as there: opening it says what it is.
    """

    files: dict[str, Path]
    absent: dict[str, Path]


def locate_pair(path: Path) -> Located | None:
    """Both halves of the pair that `path` names (a half, or their common stem), or None if it names none."""
    if not path.name:  # `.` or `/`
        return None
    for suffix in (*_PAIR.values(), ""):
        if not path.name.endswith(suffix):
            continue
        stem = path.name.removesuffix(suffix)
        halves = {role: path.with_name(stem + ending) for role, ending in _PAIR.items()}
        if any(half.is_file() for half in halves.values()):
            return _sorted_out(halves)
    return None


def locate_run_directory(path: Path) -> Located | None:
    """The files of the directory contract whose names `path` holds most of, or None for any other path."""
    if not path.is_dir():
        return None
    directories = [c for c in all_contracts().values() if isinstance(c, ArrayContract) and c.names]
    for contract in directories:
        if any((path / name).is_file() for name in contract.names.values()):
            return _in_directory(contract, path)
    return None


def _in_directory(contract: ArrayContract, path: Path) -> Located:
    """Array files by role; optional ones that are absent are not missed here."""
    wanted = {role: path / name for role, name in contract.names.items() if role in contract.files}
    located = _sorted_out(wanted)
    return Located(located.files, {r: p for r, p in located.absent.items() if r not in contract.optional_roles})


def artifacts_of(paths: Iterable[Path]) -> list[Path]:
    """The paths without those that name an artifact a second time: the other half of a pair."""
    kept: dict[tuple[Path, ...], Path] = {}
    for path in paths:
        pair = locate_pair(path)
        files = (path,) if pair is None else tuple(sorted([*pair.files.values(), *pair.absent.values()]))
        kept.setdefault(files, path)
    return list(kept.values())


def locate_for(contract: ArrayContract, path: Path) -> Located:
    """The files of an artifact of a known contract.

    Raises:
        SourceError: nothing of it is there.
    """
    if contract.names:
        return _in_directory(contract, path)
    if set(contract.files) == set(_PAIR):
        located = locate_pair(path)
        if located is not None:
            return located
    if len(contract.files) == 1 and path.is_file():
        return Located({next(iter(contract.files)): path}, {})
    raise SourceError(
        finding(
            codes.FILE_ABSENT,
            f"{next(iter(contract.files))}:/",
            f"{path} is no {contract.id}: {_why_not(path)}",
            expected=contract.summary,
        )
    )


def _why_not(path: Path) -> str:
    if path.is_dir():
        return "it is a directory"
    return "no such file" if not path.exists() else "its name is not that of a half"


def _sorted_out(wanted: dict[str, Path]) -> Located:
    there = {role: path for role, path in wanted.items() if os.path.lexists(path)}
    return Located(there, {role: path for role, path in wanted.items() if role not in there})
