"""How far apart the positions of a scan lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spacing_px(positions_px: NDArray[np.float64]) -> float:
    """Distance of neighbours if (n, 2) positions were spread evenly over the area that they span, n ≥ 1.

    A line of positions spans an area one pixel wide.
    """
    height, width = np.ptp(positions_px, axis=0)
    return float(np.sqrt(max(height, 1.0) * max(width, 1.0) / len(positions_px)))
