"""From what a user names (files, folders, patterns) to the artifacts that are examined, each once."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ptycho_contracts.contract import DocumentContract, all_contracts
from ptycho_contracts.locate import artifacts_of, locate_pair, locate_run_directory
from ptycho_contracts.path_patterns import matches

# What a folder is searched for; any other file is examined where it is named. Weights are found in run directories.
ARRAY_SUFFIXES = frozenset({".npz", ".h5", ".hdf5", ".hdf", ".he5", ".nxs", ".cxi", ".ptyd", ".ptyr"})


@dataclass(frozen=True)
class Discovered:
    """What the arguments led to.

    Attributes:
        artifacts: One path for each artifact, in the order of the arguments, folders by name.
        excluded: How many paths the patterns left out; a folder that was not entered counts once.
        empty: Arguments that led to nothing at all.
    """

    artifacts: tuple[Path, ...]
    excluded: int
    empty: tuple[str, ...]


def discover(
    arguments: Sequence[str], root: Path, exclude: Sequence[str] = (), *, join_pairs: bool = True
) -> Discovered:
    """The artifacts that the arguments name.

    A file is taken as it is, also one that does not exist: that is a finding. A folder is searched to its bottom for
    the suffixes of array files and the names of documents; hidden files and folders are passed by, links to folders
    are not followed, and a run directory is one artifact. A pattern (`*`, `?`, `[…]`, `**`) that is no path itself
    means what a shell makes of it.

    Args:
        arguments: Files, folders and patterns.
        root: The folder that the patterns of `exclude` are relative to.
        exclude: Patterns of paths that are left out, also where they are named.
        join_pairs: Whether both halves of a pair are one artifact; not where every file is examined for itself.
    """
    search = _Search(root.absolute(), tuple(exclude))
    empty = []
    found: list[Path] = []
    for argument in arguments:
        before = search.excluded
        members = list(search.of(argument))
        if not members and search.excluded == before:
            empty.append(argument)
        found += members
    once = {os.path.abspath(path): path for path in reversed(found)}
    named = [path for path in found if once[os.path.abspath(path)] is path]
    artifacts = artifacts_of(named) if join_pairs else named
    return Discovered(tuple(artifacts), search.excluded, tuple(empty))


def relative_to(path: Path, root: Path) -> str:
    """The path from `root`, with forward slashes; an absolute path where it lies elsewhere."""
    absolute = os.path.abspath(path)  # not `resolve`: a link has the name that the user gave it
    below = os.path.relpath(absolute, root)
    return Path(absolute if below.startswith("..") else below).as_posix()


class _Search:
    def __init__(self, root: Path, exclude: tuple[str, ...]) -> None:
        self._root = root
        self._exclude = exclude
        self.excluded = 0

    def of(self, argument: str) -> Iterator[Path]:
        path = Path(argument)
        if glob.has_magic(argument) and not path.exists():
            for hit in sorted(glob.iglob(argument, recursive=True)):
                yield from self._at(Path(hit))
        else:
            yield from self._at(path)

    def _at(self, path: Path) -> Iterator[Path]:
        if self._left_out(path):
            return
        if path.is_dir():
            yield from self._below(path)
        else:
            yield path

    def _below(self, folder: Path) -> Iterator[Path]:
        for here, folders, names in os.walk(folder):
            if is_run_directory(Path(here)):
                folders.clear()
                yield Path(here)
                continue
            folders[:] = sorted(f for f in folders if not f.startswith(".") and not self._left_out(Path(here, f)))
            for name in sorted(filter(looks_like_data, names)):
                if not self._left_out(Path(here, name)):
                    yield Path(here, name)

    def _left_out(self, path: Path) -> bool:
        """Whether a pattern fits the path; a pair is left out with either half."""
        if not self._exclude:
            return False
        pair = locate_pair(path)
        halves = [*pair.files.values(), *pair.absent.values()] if pair else [path]
        places = [relative_to(half, self._root) for half in halves]
        left_out = any(matches(pattern, place) for pattern in self._exclude for place in places)
        self.excluded += left_out
        return left_out


def is_run_directory(folder: Path) -> bool:
    """Whether a folder holds the arrays of a directory contract; a lone document does not make it one."""
    located = locate_run_directory(folder)
    return located is not None and bool(located.files)


def looks_like_data(name: str) -> bool:
    """Whether a file of this name is examined where its folder is named."""
    if name.startswith("."):
        return False
    return os.path.splitext(name)[1].lower() in ARRAY_SUFFIXES or any(fnmatch(name, p) for p in _document_names())


def _document_names() -> Iterable[str]:
    return (name for c in all_contracts().values() if isinstance(c, DocumentContract) for name in c.names)
