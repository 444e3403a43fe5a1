"""Positions of a fold_slice pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.sources.base import Source


def positions_m(para: Source) -> NDArray[np.float64]:
    """(n, 2) patch centres (row, column) in metres, from any origin."""
    return np.column_stack([para.read(name).reshape(-1) for name in ("ppY", "ppX")]).astype(np.float64)
