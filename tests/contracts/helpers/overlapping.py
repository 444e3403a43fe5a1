"""Patterns of neighbouring places that overlap, of an object that nobody stores, and files of them in every format."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from measured_files import DETECTOR_PIXEL_M, DISTANCE_M, WAVELENGTH_M, cxi_members, ptyd_members, ptylab_members, write
from numpy.typing import NDArray
from simulated import gaussian_probe, intensity, scan_corners, structured_object

N = 32
PIXEL_M = WAVELENGTH_M * DISTANCE_M / (N * DETECTOR_PIXEL_M)

Arrays = tuple[NDArray[Any], NDArray[np.float64]]


@cache
def measured() -> Arrays:
    """100 noisy patterns of 32², every patch overlapping several others; positions from an arbitrary origin."""
    obj = structured_object((84, 90), 3)
    corners = scan_corners(10, 10, 5, 4)
    probe = gaussian_probe(N)
    clean = np.stack([intensity(obj[y : y + N, x : x + N], probe) for y, x in corners])
    counts = np.random.default_rng(5).poisson(clean * (3e4 / clean.sum(axis=(1, 2)).mean()))
    return counts.astype(np.float32), corners + np.array([1000.25, -77.0])


TURNS = {
    (): lambda p: p,
    ("negated-y",): lambda p: p * [-1, 1],
    ("swapped-axes",): lambda p: p[:, ::-1],
    ("swapped-axes", "negated-y"): lambda p: p[:, ::-1] * [-1, 1],
}


def ptyd(folder: Path, patterns: NDArray[Any], positions_px: NDArray[np.float64]) -> Path:
    """Two chunks of a PtyPy data file."""
    half = len(patterns) // 2
    chunks = {
        f"chunks/{number}/{name}": value
        for number, part in enumerate((slice(0, half), slice(half, None)))
        for name, value in (("data", patterns[part]), ("positions", positions_px[part] * PIXEL_M))
    }
    gone = {"chunks/0/indices": None, "meta/center": np.array([N / 2, N / 2])}
    return write(folder / "scan.ptyd", ptyd_members() | chunks, gone)


def ptylab(folder: Path, patterns: NDArray[Any], positions_px: NDArray[np.float64]) -> Path:
    """A PtyLab file whose patterns PtyLab transposes and flips when it opens it."""
    stored = patterns[:, ::-1].transpose(0, 2, 1)
    changes = {"ptychogram": stored, "encoder": positions_px * PIXEL_M, "orientation": 6}
    return write(folder / "scan.hdf5", ptylab_members(), changes)


def cxi(folder: Path, patterns: NDArray[Any], positions_px: NDArray[np.float64]) -> Path:
    """A CXI file as cdtools writes it."""
    translation = np.zeros((len(positions_px), 3))
    translation[:, 1], translation[:, 0] = positions_px.T * PIXEL_M
    detector = "entry_1/instrument_1/detector_1/data"
    changes = {detector: patterns, "entry_1/sample_1/geometry_1/translation": translation}
    return write(folder / "scan.cxi", cxi_members(), changes)


def tike(folder: Path, patterns: NDArray[Any], positions_px: NDArray[np.float64]) -> Path:
    """A tike archive."""
    path = folder / "scan.npz"
    np.savez(
        path,
        data=np.fft.ifftshift(patterns, axes=(1, 2))[None],
        scan=positions_px[None].astype(np.float32),
        probe=gaussian_probe(N).astype(np.complex64)[None, None, None, None],
    )
    return path


def raw_data(folder: Path, patterns: NDArray[Any], positions_px: NDArray[np.float64]) -> Path:
    """PtychoPINN's RawData without `objectGuess`."""
    path = folder / "scan.npz"
    y, x = positions_px.T.copy()
    probe = gaussian_probe(N).astype(np.complex64)
    amplitudes = np.sqrt(patterns, dtype=np.float32)
    np.savez(path, xcoords=x, ycoords=y, xcoords_start=x, ycoords_start=y, diff3d=amplitudes, probeGuess=probe)
    return path


def fold_slice(folder: Path, patterns: NDArray[Any], positions_px: NDArray[np.float64]) -> Path:
    """A fold_slice pair as Python writes it."""
    with h5py.File(folder / "scan_dp.hdf5", "w") as dp, h5py.File(folder / "scan_para.hdf5", "w") as para:
        dp["dp"] = patterns
        para["ppY"], para["ppX"] = positions_px.T * PIXEL_M
        para["dx"], para["lambda"] = PIXEL_M, WAVELENGTH_M
    return folder / "scan_dp.hdf5"


# For each contract that may hold no object: a writer, and where it keeps patterns, y and x.
FORMATS: dict[str, tuple[Callable[..., Path], tuple[str, str, str]]] = {
    "ptypy-ptyd": (ptyd, ("ptyd:/chunks/0/data", "ptyd:/chunks/0/positions", "ptyd:/chunks/0/positions")),
    "ptylab": (ptylab, ("ptylab:/ptychogram", "ptylab:/encoder", "ptylab:/encoder")),
    "cxi": (
        cxi,
        (
            "cxi:/entry_1/instrument_1/detector_1/data",
            "cxi:/entry_1/sample_1/geometry_1/translation",
            "cxi:/entry_1/sample_1/geometry_1/translation",
        ),
    ),
    "tike-npz": (tike, ("npz:/data", "npz:/scan", "npz:/scan")),
    "raw-data-npz": (raw_data, ("npz:/diff3d", "npz:/ycoords", "npz:/xcoords")),
    "fold-slice-pair": (fold_slice, ("dp:/dp", "para:/ppY", "para:/ppX")),
}
