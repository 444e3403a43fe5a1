"""`finetune<k>.json` beside the runs of a fine-tuning: its policy, source and data, and what became of each stage."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveFloat

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.run_manifest import CodeIdentity, FileDigest
from ptycho_contracts.finding import Finding

_STRICT = ConfigDict(frozen=True, extra="forbid")
_SHA256 = r"^[0-9a-f]{64}$"


class Justification(BaseModel):
    """Whether the validation of the finished stages justifies another one, with the numbers that decide."""

    model_config = _STRICT

    justified: bool
    sentence: str = Field(description="the verdict and its reason, for people")
    baseline: float | None = Field(
        default=None,
        description="best validation loss of the stage before the last; of its first epoch where it was the first",
    )
    best: float | None = Field(default=None, description="best validation loss of the last stage")
    improvement: float | None = Field(default=None, description="(baseline − best) / |baseline|")
    epochs_since_best: NonNegativeInt | None = Field(
        default=None, description="epochs of the last stage after its best one"
    )


class StageRecord(BaseModel):
    """One stage: what is planned for it and what was measured."""

    model_config = _STRICT

    name: str
    frozen: tuple[str, ...] = Field(description="parts of the model that must be bit-identical afterwards")
    learning_rates: dict[str, PositiveFloat] = Field(
        description="by part of the model: the three components, and what has a rate of its own"
    )
    state: Literal["planned", "skipped", "running", "failed", "complete"] = Field(
        default="planned", description="running: also what a killed process leaves"
    )
    reason: str | None = Field(default=None, description="why it was skipped, or run at all; why it failed")
    justification: Justification | None = Field(default=None, description="null: no rule was asked")
    run: str | None = Field(default=None, description="name of its run directory, beside this file")
    source: FileDigest | None = Field(default=None, description="the weights that it started from")
    validation_losses: tuple[float | None, ...] = Field(
        default=(), description="one for each finished epoch; null: not a finite number"
    )
    best_loss: float | None = Field(default=None, description="lowest validation loss")
    checkpoint: FileDigest | None = Field(default=None, description="best_model.pth, that of the lowest loss")
    validation_seeded: bool | None = Field(
        default=None,
        description="whether validation drew the same noise each time, so that losses of epochs and stages can be "
        "compared; null: the bridge did not say",
    )
    seconds: float | None = Field(default=None, ge=0, description="wall time of all its processes")
    findings: tuple[Finding, ...] = ()


class Best(BaseModel):
    """The stage with the lowest validation loss, and its weights."""

    model_config = _STRICT

    stage: str
    path: str = Field(description="relative to the folder of this file")
    validation_loss: float


class FineTuneRecord(BaseModel):
    """A fine-tuning, rewritten whenever a stage begins or ends."""

    model_config = _STRICT

    contract: Literal["finetune-record"] = "finetune-record"
    contract_version: Literal["1.0.0"] = "1.0.0"
    started: AwareDatetime
    fingerprint: str = Field(
        pattern=_SHA256,
        description="SHA-256 over policy, source, data, seed, overrides and the checkout's sources: the same command "
        "goes on with the record that has the same",
    )
    policy: FineTunePolicy
    policy_sha256: str = Field(pattern=_SHA256, description="of the policy as JSON with sorted keys")
    source: FileDigest = Field(description="the weights that the first stage starts from")
    code: CodeIdentity = Field(description="the checkout")
    seed: NonNegativeInt
    overrides: dict[str, JsonValue] = Field(description="keys of config.yaml by dotted name")
    inputs: tuple[FileDigest, ...] = Field(description="pairs and normalization files")
    stages: tuple[StageRecord, ...] = Field(min_length=1)
    best: Best | None = Field(default=None, description="null: no stage has finished yet")


CONTRACT = DocumentContract(
    id="finetune-record",
    version="1.0.0",
    summary="what became of the stages of a fine-tuning (finetune<k>.json)",
    model=FineTuneRecord,
    role="json",
    names=("finetune*.json",),
)
