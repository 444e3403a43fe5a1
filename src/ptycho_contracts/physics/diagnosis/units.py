"""Amplitude or intensity, by how stored values grow with predicted intensities.

The mean of counts is the predicted intensity at any dose; the mean of their square roots is its root only where there
are many. So residuals cannot decide about the unit at low doses, but slopes can: intensities grow with slope 1 and
their squares faster, amplitudes slower and their squares with slope 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis
from ptycho_contracts.physics.diagnosis.space import UNITS

_BINS = 12
# The other unit's slope has to be nearer to 1 by this much.
CLEARLY = 0.04


def in_other_unit(hypothesis: Hypothesis) -> Hypothesis:
    """The same places and turns with the other unit."""
    other = UNITS[1 - UNITS.index(hypothesis.values.unit)]
    return replace(hypothesis, values=replace(hypothesis.values, unit=other))


def speaks_for_other_unit(bench: Bench, hypothesis: Hypothesis) -> bool:
    """Whether stored values grow with what a (right) geometry predicts as those of the other unit do."""
    geometry = hypothesis.geometry
    centres = geometry.centres_px(bench.subject, bench.rows)
    predicted = np.square(bench.predictor(geometry.relative).amplitudes(centres), dtype=np.float64)
    # The square roots of intensities, squared again, are the values as they are stored.
    as_intensity = replace(hypothesis.values, unit="intensity")
    stored = np.square(bench.stored_amplitudes(as_intensity, geometry.object), dtype=np.float64)
    off = {"intensity": abs(_slope(predicted, stored) - 1), "amplitude": abs(_slope(predicted, stored**2) - 1)}
    own = hypothesis.values.unit
    other = UNITS[1 - UNITS.index(own)]
    return off[other] < off[own] - CLEARLY


def _slope(predicted: NDArray[np.float64], stored: NDArray[np.float64]) -> float:
    """D log(mean stored) / d log(mean predicted) over bins of equally many pixels."""
    order = np.argsort(predicted, axis=None)
    bins = np.array_split(order, _BINS)
    means = np.array([[predicted.flat[b].mean(), stored.flat[b].mean()] for b in bins])
    x, y = np.log(means[(means > 0).all(axis=1)].T)
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.ptp(x) > 0 else np.nan
