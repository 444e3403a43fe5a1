"""Patterns and positions of a tike archive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.measured.patterns import TurnedPatterns, WholePatterns
from ptycho_contracts.sources.base import Source


def patterns_of(source: Source) -> TurnedPatterns:
    """The patterns with their zero frequency at n/2."""
    return TurnedPatterns(WholePatterns(source, "data"), _from_corner)


def corners_px(source: Source) -> NDArray[np.float64]:
    """(n, 2) first pixel (row, column) of each patch, from any origin."""
    corners: NDArray[np.float64] = source.read("scan")[0].astype(np.float64)
    return corners


def _from_corner(frames: NDArray[Any]) -> NDArray[Any]:
    return np.fft.fftshift(frames, axes=(1, 2))
