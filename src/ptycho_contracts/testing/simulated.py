"""A small scan that the forward model explains, and the artifacts that hold it: right down to the physics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.contracts.ptychovit_para import FRAME
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.frames import PTYCHOVIT, to_position_m
from ptycho_contracts.physics.raw_data_readings import CENTRE_OFFSET_PX
from ptycho_contracts.testing.drawn import DrawnArtifact, DrawnFile, DrawnMember

Complex = NDArray[np.complex64]
# Detail of the object, in pixels: finer than the step of the scan, so that no place looks like its neighbour.
_GRAIN_PX = 2.5
PIXEL_M = 1e-8


@dataclass(frozen=True)
class Size:
    """How large a simulated scan is.

    Attributes:
        n: Detector pixels along an edge, at least 16.
        rows: Positions along y, at least 5.
        columns: Positions along x, at least 5.
        modes: Incoherent probe modes.
        photons: Mean counts of a pattern.
    """

    n: int = 32
    rows: int = 6
    columns: int = 6
    modes: int = 1
    photons: float = 3e5


@dataclass(frozen=True)
class SimulatedScan:
    """What was simulated.

    Attributes:
        object: (H, W) complex64, amplitude about 1.
        probe: (mode, n, n) complex64, scaled to the counts for an un-normalised FFT.
        centre_px: (scan, 2) float64 (y, x), patch index (n−1)/2 in object pixels, with sub-pixel parts.
        intensity: (scan, n, n) float32, Poisson counts.
    """

    object: Complex
    probe: Complex
    centre_px: NDArray[np.float64]
    intensity: NDArray[np.float32]


def simulate_scan(seed: int = 0, size: Size = Size()) -> SimulatedScan:
    """A jittered raster over a rectangular textured object; the same for the same seed and size."""
    rng = np.random.default_rng(seed)
    step = max(4, size.n // 5)
    grid = np.stack(np.meshgrid(np.arange(size.rows), np.arange(size.columns), indexing="ij"), -1).reshape(-1, 2)
    corners = 1 + grid * step + rng.uniform(0, step - 2, grid.shape)
    canvas = np.ceil(corners.max(axis=0)).astype(int) + size.n + rng.integers(1, 6, 2)
    obj = _texture((int(canvas[0]), int(canvas[1])), rng)
    probe = _probe(size)
    centre_px = corners + (size.n - 1) / 2
    places = Places(np.zeros(len(corners), np.intp), centre_px)
    clean = ForwardModel(obj[None], probe).amplitudes(places).astype(np.float64) ** 2
    scale = size.photons / clean.sum(axis=(1, 2)).mean()
    counts = rng.poisson(clean * scale).astype(np.float32)
    return SimulatedScan(obj, (probe * np.sqrt(scale)).astype(np.complex64), centre_px, counts)


def _texture(shape: tuple[int, int], rng: np.random.Generator) -> Complex:
    """Low-passed noise in phase (about ±0.6 rad) and, weakly, in amplitude; nothing periodic."""
    frequency = [np.fft.fftfreq(size) for size in shape]
    low_pass = np.exp(-2 * (np.pi * _GRAIN_PX) ** 2 * (frequency[0][:, None] ** 2 + frequency[1][None, :] ** 2))

    def field() -> NDArray[np.float64]:
        smooth = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * low_pass).real
        return np.asarray(smooth / smooth.std())

    return np.asarray((1 + 0.005 * field()) * np.exp(0.6j * field()), np.complex64)


def _probe(size: Size) -> Complex:
    """(mode, n, n): a lopsided Gaussian with a curved phase; further modes are its slopes, weaker each."""
    centre, width = (size.n - 1) / 2, size.n / 9
    y, x = (np.mgrid[: size.n, : size.n] - centre) / width
    first = np.exp(-(y**2) / 2 - x**2 / 1.28 + 1j * (0.6 * y**2 + 0.35 * x**2 + 0.2 * x * y))
    return np.stack([first * (0.4 * (y - x / 2)) ** mode for mode in range(size.modes)]).astype(np.complex64)


def pair_of(scan: SimulatedScan) -> DrawnArtifact:
    """As a `ptychovit-pair` in PtychoViT's frame, which the file names."""
    pixel = {"pixel_height_m": PIXEL_M, "pixel_width_m": PIXEL_M}
    members = {
        "object": DrawnMember(scan.object[None], pixel),
        "probe": DrawnMember(scan.probe[None]),
    }
    for axis, letter in enumerate("yx"):
        position = to_position_m(scan.centre_px[:, axis], PIXEL_M, scan.object.shape[axis], PTYCHOVIT)
        members[f"probe_position_{letter}_m"] = DrawnMember(position)
    dp = DrawnFile({"dp": DrawnMember(scan.intensity)})
    return DrawnArtifact({"dp": dp, "para": DrawnFile(members, {FRAME: PTYCHOVIT.name})})


def raw_data_of(scan: SimulatedScan) -> DrawnArtifact:
    """As a `raw-data-npz`: amplitudes, coordinates of patch index n/2."""
    coordinates = scan.centre_px - CENTRE_OFFSET_PX
    return _npz(
        diff3d=np.sqrt(scan.intensity),
        ycoords=coordinates[:, 0],
        xcoords=coordinates[:, 1],
        probeGuess=scan.probe[0] if len(scan.probe) == 1 else scan.probe,
        objectGuess=scan.object,
    )


def grid_lines_of(scan: SimulatedScan) -> DrawnArtifact:
    """As a `grid-lines-npz` of one object and gridsize 1, its first probe mode only, its rows in order."""
    return _npz(
        diffraction=np.sqrt(scan.intensity)[..., None],
        coords_offsets=scan.centre_px.astype(np.float32)[:, None, :, None],
        probeGuess=scan.probe[0],
        YY_full=scan.object[None, :, :, None],
    )


def _npz(**arrays: NDArray[Any]) -> DrawnArtifact:
    return DrawnArtifact({"npz": DrawnFile({name: DrawnMember(array) for name, array in arrays.items()})})


# Contracts of which a simulated scan can be made without any format's writer, by id.
SIMULATED: dict[str, Callable[[SimulatedScan], DrawnArtifact]] = {
    "grid-lines-npz": grid_lines_of,
    "ptychovit-pair": pair_of,
    "raw-data-npz": raw_data_of,
}
