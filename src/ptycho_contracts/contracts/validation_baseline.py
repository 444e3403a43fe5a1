"""A baseline: the findings of a project that are known and shall not fail its checks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.finding import Depth

_STRICT = ConfigDict(frozen=True, extra="forbid")


class KnownFinding(BaseModel):
    """One finding, known by its code, its file and its place in the file, whatever its message says."""

    model_config = _STRICT

    code: str = Field(pattern=r"^PTY\d{3}$")
    path: str = Field(min_length=1, description="relative to the folder of this file; a pair goes by its stem")
    location: str = Field(description="`role:/path[index]@attribute`")
    depth: Depth = Field(default="header", description="the depth at which it was found")
    count: PositiveInt = Field(default=1, description="how often it is found at this place")


class ValidationBaseline(BaseModel):
    """Known findings, in the order of path, location and code."""

    model_config = _STRICT

    contract: Literal["validation-baseline"] = "validation-baseline"
    contract_version: Literal["1.0.0"] = "1.0.0"
    findings: tuple[KnownFinding, ...] = ()


CONTRACT = DocumentContract(
    id="validation-baseline",
    version="1.0.0",
    summary="findings that are known (written by `ptycho validate --write-baseline`)",
    model=ValidationBaseline,
    role="json",
    names=("ptycho-baseline.json", "*.ptycho-baseline.json"),
)
