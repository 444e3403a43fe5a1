"""How a RawData NPZ may be meant: PtychoPINN's amplitudes at index N/2, or Ptychodus' intensities at the centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.mistakes import OTHER_UNIT, frame_change, usual_mistakes
from ptycho_contracts.physics.readings import Reading

# The coordinate names patch index N/2 (patch = object[y−N/2 : y+N/2]); the centre, index (N−1)/2, is half less.
CENTRE_OFFSET_PX = -0.5
_STATED = "index N/2"
_CENTRE = "index (N−1)/2"
# What the two writers of this format do differently; anything else is a defect of a file.
REPAIRABLE = (OTHER_UNIT["amplitude"], frame_change(_CENTRE))


def raw_data_readings(coordinates_px: NDArray[np.float64]) -> list[Reading]:
    """Readings of a RawData file from its (n, 2) coordinates (y, x); PtychoPINN's own first."""
    origins = {_STATED: (CENTRE_OFFSET_PX, CENTRE_OFFSET_PX), _CENTRE: (0.0, 0.0)}
    return usual_mistakes(coordinates_px, origins, _STATED, "amplitude")
