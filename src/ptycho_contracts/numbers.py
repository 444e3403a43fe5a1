"""The one streaming pass of depth `data`: statistics of an array in fixed memory, and what they break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.declaration import Array
from ptycho_contracts.finding import Finding, finding

_NO_GUESS = "Find where the number was lost and store the true one; positions, probe and object must be finite."


@dataclass
class Stats:
    """What one pass over an array learns; extremes are of the finite values (of |z| for complex ones)."""

    count: int = 0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    total: float = 0.0
    nonfinite: int = 0
    first_nonfinite: tuple[int, ...] | None = None
    negative: int = 0
    first_negative: tuple[int, ...] | None = None


def collect(blocks: Iterable[tuple[int, NDArray[Any]]]) -> Stats:
    """Statistics of an array that comes in blocks along axis 0."""
    stats = Stats()
    for start, block in blocks:
        if block.dtype.kind in "biufc":
            _add(stats, start, block)
    return stats


def _add(stats: Stats, start: int, block: NDArray[Any]) -> None:
    values = np.abs(block) if block.dtype.kind == "c" else block
    stats.count += values.size
    if values.size == 0:
        return
    # A sum is finite only if all is: the usual case needs no boolean array as large as the block.
    total = float(values.sum(dtype=np.float64))
    if np.isfinite(total) or block.dtype.kind not in "fc":
        low, high = float(values.min()), float(values.max())
    else:
        finite = np.isfinite(values)
        stats.nonfinite += int(values.size - finite.sum())
        stats.first_nonfinite = stats.first_nonfinite or _first(~finite, start)
        kept = values[finite]
        total = float(kept.sum(dtype=np.float64))
        low = float(kept.min(initial=np.inf))
        high = float(kept.max(initial=-np.inf))
    stats.total += total
    stats.minimum, stats.maximum = min(stats.minimum, low), max(stats.maximum, high)
    if low < 0:
        below = values < 0
        stats.negative += int(below.sum())
        stats.first_negative = stats.first_negative or _first(below, start)


def _first(mask: NDArray[np.bool_], start: int) -> tuple[int, ...]:
    index = np.unravel_index(int(mask.argmax()), mask.shape)
    if not index:
        return ()
    return (start + int(index[0]), *(int(i) for i in index[1:]))


def check_values(location: str, declared: Array, stats: Stats) -> Iterator[Finding]:
    """Findings about the values that the declaration demands."""
    if "finite" in declared.values and stats.nonfinite:
        yield finding(
            codes.NON_FINITE,
            _at(location, stats.first_nonfinite),
            f"{stats.nonfinite} of {stats.count} values are NaN or infinite; here is the first",
            expected="finite values",
            found=f"{stats.nonfinite} non-finite",
            fix=None if "nonnegative" in declared.values else _NO_GUESS,
        )
    if "nonnegative" in declared.values and stats.negative:
        yield finding(
            codes.NEGATIVE,
            _at(location, stats.first_negative),
            f"{stats.negative} of {stats.count} values are negative; here is the first",
            expected="values ≥ 0",
            found=f"minimum {stats.minimum:.6g}",
        )
    if "nonnegative" in declared.values and _is_stack(declared) and stats.count and stats.maximum == 0:
        yield finding(
            codes.NO_SIGNAL,
            location,
            f"all {stats.count} values are 0",
            expected="a positive value somewhere",
            found="0 everywhere",
        )


def _is_stack(declared: Array) -> bool:
    """Whether it holds patterns, and not a number that may well be 0."""
    return min(map(len, declared.alternatives)) >= 3


def _at(location: str, index: tuple[int, ...] | None) -> str:
    return location if not index else f"{location}[{', '.join(str(i) for i in index)}]"
