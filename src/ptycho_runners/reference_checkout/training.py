"""The training loop: epochs, validation, checkpoints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from data import Item
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from utils.files import copy_file, save_pickle, save_tensors
from utils.losses import illumination_weight, pointwise_loss
from utils.plots import plot_item
from utils.settings import number

TRAINED = ("training_loss", "train_amp_loss", "train_ph_loss")
VALIDATED = ("validation_loss", "val_amp_loss", "val_ph_loss")
Losses = tuple[Tensor, Tensor, Tensor]


def parameter_groups(model: nn.Module, training: dict[str, Any]) -> list[dict[str, Any]]:
    """The optimizer's three named groups: encoder, amp_decoder, ph_decoder.

    The two scales of the heads belong to their decoders' groups.

    Args:
        model: a PtychoViT.
        training: the section of config.yaml; ``encoder_lr``, ``amp_decoder_lr`` and ``ph_decoder_lr`` fall
            back to ``learning_rate``.

    Returns:
        one dict per group with name, params and lr.

    """
    members: dict[str, list[nn.Parameter]] = {"encoder": [], "amp_decoder": [], "ph_decoder": []}
    owner = {"log_scale_amp": "amp_decoder", "log_scale_ph": "ph_decoder"}
    for name, parameter in model.named_parameters():
        top = name.split(".")[0]
        members[owner.get(top, top)].append(parameter)
    default = number(training, "learning_rate")
    return [
        {"name": name, "params": parameters, "lr": number(training, f"{name}_lr", default)}
        for name, parameters in members.items()
    ]


class Trainer:
    """Train a model and leave the files of a run directory.

    `best_model.pth` is written at each improvement of the validation loss, `checkpoint_model.pth`,
    `checkpoint.state` and `metrics.pickle` once after the last epoch, `config.yaml` at epoch 0.

    Args:
        model: a PtychoViT on its device.
        loaders: batches for training and validation.
        test_set: test items for pictures.
        config: the whole config.yaml.
        run_dir: existing run directory.

    Attributes:
        current_epoch: number of finished epochs.
        loss_tracker: lists by the names in `TRAINED` and `VALIDATED`, and ``best_val_loss``.

    """

    def __init__(
        self,
        model: nn.Module,
        loaders: tuple[DataLoader[Item], DataLoader[Item]],
        test_set: Dataset[Item],
        config: dict[str, Any],
        run_dir: Path,
    ) -> None:
        self.model, self.test_set, self.config, self.run_dir = model, test_set, config, run_dir
        self.train_loader, self.validation_loader = loaders
        self.settings: dict[str, Any] = config["training"]
        self.supervised = self.settings["mode"] == "supervised"
        self.epochs = int(self.settings["epochs"])
        self.device = next(model.parameters()).device
        self.optimizer = torch.optim.Adam(parameter_groups(model, self.settings))
        for group in self.optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        self.current_epoch = 0
        self.loss_tracker: dict[str, Any] = {name: [] for name in TRAINED + VALIDATED} | {"best_val_loss": math.inf}

    def resume(self) -> None:
        """Continue from the run directory's checkpoint; its learning rates override the configured ones.

        Raises:
            FileNotFoundError: when the model's or the state's file is absent.
            RuntimeError: when keys or shapes of the model differ.
            ValueError: when the number of parameter groups differs.

        """
        model_path, state_path = self.run_dir / "checkpoint_model.pth", self.run_dir / "checkpoint.state"
        for path in (model_path, state_path):
            if not path.is_file():
                raise FileNotFoundError(f"Checkpoint not found at {path}")
        self.model.load_state_dict(torch.load(model_path, map_location=self.device, weights_only=True))
        state = torch.load(state_path, map_location=self.device, weights_only=True)
        self.optimizer.load_state_dict(state["optimizer_state_dict"])
        for group in self.optimizer.param_groups:
            # A state that another writer saved has no base rate: its rates are the base.
            group.setdefault("initial_lr", group["lr"])
        self.loss_tracker = state["loss_tracker"]
        self.current_epoch = int(state["current_epoch"])

    def train(self) -> None:
        """Run the remaining epochs and save.

        Raises:
            ValueError: when no epoch remains; ``training.epochs`` is the total.
            FloatingPointError: when a loss is not finite.

        """
        if self.epochs <= self.current_epoch:
            raise ValueError(
                f"training.epochs is {self.epochs} in total and {self.current_epoch} are done: nothing to train"
            )
        for epoch in range(self.current_epoch, self.epochs):
            if epoch == 0:
                copy_file(Path("config.yaml"), self.run_dir / "config.yaml")
            self.train_epoch(epoch)
            self.validate(self.optimizer, self.loss_tracker, epoch)
            self.current_epoch = epoch + 1
            self._plot(epoch)
            latest = (f"{name} {self.loss_tracker[name][-1]:.6g}" for name in TRAINED + VALIDATED)
            print(f"Epoch {epoch}: {', '.join(latest)}", flush=True)
        self.save_checkpoint()

    def train_epoch(self, epoch: int) -> None:
        """One pass over the training items; appends to the loss tracker.

        Raises:
            FloatingPointError: when the loss is not finite.
        """
        self.model.train()
        meter = _Meter()
        for step, batch in enumerate(self.train_loader):
            self._set_learning_rate(epoch + step / len(self.train_loader))
            losses = self.losses(batch)
            self.optimizer.zero_grad(set_to_none=True)
            losses[0].backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            meter.add(losses, len(batch[0]))
        _append(self.loss_tracker, TRAINED, meter.means(f"training loss of epoch {epoch}"))

    @torch.no_grad()
    def validate(self, optimizer: torch.optim.Optimizer, metrics: dict[str, Any], epoch: int) -> None:
        """One pass over the validation items; keeps the model when it is the best so far.

        Args:
            optimizer: the optimizer. It is not used here, but part of the interface: whoever saves a
                checkpoint after every epoch hooks in behind this call.
            metrics: the loss tracker, appended to.
            epoch: number of the epoch, from 0.

        Raises:
            FloatingPointError: when the loss is not finite.
        """
        self.model.eval()
        meter = _Meter()
        for batch in self.validation_loader:
            meter.add(self.losses(batch), len(batch[0]))
        means = meter.means(f"validation loss of epoch {epoch}")
        _append(metrics, VALIDATED, means)
        if means[0] < metrics["best_val_loss"]:
            metrics["best_val_loss"] = means[0]
            save_tensors(self.model.state_dict(), self.run_dir / "best_model.pth")

    def losses(self, batch: Item) -> Losses:
        """Total, amplitude and phase loss of a batch.

        In mode ``supervised`` the total is amplitude plus phase, weighted by the illumination; in any other
        it is the loss of the predicted diffraction amplitude, and the two parts are for information.
        """
        x, amplitude, phase, probe, _, norm, scale = (part.to(self.device) for part in batch)
        predicted_x, predicted_amplitude, predicted_phase = self.model(x, torch.view_as_real(probe), norm, scale)
        name, weighted = self.settings["loss_function"], self.settings.get("weighted_loss") or {}
        weight = illumination_weight(probe[:, 0])
        of_amplitude = (weight * pointwise_loss(name, predicted_amplitude, amplitude, weighted)).mean()
        of_phase = (weight * pointwise_loss(name, predicted_phase, phase, weighted)).mean()
        if self.supervised:
            return of_amplitude + of_phase, of_amplitude, of_phase
        return pointwise_loss(name, predicted_x, x, weighted).mean(), of_amplitude, of_phase

    def save_checkpoint(self) -> None:
        """Write the files with which `resume` continues, and the losses."""
        save_tensors(self.model.state_dict(), self.run_dir / "checkpoint_model.pth")
        state = {
            "current_epoch": self.current_epoch,
            "loss_tracker": self.loss_tracker,
            "optimizer_state_dict": self.optimizer.state_dict(),
            "scheduler_state_dict": None,
            "wandb_run_id": None,
        }
        save_tensors(state, self.run_dir / "checkpoint.state")
        save_pickle(self.loss_tracker, self.run_dir / "metrics.pickle")

    def _set_learning_rate(self, epochs_done: float) -> None:
        """Constant, or a half cosine over all epochs (reference-only key ``training.lr_schedule``)."""
        if self.settings.get("lr_schedule", "constant") == "cosine":
            factor = 0.5 * (1.0 + math.cos(math.pi * epochs_done / self.epochs))
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    def _plot(self, epoch: int) -> None:
        """Draw the first validation and test item, at epoch 0 and at the configured frequencies."""
        sources = {
            "plot": (self.validation_loader.dataset, self.settings["validation_plot_freq"]),
            "test": (self.test_set, self.settings["test_plot_freq"]),
        }
        for prefix, (items, frequency) in sources.items():
            if epoch == 0 or (int(frequency) > 0 and epoch % int(frequency) == 0):
                plot_item(self.model, items[0], self.run_dir / f"{prefix}_epoch{epoch}.png")


def _append(metrics: dict[str, Any], names: tuple[str, ...], values: tuple[float, ...]) -> None:
    """Append each value to the list of its name."""
    for name, value in zip(names, values, strict=True):
        metrics[name].append(value)


class _Meter:
    """Means of the three losses over items."""

    def __init__(self) -> None:
        self._sums, self._items = [0.0, 0.0, 0.0], 0

    def add(self, losses: Losses, items: int) -> None:
        """Add a batch's mean losses."""
        self._sums = [total + loss.item() * items for total, loss in zip(self._sums, losses, strict=True)]
        self._items += items

    def means(self, what: str) -> tuple[float, float, float]:
        """Return the means.

        Raises:
            FloatingPointError: when the first is not finite.

        """
        total, amplitude, phase = (value / self._items for value in self._sums)
        if not math.isfinite(total):
            raise FloatingPointError(
                f"the {what} is {total}: look for NaN or huge values in dp, and at the learning rates"
            )
        return total, amplitude, phase
