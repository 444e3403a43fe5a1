"""The geometry of a measurement, and whether its numbers can be what their format says they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.constants import HC_EV_M
from ptycho_contracts.sources.base import Source

# In the far field a pattern is sampled finely enough only if the illumination spans at most half of the patch. Scan
# points further apart than that share no illumination.
LARGEST_STEP = 0.5
# From visible light to what no ptychography uses, beams of electrons included.
LOWEST_EV, HIGHEST_EV = 0.1, 2e6


@dataclass(frozen=True)
class Geometry:
    """Energy and lengths in eV and metres; None where the file does not say.

    Attributes:
        energy_eV: Photon energy.
        distance_m: From object to detector.
        detector_pixel_m: (height, width) of a detector pixel.
        frame_shape: (rows, columns) of a pattern.
    """

    energy_eV: float | None  # noqa: N815 - the unit's own spelling
    distance_m: float | None
    detector_pixel_m: tuple[float, float] | None
    frame_shape: tuple[int, int] | None

    def patch_m(self) -> NDArray[np.float64] | None:
        """(height, width) of the patch that a far-field pattern stands for: λ·z/(detector pixel)."""
        if self.energy_eV is None or self.distance_m is None or self.detector_pixel_m is None:
            return None
        patch: NDArray[np.float64] = HC_EV_M / self.energy_eV * self.distance_m / np.array(self.detector_pixel_m)
        return patch

    def detector_m(self) -> NDArray[np.float64] | None:
        """(height, width) of the detector's used area."""
        if self.detector_pixel_m is None or self.frame_shape is None:
            return None
        size: NDArray[np.float64] = np.array(self.detector_pixel_m) * np.array(self.frame_shape)
        return size


def possible_energy_eV(energy_eV: float | None) -> float | None:
    """The energy, unless none of ptychography is like it: its unit is another, and nothing follows from the number."""
    return energy_eV if energy_eV is not None and LOWEST_EV <= energy_eV <= HIGHEST_EV else None


def typical_step(positions_m: NDArray[np.floating], window_m: NDArray[np.float64]) -> float | None:
    """Median distance to the nearest other scan point, in units of a window (height, width); None without two points.

    Points that were taken twice count once.
    """
    from scipy.spatial import KDTree  # noqa: PLC0415

    finite = positions_m[np.all(np.isfinite(positions_m), axis=1)].astype(np.float64) / window_m
    points = np.unique(finite, axis=0)
    if len(points) < 2:
        return None
    distances, _ = KDTree(points).query(points, k=2)
    return float(np.median(distances[:, 1]))


def number(source: Source, member: str) -> float | None:
    """The positive number that a member holds; None where it is absent, not one number, or not positive and finite."""
    shape = numeric_shape(source, (member,))
    if shape is None or np.prod(shape) != 1:
        return None
    value = float(source.read(member).reshape(-1)[0])
    return value if np.isfinite(value) and value > 0 else None


def numeric_shape(source: Source, members: tuple[str, ...]) -> tuple[int, ...] | None:
    """Shape of the first of these members that is there; None where none is, or where it holds no real numbers."""
    described = source.describe().members
    info = next((described[m] for m in members if m in described), None)
    return None if info is None or info.dtype.rstrip("0123456789") not in {"int", "uint", "float"} else info.shape
