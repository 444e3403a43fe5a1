"""Geometry and positions of a CXI file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.constants import ELECTRONVOLT_J, HC_EV_M
from ptycho_contracts.contracts import cxi
from ptycho_contracts.measured.geometry import Geometry, number, numeric_shape, possible_energy_eV
from ptycho_contracts.sources.base import Source

# Detector rows along −y and columns along −x: what cdtools assumes without basis vectors, and Ptychodus always.
_DEFAULT = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
# A vector whose largest component is less than this share of its length points along no axis.
_ALONG = 0.9999


def cxi_geometry(source: Source) -> Geometry:
    """What the file says; the energy follows from the wavelength where only that is stored."""
    energy, wavelength = number(source, cxi.ENERGY_J), number(source, cxi.WAVELENGTH_M)
    energy_eV = None if wavelength is None else HC_EV_M / wavelength
    if energy is not None:
        energy_eV = possible_energy_eV(energy / ELECTRONVOLT_J)
    shape = numeric_shape(source, cxi.PATTERNS)
    frame = (shape[1], shape[2]) if shape is not None and len(shape) == 3 else None
    return Geometry(energy_eV, distance_m(source), detector_pixel_m(source), frame)


def distance_m(source: Source) -> float | None:
    """The stored distance, or that of the detector's plane where only its corner is stored, as cdtools has it."""
    basis, corner = basis_vectors(source), numeric_shape(source, (cxi.CORNER,))
    stored = number(source, cxi.DISTANCE_M)
    if stored is not None or basis is None or corner != (3,):
        return stored
    normal = np.cross(basis[0], basis[1])
    length = float(np.linalg.norm(normal))
    distance = abs(float(source.read(cxi.CORNER).astype(np.float64) @ normal)) / length if length > 0 else 0.0
    return distance if 0 < distance < np.inf else None


def basis_vectors(source: Source) -> NDArray[np.float64] | None:
    """(row, column) steps of the detector, (2, 3) as (x, y, z) in metres; None where the file has none."""
    shape = numeric_shape(source, (cxi.BASIS_VECTORS,))
    if shape not in {(3, 2), (2, 3)}:
        return None
    stored = source.read(cxi.BASIS_VECTORS).astype(np.float64)
    return stored.T if shape == (3, 2) else stored


def detector_pixel_m(source: Source) -> tuple[float, float] | None:
    """(height, width) of a pixel: the lengths of the basis vectors, else the sizes; one size stands for both."""
    basis = basis_vectors(source)
    if basis is not None and np.all(np.isfinite(basis)) and np.all(np.linalg.norm(basis, axis=1) > 0):
        height, width = np.linalg.norm(basis, axis=1)
        return float(height), float(width)
    y, x = (number(source, member) for member in cxi.PIXELS_M)
    y, x = (y if y is not None else x), (x if x is not None else y)
    return None if y is None or x is None else (y, x)


def directions(source: Source) -> NDArray[np.float64] | None:
    """Along which (x, y, z) a translation moves a pattern down the rows and the columns of the object, (2, 3).

    The sample moves against the beam and the image of a detector axis is upside down: the two signs leave minus the
    basis vector. None where the detector's axes are none of the axes x and y.
    """
    basis = basis_vectors(source)
    if basis is None:
        return _DEFAULT
    lengths = np.linalg.norm(basis, axis=1, keepdims=True)
    if not np.all(np.isfinite(basis)) or np.any(lengths == 0):
        return None
    unit = basis / lengths
    axes = np.abs(unit).argmax(axis=1)
    if np.abs(unit).max(axis=1).min() < _ALONG or set(axes.tolist()) != {0, 1}:
        return None
    rounded: NDArray[np.float64] = -np.round(unit)
    return rounded


def positions_m(source: Source) -> NDArray[np.float64] | None:
    """(n, 2) displacement of the patches over the object, (row, column) in metres; None where it cannot be known."""
    shape, along = numeric_shape(source, cxi.TRANSLATION), directions(source)
    if shape is None or along is None or len(shape) != 2 or shape[1] not in {2, 3}:
        return None
    stored = source.read(translation_member(source)).astype(np.float64)
    with np.errstate(invalid="ignore"):  # an infinite value is a finding of depth `data`
        moved: NDArray[np.float64] = stored @ along[:, : shape[1]].T
    return moved


def translation_member(source: Source) -> str:
    """The first place where translations are.

    Raises:
        KeyError: there is none.
    """
    members = source.describe().members
    for member in cxi.TRANSLATION:
        if member in members:
            return member
    raise KeyError("the file has no translation")
