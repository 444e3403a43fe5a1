"""The generated set: three pairs, made so that every usual mistake changes a number.

Canvases with different odd and even sides, two layers, two OPR rows, two modes, pixel sizes other than 1, whole and
sub-pixel positions away from the centre, one patch that hangs over the edge, float32 and uint16 patterns, and
normalizations that are not the maximum of the patterns, so that a checkout that computes its own is found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.normalization import write_normalization
from ptycho_adapters.simulate.objects import random_lines_object
from ptycho_adapters.simulate.probes import ZonePlate, zone_plate_probe
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.bridge_job import PairPaths
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import FRAME, ParaFile
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.frames import PTYCHOVIT, to_position_m

N = 256

# First row and column of each patch.
_STARTS = ((3, 41), (40, 0), (20.25, 7.75), (5.1, 40.6), (-20, 30))


@dataclass(frozen=True)
class _Recipe:
    name: str
    canvas: tuple[int, int]
    pixel_m: float
    dtype: str
    brightest: float


# round(side / 2) to even differs between these sides from every other way to find a centre.
_TRAINING = (
    _Recipe("odd_000", (300, 303), 1.3e-8, "float32", 4e4),
    _Recipe("even_001", (301, 302), 2.1e-8, "uint16", 9e3),
)
_TEST = _Recipe("test_002", (304, 300), 1.7e-8, "float32", 2e4)


@dataclass(frozen=True)
class GeneratedPair:
    """A pair on the disk, and the truth that it was made from.

    Attributes:
        paths: its name and files.
        dp: (scan, n, n) intensities as stored.
        layers: (2, H, W) complex64; the patterns see layer 0 only.
        probe: (2 OPR rows, 2 modes, n, n) complex64; the patterns see row 0 only.
        centre_px: (scan, 2) float64, [y, x], array coordinate of patch index (n−1)/2.
        normalization: its entry.
    """

    paths: PairPaths
    dp: NDArray[Any]
    layers: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    centre_px: NDArray[np.float64]
    normalization: float


@dataclass(frozen=True)
class GeneratedSet:
    """Pairs in folders as a training wants them."""

    train: Path
    test_dp: Path
    normalization: Path
    pairs: tuple[GeneratedPair, ...]


def generate(folder: Path, seed: int) -> GeneratedSet:
    """Write the set: two pairs to train on below `train`, one below `test`, and one normalization file for all."""
    rng = np.random.default_rng(seed)
    pairs = [_write(_pair(recipe, rng, folder / "train"), recipe.pixel_m) for recipe in _TRAINING]
    pairs.append(_write(_pair(_TEST, rng, folder / "test"), _TEST.pixel_m))
    write_normalization(folder / "normalization.pkl", {pair.paths.name: pair.normalization for pair in pairs})
    return GeneratedSet(folder / "train", Path(pairs[-1].paths.dp), folder / "normalization.pkl", tuple(pairs))


def _pair(recipe: _Recipe, rng: np.random.Generator, folder: Path) -> GeneratedPair:
    layers, probe = _layers(recipe.canvas, rng), _probe()
    centres = np.array(_STARTS, np.float64) + (N - 1) / 2
    places = Places(np.zeros(len(centres), np.intp), centres)
    brightest = float(ForwardModel(layers[:1], probe[0]).amplitudes(places).max())
    probe = probe * np.float32(recipe.brightest**0.5 / brightest)
    intensity = ForwardModel(layers[:1], probe[0]).amplitudes(places).astype(np.float64) ** 2
    stored = (np.round(intensity) if recipe.dtype.startswith("u") else intensity).astype(recipe.dtype)
    dp, para = (folder / f"{recipe.name}{suffix}" for suffix in (DpFile.suffix, ParaFile.suffix))
    paths = PairPaths(name=recipe.name, dp=str(dp), para=str(para))
    return GeneratedPair(paths, stored, layers, probe, centres, normalization=1.25 * float(stored.max()))


def _layers(canvas: tuple[int, int], rng: np.random.Generator) -> NDArray[np.complex64]:
    """Two random objects with a median modulus of 1, within the amplitudes that a model can say."""
    drawn = [random_lines_object(max(canvas), rng)[: canvas[0], : canvas[1]] for _ in range(2)]
    return np.stack([one / np.float32(np.median(np.abs(one))) for one in drawn])


def _probe() -> NDArray[np.complex64]:
    """Row 0: a zone plate's probe and a weaker mode beside it; row 1: other light, which no pattern has seen."""
    first, other = zone_plate_probe(N), zone_plate_probe(N, ZonePlate(spot_radius_px=20.0))
    second = 0.4 * np.roll(first, (6, -9), axis=(0, 1))
    return np.stack([np.stack([first, second]), np.stack([other, 0.5 * other])]).astype(np.complex64)


def _write(pair: GeneratedPair, pixel_m: float) -> GeneratedPair:
    with atomic_path(pair.paths.dp) as path, h5py.File(path, "w") as file:
        file["dp"] = pair.dp
    with atomic_path(pair.paths.para) as path, h5py.File(path, "w") as file:
        file["object"], file["probe"] = pair.layers, pair.probe
        for member in ("object", "probe"):
            file[member].attrs["pixel_height_m"] = file[member].attrs["pixel_width_m"] = pixel_m
        for axis, letter in enumerate("yx"):
            side = pair.layers.shape[1 + axis]
            file[f"probe_position_{letter}_m"] = to_position_m(pair.centre_px[:, axis], pixel_m, side)
        file.attrs[FRAME] = PTYCHOVIT.name
    return pair
