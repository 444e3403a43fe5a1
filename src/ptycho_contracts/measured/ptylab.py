"""Geometry and positions of a PtyLab file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.constants import HC_EV_M
from ptycho_contracts.measured.geometry import Geometry, number, numeric_shape
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
