"""Whether all positions are off by the same amount, which no named frame says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import SURE_Z, consistent_gap, residuals, unit
from ptycho_contracts.physics.evidence import PROVEN_SHARE
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import Patterns, Reading
from ptycho_contracts.physics.sampling import compete
from ptycho_contracts.physics.signatures import spread, stored_signatures

SAMPLE_PATTERNS = 16
STEPS_PX = (1.0, 0.5)
# Beyond this the search would leave the neighbourhood in which residuals fall towards the right place.
MOST_PX = 8.0
_NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]

Shift = tuple[float, float]


def common_shift(model: ForwardModel, patterns: Patterns, reading: Reading, pixels: NDArray[np.intp]) -> Shift | None:
    """The shift (y, x) in pixels of all positions that explains a sample surely better, or None where none does.

    A descent over half pixels. Positions and probe are not told apart: a probe off its centre looks the same.
    """
    rows = spread(patterns.count, SAMPLE_PATTERNS)
    stored = stored_signatures(patterns.take(rows), pixels, reading)
    places = reading.places.take(rows)
    known: dict[Shift, NDArray[np.float64]] = {}

    def left(shift: Shift) -> NDArray[np.float64]:
        if shift not in known:
            moved = Places(places.object_index, places.centre_px + np.array(shift))
            known[shift] = residuals(stored, unit(model.amplitudes(moved, pixels)))
        return known[shift]

    best: Shift = (0.0, 0.0)
    for step in STEPS_PX:
        while True:
            around = [(best[0] + step * y, best[1] + step * x) for y, x in _NEIGHBOURS]
            near = min(around, key=lambda shift: float(left(shift).mean()))
            if left(near).mean() >= left(best).mean() or max(map(abs, near)) > MOST_PX:
                break
            best = near
    sure = consistent_gap(left(best), left((0.0, 0.0)), len(pixels)) >= SURE_Z
    return best if best != (0.0, 0.0) and sure and _stands(model, patterns, reading, best, pixels) else None


def _stands(model: ForwardModel, patterns: Patterns, reading: Reading, shift: Shift, pixels: NDArray[np.intp]) -> bool:
    """Whether the shifted places beat others of the scan; any wrong reading gets a little better somewhere."""
    moved = replace(reading, places=Places(reading.places.object_index, reading.places.centre_px + np.array(shift)))
    told = compete(model, patterns, [moved], pixels)[0]
    return told.contradict == 0 and told.agree >= PROVEN_SHARE * told.sampled
