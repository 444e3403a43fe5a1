"""`gate.json`: what the publication gate ran, what each part looked at, and whether the gate is open."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, NonNegativeFloat, NonNegativeInt

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.contracts.run_manifest import CodeIdentity, FileDigest
from ptycho_contracts.finding import Finding

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class GateCheck(BaseModel):
    """One thing that a part looked at."""

    model_config = _FROZEN

    about: str = Field(min_length=1, description="what has to hold")
    passed: bool
    found: str = Field(description="what was seen")


class GatePart(BaseModel):
    """One of the four parts."""

    model_config = _FROZEN

    name: str = Field(min_length=1)
    outcome: Literal["passed", "failed", "not run"]
    summary: str = Field(description="its figures in one line; or what failed; or why it was not run")
    seconds: NonNegativeFloat
    checks: tuple[GateCheck, ...] = ()
    figures: dict[str, JsonValue] = Field(
        default_factory=dict, description="measured numbers by name, unit in the name"
    )


class GateManifest(BaseModel):
    """One passage through the gate."""

    model_config = _FROZEN

    contract: Literal["gate-manifest"] = "gate-manifest"
    contract_version: Literal["1.0.0"] = "1.0.0"
    outcome: Literal["passed", "failed"]
    started: AwareDatetime
    seconds: NonNegativeFloat
    seed: NonNegativeInt = Field(description="of the simulated data and of the training")
    device: Literal["auto", "cpu", "cuda"] = Field(description="as asked for; run manifests say what was used")
    versions: dict[str, str] = Field(description="version of ptycho-contracts, python and what else took part")
    software: CodeIdentity = Field(description="our own sources, as they ran")
    code: CodeIdentity = Field(description="the checkout that was trained")
    parts: tuple[GatePart, ...] = Field(min_length=1)
    files: tuple[FileDigest, ...] = Field(default=(), description="what the parts left; relative to this file")
    findings: tuple[Finding, ...] = Field(default=(), description="one for each part that failed or was not run")


CONTRACT = DocumentContract(
    id="gate-manifest",
    version="1.0.0",
    summary="what the publication gate ran and found (gate.json)",
    model=GateManifest,
    role="json",
    names=("gate.json",),
)
