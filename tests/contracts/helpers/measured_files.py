"""Small measured files in the formats of the field, written by plain h5py; what a test changes is given by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

N = 16
ENERGY_EV = 8000.0
DISTANCE_M = 2.0
DETECTOR_PIXEL_M = 75e-6
# Written out, and not by a function of ours: h·c in J·m, and the electronvolt.
WAVELENGTH_M = 1.9864458571489287e-25 / (ENERGY_EV * 1.602176634e-19)
PIXEL_M = WAVELENGTH_M * DISTANCE_M / (N * DETECTOR_PIXEL_M)
# (row, column) in object pixels, from any origin: rows and columns differ in number and in step.
ROW_STEP_PX = 2.0
STEPS_PX = np.array([(ROW_STEP_PX * i, 3.0 * j + 0.25 * i) for i in range(4) for j in range(3)])

Members = dict[str, Any]


def patterns(count: int = len(STEPS_PX), shape: tuple[int, int] = (N, N)) -> NDArray[np.float32]:
    """Patterns of which no two are alike, and none is its own mirror image."""
    return np.random.default_rng(7).poisson(20, (count, *shape)).astype(np.float32)


def cxi_members() -> Members:
    """A CXI file as cdtools writes it, in float64."""
    detector, source = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
    translation = np.zeros((len(STEPS_PX), 3))
    translation[:, 1], translation[:, 0] = STEPS_PX.T * PIXEL_M
    p = DETECTOR_PIXEL_M
    return {
        f"{detector}/data": patterns(),
        f"{detector}/distance": DISTANCE_M,
        f"{detector}/x_pixel_size": p,
        f"{detector}/y_pixel_size": p,
        f"{detector}/basis_vectors": np.array([[0.0, -p], [-p, 0.0], [0.0, 0.0]]),
        f"{source}/energy": ENERGY_EV * 1.602176634e-19,
        f"{source}/wavelength": WAVELENGTH_M,
        "entry_1/sample_1/geometry_1/translation": translation,
    }


def ptyd_members() -> Members:
    """A PtyPy data file with one chunk."""
    return {
        "chunks/0/data": patterns(),
        "chunks/0/positions": STEPS_PX * PIXEL_M,
        "chunks/0/indices": np.arange(len(STEPS_PX)),
        "meta/energy": ENERGY_EV / 1e3,
        "meta/distance": DISTANCE_M,
        "meta/psize": np.array([DETECTOR_PIXEL_M] * 2),
        "meta/center": np.array([N / 2, N / 2]),
    }


def ptylab_members() -> Members:
    """A PtyLab file."""
    return {
        "ptychogram": patterns(),
        "encoder": STEPS_PX * PIXEL_M,
        "wavelength": WAVELENGTH_M,
        "dxd": DETECTOR_PIXEL_M,
        "zo": DISTANCE_M,
    }


def write(path: Path, members: Members, changes: Members | None = None) -> Path:
    """Write members by path; a change of None leaves the member out, an absent one is not written either."""
    with h5py.File(path, "w") as file:
        for name, value in (members | (changes or {})).items():
            if value is not None:
                file[name] = value
    return path
