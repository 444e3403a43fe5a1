"""The Trainer: one epoch at a time, and the files that each call writes."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

WritePair = Callable[..., Path]
TRACKED = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")


def test_signatures_are_the_real_projects(checkout: SimpleNamespace) -> None:
    """Names and order that the bridge and other callers rely on; the default of wandb_enabled alone differs."""
    expected = {
        "__init__": "model mode run_num device model_save_path is_main_process use_ddp use_prefetch wandb_enabled",
        "train": "dataloader criterion optimizer metrics",
        "validate": "dataloader criterion optimizer metrics plot epoch scheduler",
        "generate_test_plot": "dataloader epoch filename",
        "save_config": "config_path",
        "update_saved_model": "name",
        "save_model_and_states_checkpoint": "epoch_num metrics optimizer wandb_run_id scheduler",
        "load_state_checkpoint": "optimizer scheduler",
    }
    found = {
        name: " ".join(list(inspect.signature(getattr(checkout.training.Trainer, name)).parameters)[1:])
        for name in expected
    }
    assert found == expected
    assert list(inspect.signature(checkout.model.PtychoViT).parameters) == ["config"]


@dataclass
class Setup:
    """What main.py makes before its first epoch, on the scene."""

    trainer: Any
    loader: Any
    criterion: Any
    optimizer: Any
    metrics: dict[str, Any]

    def train(self) -> None:
        self.trainer.train(self.loader, self.criterion, self.optimizer, self.metrics)

    def validate(self, epoch: int = 0, **keywords: Any) -> None:
        self.trainer.validate(self.loader, self.criterion, self.optimizer, self.metrics, epoch=epoch, **keywords)


@pytest.fixture
def setup(
    checkout: SimpleNamespace, write_pair: WritePair, tmp_path: Path, config: dict[str, Any]
) -> Callable[..., Setup]:
    """Function that makes a Setup with changed training settings."""
    path = write_pair(tmp_path / "pairs")
    items = checkout.data.PtychographyDataset(
        path, scale=1e4, normalization_dict_path=path.parent / "normalization.pkl"
    )
    loader = torch.utils.data.DataLoader(items, batch_size=2)

    def make(model: dict[str, Any] | None = None, **training: Any) -> Setup:
        settings = config["training"] | training
        network = checkout.model.PtychoViT(config=model or config["model"])
        return Setup(
            checkout.training.Trainer(network, settings["mode"], 7, torch.device("cpu"), tmp_path / "runs"),
            loader,
            checkout.losses.PixelLoss(settings["loss_function"]),
            torch.optim.Adam(checkout.optimizer.parameter_groups(network, settings)),
            {name: [] for name in TRACKED} | {"best_val_loss": math.inf},
        )

    return make


@pytest.mark.parametrize("changes", [{"use_ddp": True}, {"is_main_process": False}, {"wandb_enabled": True}])
def test_trainer_refuses_what_it_has_not(checkout: SimpleNamespace, tmp_path: Path, changes: dict[str, bool]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        checkout.training.Trainer(torch.nn.Identity(), "supervised", 1, torch.device("cpu"), tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_each_call_writes_its_own_files(setup: Callable[..., Setup], tmp_path: Path) -> None:
    one = setup()
    run_dir = tmp_path / "runs/run7"

    def files() -> set[str]:
        return {path.name for path in run_dir.iterdir()}

    one.train()
    assert files() == set()
    assert [len(one.metrics[name]) for name in TRACKED] == [1, 1, 1, 0, 0, 0]
    one.validate()
    assert files() == {"best_model.pth"}
    assert [len(one.metrics[name]) for name in TRACKED] == [1] * 6
    one.trainer.save_model_and_states_checkpoint(0, one.metrics, one.optimizer, "abc")
    assert files() == {"best_model.pth", "checkpoint_model.pth", "checkpoint.state"}
    other = setup()
    epoch, metrics, optimizer, run_id, scheduler = other.trainer.load_state_checkpoint(other.optimizer)
    assert (epoch, metrics, run_id, scheduler) == (1, one.metrics, "abc", None)
    assert optimizer is other.optimizer
    assert len(optimizer.state_dict()["state"]) == len(one.optimizer.state_dict()["state"]) > 0


def test_a_scheduler_is_saved_and_restored(setup: Callable[..., Setup]) -> None:
    one, other = setup(), setup()
    schedulers = [torch.optim.lr_scheduler.ExponentialLR(each.optimizer, 0.5) for each in (one, other)]
    schedulers[0].last_epoch = 5
    one.trainer.save_model_and_states_checkpoint(4, one.metrics, one.optimizer, None, scheduler=schedulers[0])
    *_, restored = other.trainer.load_state_checkpoint(other.optimizer, scheduler=schedulers[1])
    assert restored is schedulers[1]
    assert restored.last_epoch == 5


def test_pictures_are_drawn_where_asked(setup: Callable[..., Setup], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    one = setup()
    one.validate(epoch=3, plot=True)
    one.trainer.generate_test_plot(one.loader, 3, "test_epoch3.png")
    for name in ("plot_epoch3.png", "test_epoch3.png"):
        assert (tmp_path / "runs/run7" / name).read_bytes().startswith(b"\x89PNG")


def test_pictures_are_due_at_the_first_epoch_whatever_the_frequency(checkout: SimpleNamespace) -> None:
    due = {
        frequency: [epoch for epoch in range(5) if checkout.plots.is_due(epoch, frequency)]
        for frequency in (0, 1, 2, 9)
    }
    assert due == {0: [0], 1: [0, 1, 2, 3, 4], 2: [0, 2, 4], 9: [0]}


def test_best_model_changes_only_on_improvement(
    setup: Callable[..., Setup], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = setup()
    written = []
    for epoch, loss in enumerate((1.0, 1.5, 0.5)):
        part = torch.tensor(loss)
        monkeypatch.setattr(one.trainer, "losses", lambda batch, criterion, part=part: (part, part, part))
        one.validate(epoch)
        written.append((tmp_path / "runs/run7/best_model.pth").stat().st_ino)
    assert written[0] == written[1] != written[2]
    assert one.metrics["validation_loss"] == [1.0, 1.5, 0.5]
    assert one.metrics["best_val_loss"] == 0.5


def test_a_state_that_does_not_fit_is_refused(setup: Callable[..., Setup], tmp_path: Path) -> None:
    one = setup()
    path = tmp_path / "runs/run7/checkpoint.state"
    with pytest.raises(FileNotFoundError, match=r"Checkpoint not found at .*checkpoint\.state"):
        one.trainer.load_state_checkpoint(one.optimizer)
    one.trainer.save_model_and_states_checkpoint(0, one.metrics, one.optimizer)
    state = torch.load(path, weights_only=True)
    state["optimizer_state_dict"]["param_groups"].pop()
    torch.save(state, path)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        one.trainer.load_state_checkpoint(one.optimizer)


def test_nan_loss_is_an_error(setup: Callable[..., Setup], monkeypatch: pytest.MonkeyPatch) -> None:
    one = setup()
    nan = torch.tensor(math.nan, requires_grad=True)
    monkeypatch.setattr(one.trainer, "losses", lambda batch, criterion: (nan * 1, nan, nan))
    with pytest.raises(FloatingPointError, match="training loss of epoch 0 is nan"):
        one.train()
    with pytest.raises(FloatingPointError, match="validation loss of epoch 4 is nan"):
        one.validate(epoch=4)


def test_diffraction_mode_learns_from_the_pattern(setup: Callable[..., Setup]) -> None:
    one = setup(mode="unsupervised", loss_function="l1")
    batch = next(iter(one.loader))
    total, _, _ = one.trainer.losses(batch, one.criterion)
    x, _, _, probe, _, norm, scale = batch
    predicted = one.trainer.model(x, torch.view_as_real(probe), norm, scale)[0]
    torch.testing.assert_close(total, (predicted - x).abs().mean())


def test_a_criterion_that_averages_does_as_well(setup: Callable[..., Setup]) -> None:
    one = setup()
    x, amplitude, phase, probe, _, norm, scale = batch = next(iter(one.loader))
    total, of_amplitude, of_phase = one.trainer.losses(batch, torch.nn.MSELoss())
    predicted = one.trainer.model(x, torch.view_as_real(probe), norm, scale)
    torch.testing.assert_close(of_amplitude, (predicted[1] - amplitude).square().mean())
    torch.testing.assert_close(total, of_amplitude + (predicted[2] - phase).square().mean())
    torch.testing.assert_close(total, of_amplitude + of_phase)
