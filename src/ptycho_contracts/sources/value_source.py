"""Nested Python values (a pickled dict, a torch checkpoint) as a source: one member per leaf, by path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.description import Container, FileInfo, MemberInfo
from ptycho_contracts.sources.array_source import ArraySource, dtype_name, json_number
from ptycho_contracts.sources.faults import unreadable

_MAX_TEXT_VALUE = 2**16


def flatten(value: Any, where: str) -> dict[str, Any]:
    """The leaves of nested dicts and lists by path (`loss_tracker/training_loss`).

    A dict's keys are joined by "/", so those of a flat dict stay as they are. A list or tuple of numbers is
    one leaf, a numpy array of one axis; other lists count their items. A value that is no dict is the leaf
    "value".

    Raises:
        SourceError: UNREADABLE where two leaves have the same path, or numbers do not fit numpy's types.
    """
    leaves: dict[str, Any] = {}

    def visit(path: str, item: Any) -> None:
        if isinstance(item, list | tuple):
            if all(isinstance(number, bool | int | float) for number in item):
                item = _numbers(item, where, path)
            else:
                item = dict(enumerate(item))
        if isinstance(item, dict):
            for key, part in item.items():
                visit(f"{path}/{key}" if path else str(key), part)
            return
        if isinstance(item, int) and not -(2**63) <= item < 2**64:
            raise unreadable(f"{where}{path}", "an integer beyond 64 bits")
        if path in leaves:
            raise unreadable(f"{where}{path}", f"two entries have the path {path!r}")
        leaves[path] = item

    visit("" if isinstance(value, dict) else "value", value)
    return leaves


def _numbers(items: list[Any] | tuple[Any, ...], where: str, path: str) -> NDArray[Any]:
    array = np.array(items, dtype=None if items else np.float64)
    if array.dtype.kind not in "biuf":
        raise unreadable(f"{where}{path}", "integers beyond 64 bits")
    return array


@dataclass(frozen=True)
class LazyArray:
    """A leaf whose numbers lie elsewhere in the file.

    Attributes:
        shape: As the header says.
        dtype: What `load` returns.
        stored_as: The name of the dtype in the file, where numpy has no such type ("bfloat16").
        load: Reads the numbers.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored_as: str
    load: Callable[[], NDArray[Any]]


class ValueSource(ArraySource):
    """The leaves of a value as members. Numbers and texts have their value in the description."""

    def __init__(self, path: Path, role: str, container: Container, leaves: dict[str, Any]) -> None:
        super().__init__(path, role)
        self._container: Container = container
        self._leaves = leaves

    def describe(self) -> FileInfo:
        """Every leaf by its path."""
        members = {path: _info(leaf) for path, leaf in self._leaves.items()}
        return FileInfo(container=self._container, path=str(self.path), members=members)

    def layout(self, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of a leaf of numbers."""
        array = self._numbers(member)
        return array.shape, array.dtype

    def rows(self, member: str, start: int, stop: int) -> NDArray[Any]:
        """Rows `start:stop` of axis 0, clipped like a slice; a tensor is loaded whole for them."""
        if not self.layout(member)[0]:
            raise ValueError(f"{self.where(member)} is a scalar and has no rows")
        return self.read(member)[start:stop]

    def read(self, member: str) -> NDArray[Any]:
        """A leaf of numbers as an array."""
        array = self._numbers(member)
        return array.load() if isinstance(array, LazyArray) else array

    def text(self, member: str) -> str:
        """A leaf that is a text."""
        leaf = self._leaf(member)
        if not isinstance(leaf, str):
            raise unreadable(self.where(member), f"a {type(leaf).__name__} is not a text")
        return leaf

    def close(self) -> None:
        """Forget the values."""
        self._leaves = {}

    def _leaf(self, member: str) -> Any:
        if member not in self._leaves:
            some = ", ".join(list(self._leaves)[:20])
            raise KeyError(f"{self.path} has no entry {member!r}; it begins with {some}")
        return self._leaves[member]

    def _numbers(self, member: str) -> NDArray[Any] | LazyArray:
        leaf = self._leaf(member)
        if isinstance(leaf, np.ndarray | LazyArray):
            return leaf
        if isinstance(leaf, bool | int | float | complex):
            return np.array(leaf)
        raise unreadable(self.where(member), f"a {type(leaf).__name__} is not numbers")


def _info(leaf: Any) -> MemberInfo:
    """The header of a leaf; what is neither numbers nor text (a set, a class) is an "object"."""
    if isinstance(leaf, LazyArray):
        return MemberInfo(dtype=leaf.stored_as, shape=leaf.shape)
    if isinstance(leaf, np.ndarray):
        return MemberInfo(dtype=dtype_name(leaf.dtype), shape=leaf.shape)
    if isinstance(leaf, str):
        return MemberInfo(dtype="str", shape=(), value=leaf if len(leaf) <= _MAX_TEXT_VALUE else None)
    if isinstance(leaf, bytes):
        return MemberInfo(dtype="bytes", shape=(len(leaf),))
    if isinstance(leaf, bool | int | float | complex):
        return MemberInfo(dtype=dtype_name(np.array(leaf).dtype), shape=(), value=json_number(leaf))
    return MemberInfo(dtype="none" if leaf is None else "object", shape=())
