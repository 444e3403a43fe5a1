"""Pairs with 256-pixel patterns, their normalization, and the path of the fake checkout."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

PIXEL_M = 1e-8


@dataclass(frozen=True)
class Data:
    """A folder of training pairs, a test pair beside it, and one normalization file for all."""

    train: Path
    test_dp: Path
    normalization: Path
    maxima: dict[str, float]


def write_pair(folder: Path, name: str, n_patterns: int, size: int = 256) -> float:
    """A pair of the named size in PtychoViT's frame; returns the maximum of its dp."""
    rng = np.random.default_rng(list(name.encode()))
    canvas = size + 44
    field = np.exp(1j * rng.uniform(0, 0.5, (canvas, canvas))).astype("complex64")
    r2 = sum(np.meshgrid(*2 * [(np.arange(size) - size / 2) ** 2], indexing="ij"))
    probe = np.exp(-r2 / (size / 8) ** 2).astype("complex64") / size
    start = rng.integers(0, canvas - size, (n_patterns, 2))
    patches = np.stack([field[y : y + size, x : x + size] for y, x in start])
    dp = np.abs(np.fft.fftshift(np.fft.fft2(patches * probe), axes=(1, 2))).astype("float32") ** 2
    metres = (start + (size - 1) / 2 - (np.round(canvas / 2) + 0.5)) * PIXEL_M
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / f"{name}_dp.hdf5", "w") as file:
        file["dp"] = dp
    with h5py.File(folder / f"{name}_para.hdf5", "w") as file:
        file["object"], file["probe"] = field[None], probe[None, None]
        for key in ("object", "probe"):
            file[key].attrs["pixel_height_m"] = file[key].attrs["pixel_width_m"] = PIXEL_M
        file["probe_position_y_m"], file["probe_position_x_m"] = metres.T
    return float(dp.max())


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    root = tmp_path_factory.mktemp("pairs")
    maxima = {
        "lines_000": write_pair(root / "train", "lines_000", 4),
        "lines_001": write_pair(root / "train", "lines_001", 4),
        "held_out": write_pair(root / "test", "held_out", 3),
    }
    (root / "normalization.pkl").write_bytes(pickle.dumps(maxima))
    return Data(root / "train", root / "test" / "held_out_dp.hdf5", root / "normalization.pkl", maxima)


@pytest.fixture(scope="session")
def fake_checkout() -> Path:
    return Path(__file__).parent / "fake_checkout"
