"""One epoch of training or validation, and the files of a run directory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from data import Item
from torch import Tensor, nn
from torch.utils.data import DataLoader
from utils.files import clear_leftovers, copy_file, load_tensors, save_tensors
from utils.losses import illumination_weight
from utils.plots import plot_item

TRAINED = ("training_loss", "train_amp_loss", "train_ph_loss")
VALIDATED = ("validation_loss", "val_amp_loss", "val_ph_loss")
Losses = tuple[Tensor, Tensor, Tensor]


class Trainer:
    """Train a model epoch by epoch and keep its files in `<model_save_path>/run<run_num>`.

    The caller makes optimizer, criterion and metrics, has the loop over epochs and puts the model into training
    or evaluation mode. The metrics are a dict of a list of losses per name in `TRAINED` and `VALIDATED`, and
    ``best_val_loss``.

    Args:
        model: a PtychoViT on its device.
        mode: ``supervised`` learns from amplitude and phase, anything else from the diffraction amplitude.
        run_num: number of the run.
        device: where the batches go.
        model_save_path: folder of the run directories; made when absent, its parent must exist.
        is_main_process: must be true, the reference checkout has one process only.
        use_ddp: must be false, for the same reason.
        use_prefetch: of no effect.
        wandb_enabled: must be false, the reference checkout has no tracker.

    Attributes:
        run_path: the run directory.

    Raises:
        ValueError: when several processes or a tracker are asked for.

    """

    def __init__(  # noqa: PLR0917 - the real project's signature
        self,
        model: nn.Module,
        mode: str,
        run_num: int,
        device: torch.device,
        model_save_path: str | Path,
        is_main_process: bool = True,
        use_ddp: bool = False,
        use_prefetch: bool = False,
        wandb_enabled: bool = False,
    ) -> None:
        if use_ddp or not is_main_process:
            raise ValueError("the reference checkout trains in one process: use_ddp=False, is_main_process=True")
        if wandb_enabled:
            raise ValueError("the reference checkout has no tracker: wandb_enabled=False")
        self.model, self.mode, self.device = model, mode, device
        self.run_path = Path(model_save_path) / f"run{run_num}"
        self.run_path.parent.mkdir(exist_ok=True)
        self.run_path.mkdir(exist_ok=True)
        clear_leftovers(self.run_path)

    def train(
        self,
        dataloader: DataLoader[Item],
        criterion: nn.Module,
        optimizer: torch.optim.Optimizer,
        metrics: dict[str, Any],
    ) -> None:
        """One pass over the training items; appends to the losses in `TRAINED`.

        Args:
            dataloader: batches of items.
            criterion: see `losses`.
            optimizer: steps once per batch, after the gradient is clipped to a norm of 1.
            metrics: see the class.

        Raises:
            FloatingPointError: when the loss is not finite.

        """
        meter = _Meter()
        for batch in dataloader:
            losses = self.losses(batch, criterion)
            optimizer.zero_grad(set_to_none=True)
            losses[0].backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimizer.step()
            meter.add(losses, len(batch[0]))
        _append(metrics, TRAINED, meter.means(f"training loss of epoch {len(metrics[TRAINED[0]])}"))

    @torch.no_grad()
    def validate(
        self,
        dataloader: DataLoader[Item],
        criterion: nn.Module,
        optimizer: torch.optim.Optimizer,
        metrics: dict[str, Any],
        plot: bool = False,
        epoch: int = 0,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    ) -> None:
        """One pass over the validation items; appends to the losses in `VALIDATED`, keeps the best model.

        `best_model.pth` is written when the loss is the lowest so far.

        Args:
            dataloader: batches of items.
            criterion: see `losses`.
            optimizer: not used here, but part of the interface: whoever saves a checkpoint after every epoch
                hooks in behind this call.
            metrics: see the class.
            plot: draw the first item to `plot_epoch<epoch>.png`.
            epoch: number of the epoch, from 0.
            scheduler: not used here, see ``optimizer``.

        Raises:
            FloatingPointError: when the loss is not finite.

        """
        meter = _Meter()
        for batch in dataloader:
            meter.add(self.losses(batch, criterion), len(batch[0]))
        means = meter.means(f"validation loss of epoch {epoch}")
        _append(metrics, VALIDATED, means)
        if means[0] < metrics["best_val_loss"]:
            metrics["best_val_loss"] = means[0]
            self.update_saved_model("best_model")
        if plot:
            plot_item(self.model, dataloader.dataset[0], self.run_path / f"plot_epoch{epoch}.png", f"epoch {epoch}")

    def losses(self, batch: Item, criterion: nn.Module) -> Losses:
        """Total, amplitude and phase loss of a batch.

        In mode ``supervised`` the total is amplitude plus phase, weighted by the illumination; in any other
        it is the loss of the predicted diffraction amplitude, and the two parts are for information.

        Args:
            batch: items, stacked.
            criterion: loss per pixel of (prediction, target), such as `utils.losses.PixelLoss`. One that
                averages over the pixels by itself does as well, and is not weighted by the illumination then.

        """
        x, amplitude, phase, probe, _, norm, scale = (part.to(self.device) for part in batch)
        predicted_x, predicted_amplitude, predicted_phase = self.model(x, torch.view_as_real(probe), norm, scale)
        weight = illumination_weight(probe[:, 0])
        of_amplitude = (weight * criterion(predicted_amplitude, amplitude)).mean()
        of_phase = (weight * criterion(predicted_phase, phase)).mean()
        if self.mode == "supervised":
            return of_amplitude + of_phase, of_amplitude, of_phase
        return criterion(predicted_x, x).mean(), of_amplitude, of_phase

    def generate_test_plot(self, dataloader: DataLoader[Item], epoch: int, filename: str) -> None:
        """Draw the first test item, where matplotlib is present.

        Args:
            dataloader: batches of test items.
            epoch: number of the epoch, for the title.
            filename: of the PNG file in the run directory.

        """
        plot_item(self.model, dataloader.dataset[0], self.run_path / filename, f"epoch {epoch}")

    def save_config(self, config_path: str | Path = "config.yaml") -> None:
        """Copy the configuration to the run directory."""
        copy_file(Path(config_path), self.run_path / "config.yaml")

    def update_saved_model(self, name: str) -> None:
        """Write the model's state dict to `<name>.pth`."""
        save_tensors(self.model.state_dict(), self.run_path / f"{name}.pth")

    def save_model_and_states_checkpoint(
        self,
        epoch_num: int,
        metrics: dict[str, Any],
        optimizer: torch.optim.Optimizer,
        wandb_run_id: str | None = None,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    ) -> None:
        """Write `checkpoint_model.pth` and `checkpoint.state`, with which a run continues.

        Args:
            epoch_num: index of the last finished epoch.
            metrics: see the class.
            optimizer: its state is stored.
            wandb_run_id: stored as it is.
            scheduler: its state is stored; None where there is none.

        """
        self.update_saved_model("checkpoint_model")
        state = {
            "current_epoch": epoch_num + 1,
            "loss_tracker": metrics,
            "optimizer_state_dict": optimizer.state_dict(),
            "scheduler_state_dict": None if scheduler is None else scheduler.state_dict(),
            "wandb_run_id": wandb_run_id,
        }
        save_tensors(state, self.run_path / "checkpoint.state")

    def load_state_checkpoint(
        self, optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler | None = None
    ) -> tuple[int, dict[str, Any], torch.optim.Optimizer, str | None, torch.optim.lr_scheduler.LRScheduler | None]:
        """Read `checkpoint.state`; the stored learning rates override the configured ones.

        Args:
            optimizer: gets the stored state.
            scheduler: gets the stored state, where there is one.

        Returns:
            index of the next epoch, metrics, optimizer, wandb_run_id, scheduler.

        Raises:
            FileNotFoundError: when the file is absent.
            ValueError: when the number of parameter groups differs.

        """
        state = load_tensors(self.run_path / "checkpoint.state", self.device)
        optimizer.load_state_dict(state["optimizer_state_dict"])
        if scheduler is not None and state["scheduler_state_dict"] is not None:
            scheduler.load_state_dict(state["scheduler_state_dict"])
        return int(state["current_epoch"]), state["loss_tracker"], optimizer, state["wandb_run_id"], scheduler


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
