"""Geometry, patterns and positions of a PtyLab file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.constants import HC_EV_M
from ptycho_contracts.measured.geometry import Geometry, number, numeric_shape
from ptycho_contracts.measured.patterns import RowsOfPatterns, TurnedPatterns
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source


def ptylab_geometry(source: Source) -> Geometry:
    """What the file says; `dxd` is both height and width of a detector pixel."""
    wavelength, pixel = number(source, "wavelength"), number(source, "dxd")
    shape = numeric_shape(source, ("ptychogram",))
    return Geometry(
        None if wavelength is None else HC_EV_M / wavelength,
        number(source, "zo"),
        None if pixel is None else (pixel, pixel),
        (shape[1], shape[2]) if shape is not None and len(shape) == 3 else None,
    )


def positions_m(source: Source) -> NDArray[np.float64] | None:
    """(n, 2) positions (row, column) in metres; two rows are two columns, as PtyLab reads them. None if neither."""
    shape = numeric_shape(source, ("encoder",))
    if shape is None or len(shape) != 2 or 2 not in shape:
        return None
    stored = source.read("encoder").astype(np.float64)
    # PtyLab 0.3.7 transposes whatever has fewer rows than columns, and (2, 2) stays.
    return stored.T if shape[0] < shape[1] else stored


def patterns_of(source: Source) -> tuple[RowsOfPatterns, int]:
    """The patterns turned as PtyLab turns them when it opens the file, and how many they are.

    Raises:
        ValueError: PtyLab knows no such orientation.
    """
    stored = StoredPatterns(source, "ptychogram", source.layout("ptychogram")[0])
    return _oriented(stored, source), stored.count


def _oriented(patterns: StoredPatterns, source: Source) -> RowsOfPatterns:
    """The patterns turned as PtyLab does: transposed from 4 on, then columns (bit 1) and rows (bit 2) flipped.

    Raises:
        ValueError: PtyLab knows no such orientation.
    """
    if "orientation" not in source.describe().members:
        return patterns
    number = float(source.read("orientation").reshape(-1)[0])
    if number not in range(8):
        raise ValueError(f"PtyLab knows orientations 0 to 7, not {number:g}")
    bits = int(number)

    def turn(frames: NDArray[Any]) -> NDArray[Any]:
        turned = frames.transpose(0, 2, 1) if bits & 4 else frames
        turned = turned[:, :, ::-1] if bits & 1 else turned
        return turned[:, ::-1] if bits & 2 else turned

    return TurnedPatterns(patterns, turn)
