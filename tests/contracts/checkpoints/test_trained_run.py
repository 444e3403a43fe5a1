"""A run directory that the reference checkout itself has written fulfils the contract, and its files agree."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from flat_run import config

from ptycho_contracts.checkpoints.architecture import architecture_findings, architecture_of, state_findings
from ptycho_contracts.checkpoints.state import read_state
from ptycho_contracts.checkpoints.weights import read_weights
from ptycho_contracts.validation import validate

MAIN = Path(__file__).parents[3] / "src/ptycho_runners/reference_checkout/main.py"
N, CANVAS, PIXEL_M = 256, 300, 1e-8
MODEL: dict[str, Any] = {
    "encoder": {"patch_size": 32, "embed_dim": 16, "depth": 2, "num_heads": 2},
    "decoder": {"base_channels": 4, "num_stages": 5, "use_batchnorm": True},
}


def write_pair(folder: Path) -> None:
    """Four patterns of a random phase object, with their normalization."""
    rng = np.random.default_rng(2)
    field = np.exp(1j * rng.uniform(0, 0.5, (CANVAS, CANVAS))).astype(np.complex64)
    squared = (np.arange(N) - N / 2) ** 2
    probe = np.exp(-(squared[:, None] + squared) / (N / 8) ** 2).astype(np.complex64) / N
    start = rng.integers(0, CANVAS - N, (4, 2))
    waves = np.stack([field[y : y + N, x : x + N] for y, x in start]) * probe
    intensity = np.abs(np.fft.fftshift(np.fft.fft2(waves), axes=(1, 2))).astype(np.float32) ** 2
    folder.mkdir()
    with h5py.File(folder / "a_dp.hdf5", "w") as file:
        file["dp"] = intensity
    with h5py.File(folder / "a_para.hdf5", "w") as file:
        file["object"], file["probe"] = field[None], probe[None, None]
        file["object"].attrs["pixel_height_m"] = PIXEL_M
        position_m = (start + (N - 1) / 2 - (CANVAS / 2 + 0.5)) * PIXEL_M
        file["probe_position_y_m"], file["probe_position_x_m"] = position_m.T
    (folder / "normalization.pkl").write_bytes(pickle.dumps({"a": float(intensity.max())}))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    settings = config(MODEL)
    for key, name, normalization in (
        ("data_path", "pairs", "normalization_dict_path"),
        ("test_path", "test", "test_normalization"),
    ):
        write_pair(folder / name)
        settings["data"] |= {key: name, normalization: f"{name}/normalization.pkl"}
    settings["data"]["train_split"] = 0.5
    settings["training"] |= {"epochs": 2, "batch_size": 2}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    done = subprocess.run(
        [sys.executable, str(MAIN)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "runs/run0"


def test_it_has_no_finding(run: Path) -> None:
    assert validate(run, depth="data").findings == ()


def test_its_files_are_one_checkpoint(run: Path) -> None:
    best, last = (read_weights(run / name) for name in ("best_model.pth", "checkpoint_model.pth"))
    assert best.tensors == last.tensors
    assert (last.head, last.depth, last.prefixed) == ("conv2d", 2, False)
    assert architecture_findings(last, MODEL) == []
    decided = architecture_of(last)
    for section, keys in MODEL.items():
        for key, value in keys.items():
            assert decided.get(f"{section}.{key}", value) == value
    assert len(decided) == 12
    state = read_state(run / "checkpoint.state")
    assert state_findings(state, last) == []
    assert (state.current_epoch, len(state.groups)) == (2, 3)
    assert sum(group.parameters for group in state.groups) == last.parameters == len(state.moments)


def test_another_config_beside_it_is_named(run: Path) -> None:
    model = {**MODEL, "encoder": {**MODEL["encoder"], "depth": 4}}
    (found,) = architecture_findings(read_weights(run / "best_model.pth"), model)
    assert "`model.encoder.depth`" in found.message
