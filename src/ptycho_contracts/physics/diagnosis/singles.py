"""Single patterns that were not taken where their positions say, though the positions as a whole are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import surely_better
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis
from ptycho_contracts.physics.diagnosis.refine import QUANTUM_PX

# (step in pixels, steps to either side): first whole pixels, then between them.
NETS = ((1.0, 4), (0.25, 3))
# At its true place a pattern is explained about as well as the others are, and much better than where it is stated. A
# bad one is bad everywhere.
BETTER_SHARE, MOST_OF_USUAL = 0.7, 2.0
LEAST_PX = 0.5


@dataclass(frozen=True)
class Moved:
    """A pattern that another place explains surely better.

    Attributes:
        pattern: Its number in the file.
        by_px: (y, x) from where the winning reading puts it to where it was taken, in pixels of the stored object.
    """

    pattern: int
    by_px: tuple[float, float]


def moved_alone(bench: Bench, winner: Hypothesis, rows: tuple[int, ...], usual: float) -> tuple[Moved, ...]:
    """Those of some patterns that are explained surely better a few pixels away.

    Args:
        bench: For its predictions.
        winner: How the file is read.
        rows: Ascending numbers of the patterns, few.
        usual: Mean residual of the others.
    """
    if not rows:
        return ()
    few = bench.more(np.array(rows, np.intp))
    by = np.zeros((len(rows), 2))
    for step, steps in NETS:
        by = _best(few, winner, by, step, steps)
    own, there = _left(few, winner, np.zeros((1, len(rows), 2)))[0], _left(few, winner, by[None])[0]
    sure = surely_better(there, own, few.pixels) & (there < BETTER_SHARE * own) & (there < MOST_OF_USUAL * usual)
    far = np.abs(by).max(axis=1) >= LEAST_PX
    return tuple(Moved(row, (float(y), float(x))) for row, (y, x), is_ in zip(rows, by, sure & far, strict=True) if is_)


def _best(few: Bench, winner: Hypothesis, by: NDArray[np.float64], step: float, steps: int) -> NDArray[np.float64]:
    """The best of a net of moves about those that are known, for each pattern."""
    line = step * np.arange(-steps, steps + 1)
    net = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    moves = by[None] + net
    nearest = _left(few, winner, moves).argmin(axis=0)
    best: NDArray[np.float64] = moves[nearest, np.arange(len(by))]
    return best


def _left(few: Bench, winner: Hypothesis, moves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Residuals (C, J) after moves (C, J, 2)."""
    geometry = winner.geometry
    places = geometry.centres_px(few.subject, few.rows) + moves
    left = few.residuals_at(geometry.relative, geometry.object, places, [winner.values], QUANTUM_PX)
    return left[:, 0].astype(np.float64)
