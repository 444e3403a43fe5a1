"""Patterns of one object in a file that packs several: (object, scan, h, w), each cut to its true size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.sources.base import rows_per_block
from ptycho_contracts.sources.hdf5 import Hdf5Source


class PackedPatterns:
    """The stack of one object, read in parts.

    Args:
        source: The open file.
        member: Shape (object, scan, n_max, n_max).
        row: Which object.
        count: How many of its patterns are no padding.
        side: Its true n; rows and columns beyond it are padding.
    """

    def __init__(self, source: Hdf5Source, member: str, row: int, count: int, side: int) -> None:
        self._source = source
        self._member = member
        self._row = row
        self._side = side
        self.count = count
        self.frame_shape = (side, side)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored element type in native byte order."""
        return self._source.layout(self._member)[1].newbyteorder("=")

    def values(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns (k, n, n) at these ascending numbers, in the stored type."""
        if len(numbers) == 0:
            return np.empty((0, *self.frame_shape), self.dtype)
        first, last = int(numbers[0]), int(numbers[-1]) + 1
        if last - first == len(numbers):
            return self._rows(first, last)
        return np.stack([self._rows(int(k), int(k) + 1)[0] for k in numbers])

    def _rows(self, start: int, stop: int) -> NDArray[Any]:
        rows = self._source.inner_rows(self._member, self._row, start, min(stop, self.count))
        return rows[:, : self._side, : self._side]

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Patterns (k, n, n) float32 at these numbers, ascending."""
        return self.values(rows).astype(np.float32, copy=False)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(number of the first, patterns (b, n, n) float32) in order."""
        step = rows_per_block((self.count, self._side, self._side), self.dtype.itemsize)
        for start in range(0, self.count, step):
            yield start, self._rows(start, start + step).astype(np.float32, copy=False)
