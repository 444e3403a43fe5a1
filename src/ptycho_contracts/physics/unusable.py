"""Patterns without a say: NaN, infinities or negative values in them, or a position that is no place of the scan."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.readings import Patterns
from ptycho_contracts.read_ahead import read_ahead

# Where more patterns than this are unusable, those that are left speak for few places of the scan.
MOST_LEFT_OUT = 0.5
# A position this many times further from the middle than those of 9 in 10 patterns is none of this scan.
STRAY = 20.0
_NAMED = 5
NO_SIGNAL = "the patterns hold no signal"


def unusable(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which patterns (k, n, n) hold NaN, infinite or negative values, or no signal at all: (k,)."""
    # A NaN anywhere makes both extremes NaN, and no comparison with it holds.
    lowest, highest = (extreme(values, axis=(1, 2)) for extreme in (np.min, np.max))
    usable: NDArray[np.bool_] = (lowest >= 0) & (highest < np.inf) & (highest > 0)
    return ~usable


def unusable_rows(patterns: Patterns) -> NDArray[np.intp]:
    """Ascending numbers of the unusable patterns; one pass over all."""
    found = [start + np.flatnonzero(unusable(block)) for start, block in read_ahead(patterns.blocks())]
    return np.concatenate([np.empty(0, np.intp), *found])


def left_out(rows: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """What of `count` patterns is not judged where these numbers are unusable, and a note about it if there are any."""
    if len(rows) == 0:
        return rows, ()
    hold = f"{len(rows)} of the {count} patterns looked at hold NaN, infinite or negative values, or nothing"
    if len(rows) > MOST_LEFT_OUT * count:
        return rows[:0], (f"{hold}; such values count as nothing measured",)
    return rows, (f"{hold} and are left out: {_first(rows)}",)


def stray_rows(positions: NDArray[np.float64]) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Ascending numbers of positions (n, 2) that lie nowhere near the others, and a note about them."""
    away = np.abs(positions - np.median(positions, axis=0)).max(axis=1)
    rows = np.flatnonzero(away > STRAY * np.quantile(away, 0.9))
    if len(rows) == 0:
        return rows, ()
    return rows, (f"{len(rows)} of {len(away)} positions lie far from all others and are left out: {_first(rows)}",)


def _first(rows: NDArray[np.intp]) -> str:
    return ", ".join(map(str, rows[:_NAMED].tolist())) + (", …" if len(rows) > _NAMED else "")


class Kept:
    """Some patterns of others, numbered anew.

    Args:
        patterns: All of them.
        rows: Ascending numbers of those that are kept.
    """

    def __init__(self, patterns: Patterns, rows: NDArray[np.intp]) -> None:
        self._patterns = patterns
        self._rows = rows
        self.count = len(rows)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some of the kept patterns (k, n, n); `rows` ascending."""
        return self._patterns.take(self._rows[rows])

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first pattern, patterns (b, n, n)) in order."""
        for start, block in self._patterns.blocks():
            first, last = np.searchsorted(self._rows, [start, start + len(block)]).tolist()
            if last - first == len(block):
                yield first, block
            elif last > first:
                yield first, block[self._rows[first:last] - start]
