"""`conversion_manifest.json`: what a conversion read, how it decided, what it wrote, and what it could not carry."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.contracts.run_manifest import FileDigest

_STRICT = ConfigDict(frozen=True, extra="forbid")


class OutputRecord(BaseModel):
    """One artifact that was written."""

    model_config = _STRICT

    files: tuple[FileDigest, ...]
    facts: dict[str, Any] = Field(description="figures that the writing produced: probe factor, total intensity …")
    dropped: tuple[str, ...] = Field(description="what the scan held and the format has no room for")


class ConversionManifest(BaseModel):
    """The whole conversion."""

    model_config = _STRICT

    contract: Literal["conversion-manifest"] = "conversion-manifest"
    contract_version: Literal["1.0.0"] = "1.0.0"
    tool: str = Field(description="name and version of the program that wrote it")
    finished_at: AwareDatetime
    source_contract: str
    target_contract: str
    source: tuple[FileDigest, ...]
    options: dict[str, Any] = Field(description="what the caller asked for or said of the source")
    decisions: dict[str, Any] = Field(description="how each open question about the source was decided, with evidence")
    dropped: tuple[str, ...] = Field(description="what the source held and a scan has no room for")
    placeholders: tuple[str, ...] = Field(description="quantities that are not known and stand as unit values")
    outputs: tuple[OutputRecord, ...]


CONTRACT = DocumentContract(
    id="conversion-manifest",
    version="1.0.0",
    summary="record of a conversion (conversion_manifest.json)",
    model=ConversionManifest,
    role="json",
    names=("conversion_manifest.json", "*_conversion.json"),
)
