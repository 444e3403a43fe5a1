"""Patterns as they lie in a file, numbered row by row and, within a row, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.sources.base import Source


class StoredPatterns:
    """The patterns of one member of an open file; nothing is read before it is asked for.

    Args:
        source: The open file.
        member: Shape (row, h, w) or (row, h, w, channel), real; what compares patterns with a model needs h = w = n.
        shape: Its shape, from the header.
    """

    def __init__(self, source: Source, member: str, shape: tuple[int, ...]) -> None:
        self._source = source
        self._member = member
        self.channels = shape[3] if len(shape) == 4 else 1
        self.n = shape[1]
        self.frame_shape = (shape[1], shape[2])
        self.count = shape[0] * self.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored element type in native byte order."""
        return self._source.layout(self._member)[1].newbyteorder("=")

    def values(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns (k, h, w) at these ascending numbers, in the stored type; runs are read at once."""
        rows, channels = np.divmod(np.asarray(numbers, np.intp), self.channels)
        runs = list(_runs(rows))
        parts = [self._run(rows[a:b], channels[a:b]) for a, b in runs]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, *self.frame_shape), self.dtype), *parts])

    def _run(self, rows: NDArray[np.intp], channels: NDArray[np.intp]) -> NDArray[Any]:
        """Patterns of rows without a gap; a copy only where channels are picked."""
        start = int(rows[0])
        block = self._patterns(self._source.rows(self._member, start, int(rows[-1]) + 1))
        return block if len(block) == len(rows) else block[(rows - start) * self.channels + channels]

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Patterns (k, n, n) float32 at these numbers, ascending."""
        return self.values(rows).astype(np.float32, copy=False)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(number of the first, patterns (b, n, n) float32) in order."""
        for start, block in self._source.blocks(self._member):
            yield start * self.channels, self._patterns(block).astype(np.float32, copy=False)

    def _patterns(self, block: NDArray[Any]) -> NDArray[Any]:
        """(row, h, w[, channel]) as (pattern, h, w)."""
        if block.ndim == 4 and self.channels == 1:
            return block[..., 0]
        return np.moveaxis(block, 3, 1).reshape(-1, *self.frame_shape) if block.ndim == 4 else block


def _runs(rows: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """Index ranges over which rows follow each other without a gap."""
    if len(rows) == 0:
        return
    breaks = np.flatnonzero(np.diff(rows) > 1) + 1
    edges = [0, *breaks.tolist(), len(rows)]
    yield from pairwise(edges)
