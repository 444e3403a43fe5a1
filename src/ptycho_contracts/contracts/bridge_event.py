"""What the bridge reports while it works: JSON lines, appended and flushed one by one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, RootModel

from ptycho_contracts.contract import DocumentContract

_LOSS = "null where it is not a finite number or the checkout does not report it"


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    time: AwareDatetime = Field(description="when it happened, with the offset from UTC")


class RunStart(_Event):
    """The bridge has read its job and set the seeds."""

    event: Literal["run_start"] = "run_start"
    mode: Literal["train", "infer", "examine"]
    pid: NonNegativeInt
    device: str = Field(description="cpu, or cuda and the device's name")
    seed: NonNegativeInt


class ModelBuilt(_Event):
    """The checkout's model exists, with its initial weights."""

    event: Literal["model_built"] = "model_built"
    parameters: NonNegativeInt = Field(description="number of trainable parameters")
    weights: str | None = Field(description="file that its weights came from; null: initialised by the checkout")
    frozen: NonNegativeInt = Field(default=0, description="number of parameters that are not trained")
    stripped_prefix: bool = Field(
        default=False, description="whether `module.` was taken off every name in the file of the weights"
    )


class ValidationSeeding(_Event):
    """Whether the random numbers of the validation follow the seed, as measured at the first one."""

    event: Literal["validation_seeding"] = "validation_seeding"
    seeded: bool | None = Field(
        description="whether the same validation items came twice under one seed; null: it could not be measured"
    )
    message: str


class EpochEnd(_Event):
    """One epoch of training and validation is over."""

    event: Literal["epoch_end"] = "epoch_end"
    epoch: NonNegativeInt = Field(description="index of the epoch that ended, from 0")
    train_loss: float | None = Field(description=f"mean training loss; {_LOSS}")
    validation_loss: float | None = Field(description=f"mean validation loss; {_LOSS}")
    seconds: NonNegativeFloat = Field(description="wall time of the epoch")


class CheckpointWritten(_Event):
    """checkpoint_model.pth and checkpoint.state on the disk are those of this epoch, best_model.pth the best so far."""

    event: Literal["checkpoint_written"] = "checkpoint_written"
    epoch: NonNegativeInt
    path: str = Field(description="the state file; the model is beside it")


class PairInferred(_Event):
    """The patches of one pair are on the disk."""

    event: Literal["pair_inferred"] = "pair_inferred"
    name: str
    patterns: NonNegativeInt
    path: str
    seconds: NonNegativeFloat


class Warned(_Event):
    """Something a user should know that does not stop the run."""

    event: Literal["warning"] = "warning"
    message: str


class Fallback(_Event):
    """A dataset fell back to the default normalization; the checkout goes on, but the result is invalid."""

    event: Literal["fallback"] = "fallback"
    name: str = Field(description="object name")
    normalization: float = Field(description="the value in use")
    message: str


class Finished(_Event):
    """The last event; the result file says the rest."""

    event: Literal["finished"] = "finished"
    status: Literal["ok", "failed", "invalid"]


AnyEvent = Annotated[
    RunStart
    | ModelBuilt
    | ValidationSeeding
    | EpochEnd
    | CheckpointWritten
    | PairInferred
    | Warned
    | Fallback
    | Finished,
    Field(discriminator="event"),
]


class BridgeEvent(RootModel[AnyEvent]):
    """One line of the event file."""

    model_config = ConfigDict(frozen=True)


CONTRACT = DocumentContract(
    id="bridge-event",
    version="1.1.0",
    summary="a line of the bridge's event file",
    model=BridgeEvent,
    role="json",
)
