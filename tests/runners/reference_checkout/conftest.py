"""The checkout's modules under names of their own, and small pairs."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ptycho_adapters.simulate.objects import random_lines_object
from ptycho_adapters.simulate.probes import zone_plate_probe

ROOT = Path(__file__).parents[3] / "src/ptycho_runners/reference_checkout"
TOP = ("data", "training", "model", "utils")
MODULES = (
    "data",
    "training",
    "model.model",
    "model.physics",
    "utils.augment",
    "utils.files",
    "utils.frame",
    "utils.lines",
    "utils.losses",
    "utils.normalization",
    "utils.optimizer",
    "utils.plots",
    "utils.randomness",
    "utils.settings",
)
PIXEL_M = 1e-8


@pytest.fixture(scope="session")
def checkout() -> SimpleNamespace:
    """The checkout's modules by their last name, and all of them by their full name in `loaded`.

    The top-level names are free again afterwards.
    """
    torch = pytest.importorskip("torch", reason="the reference checkout needs torch")
    # Threads that wait for each other crawl when the tests share a small machine with other work.
    torch.set_num_threads(1)
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] in TOP}
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(ROOT))
    try:
        modules = {name.split(".")[-1]: importlib.import_module(name) for name in MODULES}
    finally:
        sys.path.remove(str(ROOT))
        loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in TOP}
        sys.modules.update(before)
    return SimpleNamespace(root=ROOT, loaded=loaded, **modules)


@pytest.fixture(scope="session")
def scene() -> SimpleNamespace:
    """An object with a median of 1, a probe, four positions on and between pixels, and their patterns."""
    field = random_lines_object(300, np.random.default_rng(5))
    field = (field / np.median(np.abs(field))).astype(np.complex64)
    probe = 0.05 * zone_plate_probe(256)
    starts = np.array([[0, 0], [0, 44], [20, 20], [44, 0]])
    waves = np.stack([field[y : y + 256, x : x + 256] * probe for y, x in starts])
    intensity = np.abs(np.fft.fftshift(np.fft.fft2(waves), axes=(1, 2))) ** 2
    return SimpleNamespace(field=field, probe=probe, starts=starts, intensity=intensity.astype(np.float32))


@pytest.fixture
def write_pair(scene: SimpleNamespace) -> Callable[..., Path]:
    """Function that writes the scene, or a changed one, as a pair with its normalization."""

    def write(folder: Path, name: str = "scene", **changes: Any) -> Path:
        import h5py

        origin = np.array([round(side / 2) + 0.5 for side in scene.field.shape])
        offsets_m = (scene.starts + 127.5 - origin) * PIXEL_M
        members = {
            "dp": scene.intensity,
            "object": scene.field[None],
            "probe": scene.probe[None, None],
            "probe_position_y_m": offsets_m[:, 0],
            "probe_position_x_m": offsets_m[:, 1],
        } | changes
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / f"{name}_dp.hdf5", "w") as file:
            if members["dp"] is not None:
                file["dp"] = members["dp"]
        with h5py.File(folder / f"{name}_para.hdf5", "w") as file:
            for key in set(members) - {"dp"}:
                if members[key] is not None:
                    file[key] = members[key]
            if "object" in file:
                file["object"].attrs["pixel_height_m"] = PIXEL_M
        if members["dp"] is not None:
            maximum = float(np.nanmax(members["dp"]))
            (folder / "normalization.pkl").write_bytes(pickle.dumps({name: np.float32(maximum)}))
        return folder / f"{name}_dp.hdf5"

    return write


@pytest.fixture
def config() -> dict[str, Any]:
    """A config.yaml for one epoch of a tiny model on the folders `pairs` and `test`."""
    return {
        "data": {
            "data_path": "pairs",
            "test_path": "test",
            "scale": 1e4,
            "normalization_dict_path": "pairs/normalization.pkl",
            "test_normalization": "test/normalization.pkl",
            "train_split": 0.5,
            "random_seed": 8,
            "validation_noise_seed": 0,
            "unknown_key": "tolerated",
        },
        "training": {
            "mode": "supervised",
            "batch_size": 2,
            "learning_rate": 1e-3,
            "encoder_lr": 5e-4,
            "epochs": 1,
            "loss_function": "smooth_l1",
            "validation_plot_freq": 0,
            "test_plot_freq": 0,
        },
        "model": {
            "encoder": {"patch_size": 32, "embed_dim": 16, "depth": 1, "num_heads": 2},
            "decoder": {"base_channels": 4, "num_stages": 5},
        },
        "paths": {"model_save_path": "runs"},
        "wandb": {"enabled": False},
        "trainer": {"run_num": 7},
    }
