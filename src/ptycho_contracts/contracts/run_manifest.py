"""The manifest beside every artifact that a run leaves: what was done, with what, why, and what came out."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, NonNegativeFloat, NonNegativeInt

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.finding import Finding

_FROZEN = ConfigDict(frozen=True, extra="forbid")

Outcome = Literal["running", "complete", "failed", "invalid", "interrupted"]


class FileDigest(BaseModel):
    """A file, pinned by its content."""

    model_config = _FROZEN

    role: str = Field(description="what the file is to the run, for example dp, para, normalization, checkpoint")
    path: str = Field(description="relative to the manifest's folder where it lies inside, otherwise absolute")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: NonNegativeInt


class Decision(BaseModel):
    """One choice of the plan and the reason for it."""

    model_config = _FROZEN

    about: str = Field(description="what was decided, for example data.normalization_dict_path")
    choice: JsonValue
    reason: str


class Command(BaseModel):
    """A process as it was, or would be, started."""

    model_config = _FROZEN

    argv: tuple[str, ...] = Field(min_length=1)
    cwd: str
    env: dict[str, str] = Field(
        default_factory=dict, description="variables set for the process, beside PATH, HOME and the like"
    )


class CodeIdentity(BaseModel):
    """Which program text ran: a commit where there is one, and always a digest of the sources."""

    model_config = _FROZEN

    name: str
    generation: str | None = Field(default=None, description="generation of a PtychoViT checkout: flat, …")
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")
    dirty: bool | None = Field(
        default=None, description="whether tracked files differ from the commit; null: no commit"
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="digest over the names and contents of the sources")


class Origin(BaseModel):
    """The checkpoint that a run began with."""

    model_config = _FROZEN

    relation: Literal["resumed", "fine-tuned", "inferred"] = Field(
        description="resumed: begun without this library, its own origin is not known; fine-tuned: weights only, all "
        "else fresh; inferred: no training"
    )
    run: str | None = Field(description="absolute path of the run directory that it lies in; null: in none")
    checkpoint: FileDigest
    epoch: NonNegativeInt | None = Field(default=None, description="finished epochs in it; null: not known")


class Attempt(BaseModel):
    """One process of a training; one that was resumed has several."""

    model_config = _FROZEN

    started: AwareDatetime
    seconds: NonNegativeFloat = Field(description="up to its last event where the process was killed")
    first_epoch: NonNegativeInt = Field(description="index of the epoch that it began with")
    outcome: Outcome
    checkpoint: FileDigest | None = Field(
        default=None, description="checkpoint_model.pth as it went on from it; null: it began the run"
    )


class RunManifest(BaseModel):
    """A run, from its inputs to its outcome."""

    model_config = _FROZEN

    contract: Literal["run-manifest"] = "run-manifest"
    contract_version: Literal["1.0.0", "1.1.0"] = "1.1.0"
    kind: str = Field(min_length=1, description="what ran, for example ptychovit-train")
    outcome: Outcome = Field(
        description="running: written at the start, and what a killed process leaves; invalid: its numbers must not "
        "be used"
    )
    started: AwareDatetime = Field(description="when its first process began")
    seconds: NonNegativeFloat = Field(description="of all its processes together")
    seed: NonNegativeInt | None = None
    versions: dict[str, str] = Field(description="version of ptycho-contracts, python and what else took part")
    code: CodeIdentity | None = Field(default=None, description="the external program that did the work")
    origin: Origin | None = Field(default=None, description="null: weights as the checkout initialised them")
    attempts: tuple[Attempt, ...] = Field(default=(), description="processes of a training, the present one last")
    commands: tuple[Command, ...] = Field(default=(), description="what was started, the last process last")
    decisions: tuple[Decision, ...] = ()
    inputs: tuple[FileDigest, ...] = ()
    outputs: tuple[FileDigest, ...] = ()
    findings: tuple[Finding, ...] = Field(default=(), description="what is wrong with the run")
    not_carried: tuple[str, ...] = Field(
        default=(), description="what conversions on the way could not carry, one sentence each"
    )
    figures: dict[str, JsonValue] = Field(
        default_factory=dict, description="measured numbers by name, unit in the name"
    )


CONTRACT = DocumentContract(
    id="run-manifest",
    version="1.1.0",
    summary="what a run did, with digests, versions, decisions and outcome",
    model=RunManifest,
    role="json",
    names=("manifest.json", "study_manifest.json"),
)
