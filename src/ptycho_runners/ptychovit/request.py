"""What a user asks of the PtychoViT runner."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from ptycho_contracts.contracts.bridge_job import Hooks
from ptycho_runners.ptychovit.checkout import REFERENCE

_FROZEN = ConfigDict(frozen=True, extra="forbid")

Device = Literal["auto", "cpu", "cuda"]


def absolute_program(python: str) -> str:
    """A path from here as an absolute one, because the process is started elsewhere; a command's name as it is.

    Links are kept: the interpreter of a virtual environment is one, and knows its packages by where it lies.
    """
    return os.path.abspath(python) if os.sep in python else python


Interpreter = Annotated[str, AfterValidator(absolute_program)]


class Launch(BaseModel):
    """How many processes the checkout gets, and from whom."""

    model_config = _FROZEN

    launcher: Literal["python", "torchrun"] = Field(
        default="python", description="torchrun: the checkout's own distributed training, one process for each GPU"
    )
    nproc_per_node: PositiveInt = Field(default=1, description="processes of torchrun on this machine")

    @model_validator(mode="after")
    def _one_process_without_torchrun(self) -> Self:
        if self.launcher == "python" and self.nproc_per_node > 1:
            raise ValueError(f"{self.nproc_per_node} processes need `launcher: torchrun`")
        return self


class TrainOptions(BaseModel):
    """How long, how fast and on what share of the patterns; names as in config.yaml."""

    model_config = _FROZEN

    epochs: PositiveInt = Field(description="total number of epochs")
    batch_size: PositiveInt = Field(default=16, description="patterns per step")
    learning_rate: PositiveFloat = Field(default=1e-4, description="of every component without a rate of its own")
    encoder_lr: PositiveFloat | None = Field(default=None, description="null: learning_rate")
    amp_decoder_lr: PositiveFloat | None = Field(default=None, description="null: learning_rate")
    ph_decoder_lr: PositiveFloat | None = Field(default=None, description="null: learning_rate")
    mode: Literal["supervised", "unsupervised"] = Field(
        default="supervised", description="supervised: amplitude and phase loss; unsupervised: diffraction loss"
    )
    loss_function: Literal["smooth_l1", "mse", "l1", "poisson_nll", "weighted"] = Field(
        default="mse", description="which loss compares prediction and target"
    )
    train_split: float = Field(default=0.9, gt=0, lt=1, description="share of the patterns that is trained on")
    scale: PositiveFloat | None = Field(
        default=None, description="counts at the brightest pixel; null: as in the config that the model is from"
    )
    max_probe_modes: PositiveInt = Field(default=8, description="dark modes are appended up to this number")
    num_workers: NonNegativeInt = Field(default=0, description="loader processes; 0: load in the training's own")
    plot_every: PositiveInt | None = Field(default=None, description="epochs between pictures; null: the first only")


class _Process(BaseModel):
    """What every request says of the process that does the work."""

    model_config = _FROZEN

    timeout_s: PositiveFloat | None = Field(default=None, description="limit of the process; null: none")


class _Request(_Process):
    checkout: str = Field(default=REFERENCE, description="folder of a flat checkout, or `reference`")
    python: Interpreter = Field(default=sys.executable, description="the checkout's interpreter")
    runs_dir: Path = Field(description="folder in which the next run<k> is made")
    normalization: Path | None = Field(
        default=None,
        description="pickled dict, object name to maximum of its dp stack; null: the entries of normalization.pkl "
        "beside the pairs, and computed from the patterns where there is none",
    )
    device: Device = "auto"
    threads: PositiveInt | None = Field(default=None, description="CPU threads; null: torch's default")
    seed: NonNegativeInt = Field(default=0, lt=2**32)
    hooks: Hooks = Hooks()


class TrainRequest(_Request):
    """Train on every pair of a folder, or on one pair, from scratch or from given weights."""

    data_path: Path = Field(description="folder of training pairs, or the dp file of one pair")
    test_dp: Path | None = Field(
        default=None, description="dp file of the test pair, none of the training pairs; null: pictures show the first"
    )
    test_normalization: Path | None = Field(default=None, description="null: as for the training pairs")
    options: TrainOptions
    initial_weights: Path | None = Field(default=None, description="state dict to start from, loaded strictly")
    model: dict[str, JsonValue] | None = Field(
        default=None, description="section `model`; null: that of the initial weights' config, or the checkout's own"
    )
    overrides: dict[str, JsonValue] = Field(
        default_factory=dict, description="further keys of config.yaml by dotted name, such as data.augment.fraction"
    )
    frozen: tuple[str, ...] = Field(default=(), description="modules that stay as they are, such as `encoder`")
    learning_rates: dict[str, PositiveFloat] = Field(
        default_factory=dict, description="rates of single modules, such as `encoder.blocks.3`"
    )
    launch: Launch = Launch()


class InferRequest(_Request):
    """Predict the patches of pairs with a trained model."""

    pairs: tuple[Path, ...] = Field(min_length=1, description="dp files")
    checkpoint: Path = Field(description="state dict, for example best_model.pth of a run")
    config: Path | None = Field(default=None, description="config of the checkpoint; null: config.yaml beside it")
    batch_size: PositiveInt = 16


class ResumeRequest(_Process):
    """Go on with a run in its own directory, from its last finished epoch.

    Nothing here can change what the training is, but for `batch_size`, the way out of a lack of memory. What is
    null stays as the run had it.
    """

    run: Path = Field(description="run directory, run<k>, with checkpoint_model.pth, checkpoint.state, config.yaml")
    epochs: PositiveInt | None = Field(default=None, description="new total number of epochs")
    checkout: str | None = Field(default=None, description="needed where the run was begun without this library")
    python: Interpreter | None = Field(default=None, description="the checkout's interpreter")
    device: Device | None = None
    threads: PositiveInt | None = None
    launch: Launch | None = None
    overrides: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="keys of config.yaml by dotted name; only those that leave the training as it is "
        "(data.num_workers, training.test_plot_freq, …) and training.batch_size",
    )
    learning_rates: dict[str, PositiveFloat] | None = Field(
        default=None, description="must be those of the run: the rates in checkpoint.state count"
    )
