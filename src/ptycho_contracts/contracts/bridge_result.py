"""What the bridge leaves behind when it ends on its own, whether well or not."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from ptycho_contracts.contract import DocumentContract

_FROZEN = ConfigDict(frozen=True, extra="forbid")

Reason = Literal[
    "completed",
    "normalization_fallback",
    "bad_job",
    "device_unavailable",
    "not_the_interface",
    "weights_mismatch",
    "unknown_part",
    "out_of_memory",
    "loss_not_finite",
    "missing_dependency",
    "checkout_failed",
]


class WrittenFile(BaseModel):
    """A file that the run wrote."""

    model_config = _FROZEN

    path: str = Field(description="absolute path")
    bytes: NonNegativeInt


class Losses(BaseModel):
    """Losses of the last finished epoch; null where not finite or not reported."""

    model_config = _FROZEN

    train: float | None = None
    validation: float | None = None
    best_validation: float | None = None


class Counts(BaseModel):
    """How much was done."""

    model_config = _FROZEN

    epochs: NonNegativeInt = Field(default=0, description="epochs finished by this run")
    patterns: NonNegativeInt = Field(default=0, description="patterns predicted by this run")
    parameters: NonNegativeInt = Field(
        default=0, description="parameters of the model that are trained; 0 where none was built"
    )
    fallbacks: NonNegativeInt = Field(default=0, description="objects with the default normalization")


class BridgeResult(BaseModel):
    """The outcome of one job."""

    model_config = _FROZEN

    contract: Literal["bridge-result"] = "bridge-result"
    contract_version: Literal["1.0.0", "1.1.0"] = "1.1.0"
    mode: Literal["train", "infer", "examine"]
    status: Literal["ok", "failed", "invalid"] = Field(description="invalid: its numbers must not be used")
    reason: Reason
    message: str = Field(description="the reason in words for a user")
    device: str
    seconds: NonNegativeFloat
    versions: dict[str, str] = Field(description="versions of python, torch, numpy and h5py in that interpreter")
    files: tuple[WrittenFile, ...] = ()
    counts: Counts = Counts()
    losses: Losses = Losses()


CONTRACT = DocumentContract(
    id="bridge-result",
    version="1.1.0",
    summary="the outcome of a bridge job",
    model=BridgeResult,
    role="json",
    names=("result.json",),
)
