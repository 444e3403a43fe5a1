"""The bridge as a process, on a fake flat checkout: one start of torch per test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import yaml

from ptycho_contracts.contracts.bridge_event import BridgeEvent
from ptycho_contracts.contracts.bridge_job import BridgeJob
from ptycho_contracts.contracts.bridge_result import BridgeResult
from ptycho_runners.bridge import bridge
from ptycho_runners.process import minimal_environment
from ptycho_runners.ptychovit.config import ConfigPaths, runtime_config, to_yaml
from ptycho_runners.ptychovit.request import TrainOptions

MODEL = {"encoder_type": "custom", "encoder": {"embed_dim": 4}, "decoder": {}}
STATE_KEYS = {"current_epoch", "loss_tracker", "optimizer_state_dict", "scheduler_state_dict", "wandb_run_id"}


class Run:
    """A run directory with a training job for the fake checkout."""

    def __init__(self, root: Path, data: Any, checkout: Path, **job: Any) -> None:
        self.dir = root / "run1"
        (self.dir / "work").mkdir(parents=True)
        paths = ConfigPaths(data.train, data.test_dp, data.normalization, data.normalization, root, 1)
        options = TrainOptions(epochs=2, batch_size=4, learning_rate=1e-3, train_split=0.75)
        self.config = runtime_config(options, paths, {"model": MODEL}, seed=3, cuda=False)
        self.job = {
            "mode": "train",
            "checkout": str(checkout),
            "workdir": str(self.dir / "work"),
            "events": str(self.dir / "events.jsonl"),
            "result": str(self.dir / "result.json"),
            "normalization": data.maxima,
            "device": "cpu",
            "seed": 5,
            "threads": 1,
            "run_dir": str(self.dir),
            **job,
        }

    def start(self, environment: dict[str, str] | None = None, **fake: Any) -> subprocess.Popen[bytes]:
        (self.dir / "work" / "config.yaml").write_text(to_yaml({**self.config, "fake": fake}))
        job = BridgeJob.model_validate(self.job)
        (self.dir / "job.json").write_text(job.model_dump_json())
        command = [sys.executable, bridge.__file__, str(self.dir / "job.json")]
        with (self.dir / "out").open("wb") as out, (self.dir / "err").open("wb") as err:
            return subprocess.Popen(command, env=minimal_environment(environment), stdout=out, stderr=err)

    def finish(self, environment: dict[str, str] | None = None, **fake: Any) -> int:
        return self.start(environment, **fake).wait(60)

    @property
    def log(self) -> str:
        return (self.dir / "out").read_text() + (self.dir / "err").read_text()

    @property
    def events(self) -> list[Any]:
        lines = (self.dir / "events.jsonl").read_text().splitlines()
        return [BridgeEvent.model_validate_json(line).root for line in lines]

    @property
    def result(self) -> BridgeResult:
        return BridgeResult.model_validate_json((self.dir / "result.json").read_text())

    def load(self, name: str) -> Any:
        return torch.load(self.dir / name, weights_only=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Any, fake_checkout: Path) -> Run:
    """Two epochs; the checkout calls NVTX and the CUDA profiler, and imports wandb and timm, unconditionally."""
    run = Run(tmp_path_factory.mktemp("trained"), data, fake_checkout)
    assert run.finish() == 0, run.log
    return run


def test_events_tell_the_run_in_order(trained: Run) -> None:
    names = [event.event for event in trained.events]
    epoch = ["epoch_end", "checkpoint_written"]
    assert names == ["run_start", "model_built", "validation_seeding", *epoch, *epoch, "finished"]
    start, built = trained.events[:2]
    assert (start.mode, start.device, start.seed) == ("train", "cpu", 5)
    assert (built.parameters, built.frozen, built.weights) == ((256 * 4 + 4) + 2 * (256 * 4 + 1), 0, None)
    assert trained.events[2].seeded is True
    ends = [event for event in trained.events if event.event == "epoch_end"]
    assert [end.epoch for end in ends] == [0, 1]
    assert all(end.train_loss > 0 and end.validation_loss > 0 and end.seconds > 0 for end in ends)


def test_the_result_counts_what_was_done(trained: Run) -> None:
    result = trained.result
    assert (result.status, result.reason, result.counts.epochs, result.counts.fallbacks) == ("ok", "completed", 2, 0)
    assert result.versions.keys() == {"python", "torch", "numpy", "h5py"}
    promised = {"best_model.pth", "checkpoint_model.pth", "checkpoint.state", "metrics.pickle", "config.yaml"}
    assert {Path(file.path).name for file in result.files} == promised
    assert result.losses.best_validation == min(trained.load("checkpoint.state")["loss_tracker"]["validation_loss"])


def test_the_checkpoint_is_upstreams(trained: Run) -> None:
    state = trained.load("checkpoint.state")
    assert state.keys() == STATE_KEYS
    assert state["current_epoch"] == 2
    assert [g["name"] for g in state["optimizer_state_dict"]["param_groups"]] == [
        "encoder",
        "amp_decoder",
        "ph_decoder",
    ]
    assert trained.load("checkpoint_model.pth").keys() == trained.load("best_model.pth").keys()


def test_a_run_killed_in_an_epoch_leaves_the_one_before_and_its_logs(
    tmp_path: Path, data: Any, fake_checkout: Path
) -> None:
    run = Run(tmp_path, data, fake_checkout)
    process = run.start(hang_in_epoch=1)
    end = time.monotonic() + 30
    while "hanging in epoch 1" not in run.log and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    state = run.load("checkpoint.state")
    assert state.keys() == STATE_KEYS
    assert state["current_epoch"] == 1
    assert len(state["loss_tracker"]["validation_loss"]) == len(state["loss_tracker"]["training_loss"]) == 1
    assert all(torch.isfinite(t).all() for t in run.load("checkpoint_model.pth").values())
    assert run.events[-1].event == "checkpoint_written"
    assert not (run.dir / "result.json").exists()


def test_of_several_processes_only_the_first_speaks_and_writes(tmp_path: Path, data: Any, fake_checkout: Path) -> None:
    run = Run(tmp_path, data, fake_checkout)
    run.config["training"]["epochs"] = 1
    waiting = run.dir / "checkpoint.state.next"  # of the first process, which is about to settle it
    waiting.write_bytes(b"state")
    assert run.finish({"RANK": "1"}, fail_in_epoch=0) == 1
    assert "the fault that the test asked for" in run.log
    assert waiting.exists()
    assert {p.name for p in run.dir.iterdir()} == {"work", "job.json", "out", "err", "config.yaml", waiting.name}


def test_another_normalization_than_the_jobs_is_invalid(tmp_path: Path, data: Any, fake_checkout: Path) -> None:
    run = Run(tmp_path, data, fake_checkout)
    run.config["data"]["normalization_dict_path"] = None  # silent upstream
    assert run.finish() == 1
    assert (run.result.status, run.result.reason) == ("invalid", "normalization_fallback")
    fallback = next(event for event in run.events if event.event == "fallback")
    assert fallback.name in data.maxima
    assert fallback.normalization == 100000.0
    assert run.result.counts.epochs == 0


def test_initial_weights_are_loaded_and_the_lack_of_a_best_model_is_told(
    tmp_path: Path, data: Any, fake_checkout: Path, trained: Run
) -> None:
    best = str(trained.dir / "best_model.pth")
    run = Run(tmp_path, data, fake_checkout, initial_weights=best)
    run.config["training"].update(epochs=1, learning_rate=1e-30)
    assert run.finish(nan_validation=[0]) == 1
    assert (run.result.status, run.result.reason) == ("failed", "loss_not_finite")
    assert "no validation loss" in run.result.message
    expected = trained.load("best_model.pth")
    assert all(torch.equal(tensor, expected[key]) for key, tensor in run.load("checkpoint_model.pth").items())
    assert run.events[1].weights == best
    assert next(e for e in run.events if e.event == "epoch_end").validation_loss is None
    assert "not a finite number" in next(e for e in run.events if e.event == "warning").message
    assert not (run.dir / "best_model.pth").exists()


def test_a_validation_loss_that_is_not_finite_is_told_and_passes(
    tmp_path: Path, data: Any, fake_checkout: Path
) -> None:
    run = Run(tmp_path, data, fake_checkout)
    assert run.finish(nan_validation=[1]) == 0, run.log
    assert [e.message for e in run.events if e.event == "warning"] == [
        "the validation loss of epoch 1 is not a finite number"
    ]
    assert run.load("checkpoint.state")["current_epoch"] == 2


def test_a_training_loss_that_is_not_finite_ends_the_run_at_the_epoch_before(
    tmp_path: Path, data: Any, fake_checkout: Path
) -> None:
    run = Run(tmp_path, data, fake_checkout)
    assert run.finish(nan_training=[1]) == 1
    assert (run.result.status, run.result.reason) == ("failed", "loss_not_finite")
    assert run.result.message == "the training loss of epoch 1 is not a finite number"
    assert run.load("checkpoint.state")["current_epoch"] == 1
    assert not list(run.dir.glob("*.next"))


def test_frozen_parts_and_named_rates_reach_the_checkouts_training(
    tmp_path: Path, data: Any, fake_checkout: Path, trained: Run
) -> None:
    best = trained.load("best_model.pth")
    torch.save({f"module.{name}": tensor for name, tensor in best.items()}, tmp_path / "wrapped.pth")
    given = {"initial_weights": str(tmp_path / "wrapped.pth"), "frozen": ("encoder", "amp_decoder.bias")}
    run = Run(tmp_path, data, fake_checkout, **given, learning_rates={"ph_decoder.bias": 0.5})
    assert run.finish() == 0, run.log
    moved = {name for name, tensor in run.load("checkpoint_model.pth").items() if not torch.equal(tensor, best[name])}
    assert moved == {"amp_decoder.weight", "ph_decoder.weight", "ph_decoder.bias"}
    groups = run.load("checkpoint.state")["optimizer_state_dict"]["param_groups"]
    assert [(group["name"], group["lr"]) for group in groups][2:] == [("ph_decoder", 1e-3), ("ph_decoder.bias", 0.5)]
    assert (run.events[1].frozen, run.events[1].stripped_prefix) == (256 * 4 + 4 + 1, True)


def test_an_unknown_part_ends_the_run_before_it_trains(tmp_path: Path, data: Any, fake_checkout: Path) -> None:
    run = Run(tmp_path, data, fake_checkout, frozen=("encoder",), learning_rates={"encoder.blocks.0": 1e-3})
    assert run.finish() == 1
    assert (run.result.status, run.result.reason) == ("failed", "unknown_part")
    assert "encoder.blocks.0" in run.result.message
    assert run.result.counts.epochs == 0


@pytest.mark.parametrize(
    ("switch", "reason", "message"),
    [
        ("profiling", "checkout_failed", "RuntimeError|AssertionError"),
        ("stand_ins", "missing_dependency", "'wandb'|'timm'"),
    ],
)
def test_without_a_hook_the_checkout_dies_as_it_does_by_itself(
    tmp_path: Path, data: Any, fake_checkout: Path, switch: str, reason: str, message: str
) -> None:
    if switch == "stand_ins" and find_spec("wandb") and find_spec("timm"):
        pytest.skip("wandb and timm are installed here, so nothing stands in for them")
    run = Run(tmp_path, data, fake_checkout, hooks={switch: False})
    assert run.finish() == 1
    assert (run.result.status, run.result.reason) == ("failed", reason)
    assert re.search(message, run.result.message)


def test_a_fault_of_the_checkout_is_told_with_its_traceback(tmp_path: Path, data: Any, fake_checkout: Path) -> None:
    run = Run(tmp_path, data, fake_checkout)
    assert run.finish(fail_in_epoch=1) == 1
    assert (run.result.status, run.result.reason) == ("failed", "checkout_failed")
    assert run.result.message == "ValueError: the fault that the test asked for"
    assert run.result.counts.epochs == 1
    assert "Traceback" in run.log


@pytest.mark.parametrize(("generator", "workers", "seeded"), [("per item", 1, True), ("own", 0, False)])
def test_validations_are_alike_where_the_noise_follows_the_seed(
    tmp_path: Path, data: Any, fake_checkout: Path, generator: str, workers: int, seeded: bool
) -> None:
    run = Run(tmp_path, data, fake_checkout)
    run.config["training"]["learning_rate"] = 1e-30
    run.config["data"]["num_workers"] = workers
    assert run.finish(generator=generator) == 0, run.log
    assert next(e for e in run.events if e.event == "validation_seeding").seeded is seeded
    tracked = run.load("checkpoint.state")["loss_tracker"]
    assert len(set(tracked["training_loss"])) == 2
    assert len(set(tracked["validation_loss"])) == (1 if seeded else 2)


def test_inference_gives_every_pattern_once_at_its_place(
    tmp_path: Path, data: Any, fake_checkout: Path, trained: Run
) -> None:
    name = "held_out"
    pair = {"name": name, "dp": str(data.test_dp), "para": str(data.test_dp).replace("_dp", "_para")}
    run = Run(tmp_path, data, fake_checkout)
    run.job.pop("run_dir")
    run.job |= {
        "mode": "infer",
        "pairs": [pair],
        "checkpoint": str(trained.dir / "best_model.pth"),
        "model": yaml.safe_load((trained.dir / "config.yaml").read_text())["model"],
        "normalization_file": str(data.normalization),
        "scale": 1e4,
        "batch_size": 2,  # three patterns: the last batch is smaller
        "output": str(run.dir),
    }
    assert run.finish() == 0, run.log
    with h5py.File(run.dir / f"{name}_patches.h5") as file, h5py.File(pair["para"]) as para:
        assert file["patches"].shape == (3, 256, 256)
        assert file["patches"].dtype == np.complex64
        assert np.all(np.abs(np.abs(file["patches"][()]) - 1) < 0.011)  # the range of the fake's amplitude head
        start = file["centre_px"][()] - 127.5
        metres = np.stack([para["probe_position_y_m"][()], para["probe_position_x_m"][()]], axis=1)
        np.testing.assert_allclose(start, metres / 1e-8 + 150.5 - 127.5)
        np.testing.assert_allclose(start, np.round(start), atol=1e-6)
        assert np.all((file["diffraction_error"][()] > 0) & (file["diffraction_error"][()] < 1))
    assert (run.result.status, run.result.counts.patterns) == ("ok", 3)
    assert [event.event for event in run.events] == ["run_start", "model_built", "pair_inferred", "finished"]
    assert json.loads((run.dir / "result.json").read_text())["contract"] == "bridge-result"


def test_an_examination_shows_items_and_predictions_as_the_checkout_gives_them(
    tmp_path: Path, data: Any, fake_checkout: Path, trained: Run
) -> None:
    name = "held_out"
    pair = {"name": name, "dp": str(data.test_dp), "para": str(data.test_dp).replace("_dp", "_para")}
    run = Run(tmp_path, data, fake_checkout)
    run.job.pop("run_dir")
    run.job |= {
        "mode": "examine",
        "pairs": [pair],
        "checkpoint": str(trained.dir / "best_model.pth"),
        "model": yaml.safe_load((trained.dir / "config.yaml").read_text())["model"],
        "normalization_file": str(tmp_path / "absent.pkl"),  # shown, not judged
        "scale": 1e4,
        "patterns": 2,
        "output": str(run.dir),
    }
    assert run.finish() == 0, run.log
    with h5py.File(run.dir / f"{name}_items.h5") as file, h5py.File(pair["dp"]) as stored:
        quiet, noisy, model = (file[group] for group in ("quiet", "noisy", "model"))
        expected = np.sqrt(stored["dp"][:2] / 100000.0 * 1e4)
        np.testing.assert_allclose(quiet["diffraction_amplitude"][:, 0], expected, rtol=1e-6)
        assert set(quiet) == set(noisy) == set(bridge.ITEM)
        assert (quiet["probe"].shape, quiet["probe"].dtype) == ((2, 1, 8, 256, 256), np.complex64)
        assert quiet["centre_px"].shape == (2, 2)
        assert quiet["normalization"][()].tolist() == [100000.0] * 2
        counts = noisy["diffraction_amplitude"][()] ** 2
        np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
        assert set(model) == {"diffraction_amplitude", "amplitude", "phase"}
        assert all(item.shape == (2, 1, 256, 256) and item.dtype == np.float32 for item in model.values())
    assert (run.result.status, run.result.counts.patterns, run.result.mode) == ("ok", 2, "examine")
    assert [Path(file.path).name for file in run.result.files] == [f"{name}_items.h5"]
