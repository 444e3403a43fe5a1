"""The usual mistakes, as readings of a file whose patterns, positions, object and probe are all stored."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.forward import Places
from ptycho_contracts.physics.readings import Reading, Stored

SWAPPED = "x and y swapped"
NEGATED_Y = "y negated"
NEGATED_X = "x negated"
OTHER_UNIT: dict[Stored, str] = {
    "intensity": "amplitude stored for intensity",
    "amplitude": "intensity stored for amplitude",
}


CORNER = "zero frequency at the corner"


def frame_change(name: str) -> str:
    """What a reading in another frame is called."""
    return f"frame {name}"


def usual_mistakes(
    centred_px: NDArray[np.float64],
    origins_px: dict[str, tuple[float, float]],
    stated_frame: str,
    stored: Stored,
) -> list[Reading]:
    """Readings over unit, detector origin, axis order, sign and frame; the file's own statement first.

    Args:
        centred_px: (n, 2) positions (y, x) in pixels from the frame's origin.
        origins_px: Origin (y, x) of each named frame on this canvas.
        stated_frame: The frame that the file states, one of `origins_px`.
        stored: What the file states its values to be.
    """
    frames = [stated_frame, *(name for name in origins_px if name != stated_frame)]
    units: tuple[Stored, Stored] = ("intensity", "amplitude") if stored == "intensity" else ("amplitude", "intensity")
    readings = []
    for swap, sign, frame in product((False, True), ((1, 1), (-1, 1), (1, -1), (-1, -1)), frames):
        moved = (centred_px[:, ::-1] if swap else centred_px) * np.array(sign) + np.array(origins_px[frame])
        places = Places(np.zeros(len(moved), np.intp), moved)
        geometry = (
            *((SWAPPED,) if swap else ()),
            *((NEGATED_Y,) if sign[0] < 0 else ()),
            *((NEGATED_X,) if sign[1] < 0 else ()),
            *((frame_change(frame),) if frame != stated_frame else ()),
        )
        for unit, corner in product(units, (False, True)):
            values = (*((OTHER_UNIT[stored],) if unit != stored else ()), *((CORNER,) if corner else ()))
            changes = (*values, *geometry)
            readings.append(Reading(" + ".join(changes) or "as stated", places, unit, changes, corner))
    # Fewer mistakes first: of readings that say the same, the simplest name is kept.
    return sorted(readings, key=lambda r: len(r.changes))
