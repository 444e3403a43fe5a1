"""config.yaml: complete, read back by PyYAML as what was meant, and tied to the run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ptycho_contracts.contracts.ptychovit_config import PtychoViTConfig
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.config import (
    DECIDED_BY_THE_RUNNER,
    ConfigPaths,
    runtime_config,
    to_yaml,
    with_overrides,
)
from ptycho_runners.ptychovit.request import TrainOptions

PATHS = ConfigPaths(Path("/d/train"), Path("/d/t_dp.hdf5"), Path("/d/n.pkl"), Path("/d/m.pkl"), Path("/r"), 7)
MODEL = {"encoder_type": "custom", "encoder": {"embed_dim": 4}, "decoder": {"latent_dim": None}}
SOURCE = {"model": MODEL, "data": {"scale": 5e4}}
positive = st.floats(min_value=1e-12, max_value=1e12)
options = st.builds(
    TrainOptions,
    epochs=st.integers(1, 10**6),
    batch_size=st.integers(1, 4096),
    learning_rate=positive,
    encoder_lr=st.none() | positive,
    scale=st.none() | positive,
    train_split=st.floats(0.01, 0.99),
    num_workers=st.integers(0, 8),
)


def config_of(chosen: TrainOptions, cuda: bool = False) -> dict[str, Any]:
    return runtime_config(chosen, PATHS, SOURCE, seed=3, cuda=cuda)


@given(options, st.booleans())
def test_the_text_reads_back_as_the_config_and_keeps_its_contract(chosen: TrainOptions, cuda: bool) -> None:
    config = config_of(chosen, cuda)
    read = yaml.safe_load(to_yaml(config))
    assert read == config
    assert isinstance(read["training"]["learning_rate"], float)  # 1e-05 without a point would be a string
    assert isinstance(read["data"]["scale"], float)
    parsed = PtychoViTConfig.model_validate(read)
    assert parsed.data.pin_memory is cuda
    assert parsed.training.encoder_lr == (chosen.encoder_lr or chosen.learning_rate)


def test_the_scale_is_the_users_or_that_of_the_weights_or_the_shipped_one() -> None:
    assert config_of(TrainOptions(epochs=1, scale=7.0))["data"]["scale"] == 7.0
    assert config_of(TrainOptions(epochs=1))["data"]["scale"] == 5e4
    bare = runtime_config(TrainOptions(epochs=1), PATHS, {"model": MODEL}, seed=0, cuda=False)
    assert bare["data"]["scale"] == 1e4


def test_nothing_that_ties_the_run_together_is_left_open() -> None:
    config = config_of(TrainOptions(epochs=5))
    assert config["data"]["normalization_dict_path"] == "/d/n.pkl"
    assert config["data"]["test_normalization"] == "/d/m.pkl"
    assert (config["paths"]["model_save_path"], config["trainer"]["run_num"]) == ("/r", 7)
    assert config["training"]["resume_from_checkpoint"] is False
    assert config["wandb"]["enabled"] is False
    assert config["training"]["validation_plot_freq"] == 5  # epoch 0 always plots, and then no other


def test_overrides_reach_new_and_known_keys_and_leave_the_original_alone() -> None:
    config = config_of(TrainOptions(epochs=5))
    changed = with_overrides(config, {"data.augment.fraction": 0.5, "training.batch_size": 3})
    assert changed["data"]["augment"] == {"fraction": 0.5}
    assert changed["training"]["batch_size"] == 3
    assert "augment" not in config["data"]
    assert config["training"]["batch_size"] == 16


@pytest.mark.parametrize("name", [*sorted(DECIDED_BY_THE_RUNNER), "data", "wandb"])
def test_what_the_runner_decides_cannot_be_overridden(name: str) -> None:
    with pytest.raises(RunError, match=f"PTY515 the override {name} is decided by the runner"):
        with_overrides(config_of(TrainOptions(epochs=5)), {name: 1})


def test_an_override_cannot_lead_through_a_number() -> None:
    with pytest.raises(RunError, match=r"PTY515 .*'scale', which is no section"):
        with_overrides(config_of(TrainOptions(epochs=5)), {"data.scale.x": 1})
