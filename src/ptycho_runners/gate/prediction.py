"""The forward model once more, in a few lines of plain numpy: what the gate judges conversions with.

Nothing of the adapters or of the physics check is used here. The facts: `I = Σ_modes |fftshift(fft2(o·p))|²` with
an un-normalised FFT; a stated position is `(y_m, x_m)/pixel_height_m + (round(H/2)+0.5, round(W/2)+0.5)`, the
0-based coordinate of patch index (n−1)/2 (PtychoViT, flat generation of February 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Amplitudes = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stored:
    """A pair as its two files state it.

    Attributes:
        amplitude: (scan, n, n) float64, the square root of `dp`.
        object: (H, W) complex, first layer.
        probe: (mode, n, n) complex.
        start_px: (scan, 2) float64, (y, x) of each patch's element [0, 0].
    """

    amplitude: Amplitudes
    object: NDArray[np.complexfloating[Any, Any]]
    probe: NDArray[np.complexfloating[Any, Any]]
    start_px: NDArray[np.float64]

    def predicted(self, start_px: NDArray[np.intp]) -> Amplitudes:
        """Diffraction amplitudes (k, n, n) of the patches that begin at the given pixels (k, 2)."""
        n = self.probe.shape[-1]
        patches = (self.object[y : y + n, x : x + n] for y, x in start_px)
        return np.stack([_amplitude(patch * self.probe) for patch in patches])

    def inside(self, start_px: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of the patches that begin there lie wholly on the object."""
        last = np.array(self.object.shape) - self.probe.shape[-1]
        return np.asarray(((start_px >= 0) & (start_px <= last)).all(axis=1))


def read_stored(files: Mapping[str, Path]) -> Stored:
    """Read a pair with h5py alone.

    Args:
        files: Paths by role, `dp` and `para`.

    Raises:
        KeyError: a member is absent.
        OSError: a file cannot be read.
    """
    import h5py  # noqa: PLC0415 - costs start-up time that `--help` never needs

    with h5py.File(files["dp"], "r") as file:
        amplitude = np.sqrt(file["dp"][:].astype(np.float64))
    with h5py.File(files["para"], "r") as file:
        obj, probe = file["object"][0], file["probe"][0]
        metres = np.stack([file[f"probe_position_{axis}_m"][:] for axis in ("y", "x")], axis=1)
        centre = metres / float(file["object"].attrs["pixel_height_m"]) + np.round(np.array(obj.shape) / 2) + 0.5
    return Stored(amplitude, obj, probe, centre - (probe.shape[-1] - 1) / 2)


def residuals(measured: Amplitudes, predicted: Amplitudes) -> NDArray[np.float64]:
    """Σ(measured − predicted)² for every measured pattern (rows) and every prediction (columns)."""
    left, right = (patterns.reshape(len(patterns), -1) for patterns in (measured, predicted))
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)
    found: NDArray[np.float64] = squares - 2 * left @ right.T
    return found


def _amplitude(exit_waves: NDArray[np.complexfloating[Any, Any]]) -> Amplitudes:
    far_field = np.fft.fftshift(np.fft.fft2(exit_waves), axes=(-2, -1))
    total: Amplitudes = np.sqrt((np.abs(far_field) ** 2).sum(axis=0))
    return total
