"""The numbers of a hypothesis: where all positions, and how large the pixels, explain a sample best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import unit
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis

# While far from the minimum, places are rounded to this, so that few moved probes serve all.
QUANTUM_PX = 0.125
WALK_PX = 1.0
MOST_WALKS = 3
# Over which the derivative of the predictions is taken.
COARSE_PX, FINE_PX = 0.25, 0.0625
MOST_STEPS = 5
LONGEST_STEP_PX = 1.0
# Steps shorter than this change no verdict.
SHORTEST_STEP_PX = 0.01


@dataclass(frozen=True)
class Free:
    """Which numbers may move."""

    scale: bool
    shift: bool

    @property
    def axes(self) -> NDArray[np.float64]:
        """(p, 3) unit steps of (y, x, scale); a scale's unit moves the edge of the scan by a pixel."""
        return np.eye(3)[[*([0, 1] if self.shift else []), *([2] if self.scale else [])]]


class _Sample:
    """A hypothesis as a function of its numbers (y, x, scale).

    A scale that moves together with a shift grows about the middle of the scan, where it least disturbs the shift;
    alone it grows about the origin of the frame, as pixel sizes do.
    """

    def __init__(self, bench: Bench, start: Hypothesis, free: Free) -> None:
        self._bench = bench
        self._start = start
        geometry, subject = start.geometry, bench.subject
        self._places = geometry.centres_px(subject, bench.rows)
        every = geometry.place(subject, subject.centred_px)
        self._middle = every.mean(axis=0) if free.shift else geometry.affine(subject)[1]
        self._reach = max(1.0, float(np.abs(every - self._middle).max()))
        self.stored = bench.stored(start.values, geometry.object)

    def predictions(self, numbers: NDArray[np.float64], quantum_px: float | None) -> NDArray[np.float32]:
        """Unit predictions (C, J, K) for numbers (C, 3)."""
        grown = 1 + numbers[:, 2, None, None] / self._reach
        moved = self._middle + grown * (self._places - self._middle) + numbers[:, None, :2]
        predictor = self._bench.predictor(self._start.geometry.relative)
        flat = predictor.amplitudes(moved.reshape(-1, 2), quantum_px)
        return unit(flat).reshape(len(numbers), len(self._places), -1)

    def left(self, predicted: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean residuals (C,)."""
        overlap = np.einsum("cjk,jk->cj", predicted, self.stored, dtype=np.float64)
        return np.asarray((1 - overlap**2).mean(axis=1))

    def geometry(self, numbers: NDArray[np.float64]) -> Geometry:
        """The geometry with these numbers in it."""
        return _moved(self._bench, self._start.geometry, self._middle, 1 + float(numbers[2]) / self._reach, numbers[:2])


def refine(bench: Bench, start: Hypothesis, free: Free, near: bool = False) -> Hypothesis:
    """The nearest hypothesis of the same state and order that leaves least of the bench's patterns unexplained.

    Args:
        bench: The sample.
        start: Where to begin.
        free: What may move.
        near: Whether the start is a fraction of a pixel off, so that exact places are worth their time.
    """
    sample = _Sample(bench, start, free)
    numbers = np.zeros(3) if near else _walk(sample, free.axes)
    numbers = _descend(sample, free.axes, numbers, FINE_PX if near else COARSE_PX, None if near else QUANTUM_PX)
    return replace(start, geometry=sample.geometry(numbers))


def _walk(sample: _Sample, axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole pixels towards the minimum, where derivatives may not point yet."""
    best = np.zeros(3)
    around = WALK_PX * np.concatenate([np.zeros((1, 3)), axes, -axes])
    for _ in range(MOST_WALKS):
        left = sample.left(sample.predictions(best + around, QUANTUM_PX))
        nearer = int(left.argmin())
        if nearer == 0:
            break
        best = best + around[nearer]
    return best


def _descend(
    sample: _Sample, axes: NDArray[np.float64], numbers: NDArray[np.float64], over_px: float, quantum_px: float | None
) -> NDArray[np.float64]:
    """Gauss–Newton steps: predictions are linear in a fraction of a pixel."""
    best, least = numbers, np.inf
    for _ in range(MOST_STEPS):
        around = numbers + over_px * np.concatenate([np.zeros((1, 3)), axes])
        predicted = sample.predictions(around, quantum_px)
        left = float(sample.left(predicted[:1])[0])
        if left >= least:
            numbers = (numbers + best) / 2
            if np.abs(numbers - best).max() < SHORTEST_STEP_PX:
                break
            continue
        best, least = numbers, left
        slopes = (predicted[1:] - predicted[0]).reshape(len(axes), -1).astype(np.float64) / over_px
        missing = (sample.stored - predicted[0]).reshape(-1).astype(np.float64)
        step = np.linalg.lstsq(slopes @ slopes.T, slopes @ missing, rcond=1e-9)[0] @ axes
        length = float(np.abs(step).max())
        if length < SHORTEST_STEP_PX:
            return np.asarray(numbers + step)
        numbers = numbers + step * min(1.0, LONGEST_STEP_PX / length)
    return best


def _moved(
    bench: Bench, geometry: Geometry, middle: NDArray[np.float64], grown: float, by: NDArray[np.float64]
) -> Geometry:
    """The geometry whose places are `middle + grown · (place − middle) + by`."""
    _, offset = geometry.affine(bench.subject)
    scaled = replace(geometry, scale=float(geometry.scale * grown))
    # A larger scale leaves the offset where it is.
    return scaled.moved(middle + grown * (offset - middle) + by - offset)
