"""Weights of a tiny model to fine-tune: three encoder blocks, batch norm in the encoder and in the decoders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_runners.ptychovit.checkout import find_checkout
from ptycho_runners.ptychovit.execute import perform
from ptycho_runners.ptychovit.request import TrainOptions, TrainRequest

DEPTH = 3
BATCH_NORM = """

class Encoder(Encoder):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.batch_norm = nn.BatchNorm2d(self.norm.weight.numel())

    def forward(self, *args):
        return self.batch_norm(super().forward(*args))
"""


@pytest.fixture(scope="session")
def stage() -> Callable[..., dict[str, Any]]:
    """A stage of one epoch with rates large enough to see."""

    def make(name: str, encoder_blocks: int | str, **changes: Any) -> dict[str, Any]:
        rates = {"encoder_lr": 1e-3, "amp_decoder_lr": 5e-3, "ph_decoder_lr": 5e-3}
        return {"name": name, "encoder_blocks": encoder_blocks, "epochs": 1, **rates, **changes}

    return make


@pytest.fixture(scope="session")
def policy() -> Callable[..., FineTunePolicy]:
    """Stages on batches of four, with half of the patterns for validation."""

    def make(*stages: dict[str, Any], **rule: Any) -> FineTunePolicy:
        training = {"batch_size": 4, "train_split": 0.5}
        return FineTunePolicy.model_validate({"stages": stages, "rule": rule, "training": training})

    return make


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference checkout with batch norm in its encoder, in a part that is no block."""
    copy = tmp_path_factory.mktemp("checkout") / "normalized"
    shutil.copytree(find_checkout("reference").root, copy, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    with (copy / "model" / "vit.py").open("a") as file:
        file.write(BATCH_NORM)
    return copy


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory, checkout: Path, data: Any) -> TrainRequest:
    """A request that starts from weights trained for one epoch."""
    model = yaml.safe_load((checkout / "config.yaml").read_text())["model"]
    model["encoder"] |= {"embed_dim": 16, "depth": DEPTH, "num_heads": 2, "dropout": 0.1}
    model["decoder"] |= {"base_channels": 4, "use_batchnorm": True}
    request = TrainRequest(
        checkout=str(checkout),
        runs_dir=tmp_path_factory.mktemp("source"),
        data_path=data.train,
        test_dp=data.test_dp,
        normalization=data.normalization,
        options=TrainOptions(epochs=1, batch_size=4, train_split=0.5),
        model=model,
        device="cpu",
        threads=1,
        seed=7,
    )
    weights = perform(request).outputs["best_model.pth"]
    return request.model_copy(update={"model": None, "initial_weights": weights})
