"""Patterns of an open file in the order of the scan, however they lie: in several members, turned, picked by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.sources.base import Source, rows_per_block


class RowsOfPatterns(Protocol):
    """Patterns of an open file that are read row by row."""

    frame_shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored element type in native byte order."""
        ...

    def values(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns (k, h, w) at these ascending numbers, in the stored type."""
        ...


def values_at(patterns: RowsOfPatterns, numbers: NDArray[np.intp]) -> NDArray[Any]:
    """Patterns (k, h, w) at numbers in any order, read in ascending order."""
    order = np.argsort(numbers, kind="stable")
    values = patterns.values(numbers[order])
    return values[np.argsort(order, kind="stable")] if np.any(order[:-1] > order[1:]) else values


class PickedPatterns:
    """Some patterns of a file in the order of the scan, as the physics check reads patterns.

    Args:
        patterns: As they lie.
        numbers: Which of them.
    """

    def __init__(self, patterns: RowsOfPatterns, numbers: NDArray[np.intp]) -> None:
        self._patterns = patterns
        self._numbers = np.asarray(numbers, np.intp)
        self.count = len(self._numbers)
        self.frame_shape: tuple[int, int] = patterns.frame_shape

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Patterns (k, h, w) float32 at these places in the scan."""
        return values_at(self._patterns, self._numbers[rows]).astype(np.float32, copy=False)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first place, patterns (b, h, w) float32) in order."""
        step = rows_per_block((self.count, *self.frame_shape), self._patterns.dtype.itemsize)
        for start in range(0, self.count, step):
            yield start, self.take(np.arange(start, min(start + step, self.count), dtype=np.intp))


class ChainedPatterns:
    """The patterns of several members, one after the other.

    Args:
        parts: With equal frame shapes.
        counts: How many patterns each has.

    Raises:
        ValueError: the frame shapes differ.
    """

    def __init__(self, parts: Sequence[RowsOfPatterns], counts: Sequence[int]) -> None:
        shapes = {part.frame_shape for part in parts}
        if len(shapes) != 1:
            raise ValueError(f"the parts have patterns of different shapes: {sorted(shapes)}")
        self._parts = parts
        self._ends = np.cumsum(counts)
        self.frame_shape: tuple[int, int] = parts[0].frame_shape
        self.dtype: np.dtype[Any] = np.result_type(*(part.dtype for part in parts))

    def values(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns (k, h, w) at these ascending numbers."""
        edges = np.searchsorted(numbers, [0, *self._ends])
        starts = [0, *self._ends[:-1]]
        found = [
            part.values(numbers[a:b] - start)
            for part, start, a, b in zip(self._parts, starts, edges[:-1], edges[1:], strict=True)
            if b > a
        ]
        return np.concatenate([np.empty((0, *self.frame_shape), self.dtype), *found])


class TurnedPatterns:
    """Patterns that are transposed, flipped or shifted when read.

    Args:
        patterns: As stored.
        turn: Makes frames (k, h, w) of stored frames, in whatever shape it makes of them.
    """

    def __init__(self, patterns: RowsOfPatterns, turn: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self._patterns = patterns
        self._turn = turn
        rows, columns = turn(np.empty((0, *patterns.frame_shape), patterns.dtype)).shape[1:]
        self.frame_shape: tuple[int, int] = (rows, columns)
        self.dtype: np.dtype[Any] = patterns.dtype

    def values(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns (k, h, w) at these ascending numbers."""
        return np.ascontiguousarray(self._turn(self._patterns.values(numbers)))


class WholePatterns:
    """Patterns below a leading axis of 1; such a file has no rows to read one by one, so all are read at the first.

    Args:
        source: The open file.
        member: Shape (1, scan, h, w).
    """

    def __init__(self, source: Source, member: str) -> None:
        self._source = source
        self._member = member
        shape, dtype = source.layout(member)
        self.frame_shape: tuple[int, int] = (shape[2], shape[3])
        self.dtype: np.dtype[Any] = dtype.newbyteorder("=")
        self._all: NDArray[Any] | None = None

    def values(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns (k, h, w) at these ascending numbers."""
        if self._all is None:
            self._all = self._source.read(self._member)[0]
        found: NDArray[Any] = self._all[numbers]
        return found
