"""`<name>_fix.json`: what `ptycho fix` changed in a copy of an artifact, why that was safe, and what is left."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.contracts.run_manifest import FileDigest
from ptycho_contracts.finding import Finding

_STRICT = ConfigDict(frozen=True, extra="forbid")


class FixedItem(BaseModel):
    """One repair."""

    model_config = _STRICT

    codes: tuple[str, ...] = Field(description="findings that it mends")
    location: str
    what: str
    why: str = Field(description="why it is safe: what it follows from, or what proves it")


class FixRecord(BaseModel):
    """The whole repair."""

    model_config = _STRICT

    contract: Literal["fix-record"] = "fix-record"
    contract_version: Literal["1.0.0"] = "1.0.0"
    tool: str = Field(description="name and version of the program that wrote it")
    finished_at: AwareDatetime
    artifact_contract: str
    source: tuple[FileDigest, ...]
    outputs: tuple[FileDigest, ...]
    fixed: tuple[FixedItem, ...]
    evidence: dict[str, Any] = Field(description="of the physics check, where it led to a repair")
    remaining: tuple[Finding, ...] = Field(description="errors and warnings that the output still has")


CONTRACT = DocumentContract(
    id="fix-record",
    version="1.0.0",
    summary="record of a repair (<name>_fix.json)",
    model=FixRecord,
    role="json",
    names=("*_fix.json",),
)
