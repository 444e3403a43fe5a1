"""The bundled reference checkout under the bridge: train, kill, infer, with a tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import yaml

from ptycho_contracts.atomic import sha256_of
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.checkout import find_checkout
from ptycho_runners.ptychovit.execute import RunRecord, perform
from ptycho_runners.ptychovit.request import InferRequest, TrainOptions, TrainRequest


class StoppedError(Exception):
    """What the listener raises to end a run in the middle."""


def tiny_model(width: int) -> dict[str, Any]:
    """The checkout's own section `model`, narrow and shallow."""
    model: dict[str, Any] = yaml.safe_load((find_checkout("reference").root / "config.yaml").read_text())["model"]
    model["encoder"] |= {"embed_dim": width, "depth": 1, "num_heads": 2}
    model["decoder"] |= {"base_channels": 4}
    return model


def digests(folder: Path) -> dict[Path, str]:
    return {path: sha256_of(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory, data: Any) -> TrainRequest:
    return TrainRequest(
        runs_dir=tmp_path_factory.mktemp("reference"),
        data_path=data.train,
        test_dp=data.test_dp,
        normalization=data.normalization,
        options=TrainOptions(epochs=2, batch_size=4, train_split=0.75),
        model=tiny_model(16),
        device="cpu",
        threads=1,
    )


@pytest.fixture(scope="module")
def record(request_: TrainRequest) -> RunRecord:
    return perform(request_)


def test_a_training_keeps_every_promise(record: RunRecord) -> None:
    state = torch.load(record.outputs["checkpoint.state"], weights_only=True)
    assert state["current_epoch"] == 2
    assert len(state["loss_tracker"]["validation_loss"]) == 2
    assert state["loss_tracker"]["best_val_loss"] == record.result.losses.best_validation
    assert [group["name"] for group in state["optimizer_state_dict"]["param_groups"]] == [
        "encoder",
        "amp_decoder",
        "ph_decoder",
    ]


def test_inference_places_patches_where_the_pair_says(record: RunRecord, request_: TrainRequest, data: Any) -> None:
    before = digests(record.run_dir)
    inferred = perform(
        InferRequest(
            runs_dir=request_.runs_dir,
            pairs=(data.test_dp,),
            normalization=data.normalization,
            checkpoint=record.outputs["best_model.pth"],
            device="cpu",
            threads=1,
        )
    )
    assert inferred.run_dir != record.run_dir
    assert digests(record.run_dir) == before  # the source run is read only
    with h5py.File(inferred.outputs["held_out_patches.h5"]) as file:
        patches, centre = file["patches"][()], file["centre_px"][()]
    assert patches.shape == (3, 256, 256)
    assert np.isfinite(patches).all()
    with h5py.File(str(data.test_dp).replace("_dp", "_para")) as para:
        y_m, x_m = para["probe_position_y_m"][()], para["probe_position_x_m"][()]
    np.testing.assert_allclose(centre, np.stack([y_m, x_m], axis=1) / 1e-8 + 150.5)


def test_a_training_that_is_stopped_keeps_the_epoch_that_was_finished(request_: TrainRequest, tmp_path: Path) -> None:
    def stop(event: Any) -> None:
        if event.event == "checkpoint_written":
            raise StoppedError

    long = {"runs_dir": tmp_path, "options": TrainOptions(epochs=1000, batch_size=4, train_split=0.75)}
    with pytest.raises(StoppedError):
        perform(request_.model_copy(update=long), stop)
    state = torch.load(tmp_path / "run1" / "checkpoint.state", weights_only=True)
    model = torch.load(tmp_path / "run1" / "checkpoint_model.pth", weights_only=True)
    assert 1 <= state["current_epoch"] < 1000
    assert len(state["loss_tracker"]["training_loss"]) == state["current_epoch"]
    assert all(torch.isfinite(tensor).all() for tensor in model.values())


def test_weights_of_another_model_are_refused(record: RunRecord, request_: TrainRequest, tmp_path: Path) -> None:
    other = {"runs_dir": tmp_path, "model": tiny_model(24), "initial_weights": record.outputs["best_model.pth"]}
    with pytest.raises(RunError, match=r"PTY518 .*encoder.embed_dim 16, but the config says 24"):
        perform(request_.model_copy(update=other))
