"""What a checkout was seen to keep of the backend contract."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, model_validator

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.contracts.run_manifest import CodeIdentity

_FROZEN = ConfigDict(frozen=True, extra="forbid")

Status = Literal["passed", "failed", "not tested"]


class PromiseLine(BaseModel):
    """One promise, and what was seen of it."""

    model_config = _FROZEN

    id: str = Field(pattern=r"^[a-z0-9-]+$", description="name of the promise, never changed")
    sentence: str = Field(description="what is promised")
    fact: str = Field(description="where the fact stands that it rests on: page and anchor in docs/")
    status: Status = Field(description="not tested: what it would be judged by is not there; no verdict")
    measured: str | None = Field(default=None, description="what was seen, with units; null: not tested")
    value: float | None = Field(default=None, description="the number that decided, where there is one")
    because: str | None = Field(default=None, description="why it was not tested; null: it was")

    @model_validator(mode="after")
    def _says_what_it_saw(self) -> Self:
        if (self.measured is None) != (self.status == "not tested") or (self.because is None) == (
            self.measured is None
        ):
            raise ValueError("a line has `because` where it was not tested, and `measured` where it was")
        return self


class ConformanceReport(BaseModel):
    """A line for each promise that was asked for."""

    model_config = _FROZEN

    contract: Literal["conformance-report"] = "conformance-report"
    contract_version: Literal["1.0.0"] = "1.0.0"
    code: CodeIdentity = Field(description="the checkout")
    started: AwareDatetime
    seconds: NonNegativeFloat
    seed: NonNegativeInt = Field(description="of the generated set and of the runs")
    full_model: bool = Field(description="whether section `model` of the checkout's config.yaml was taken as it is")
    device: str | None = Field(description="where the checkout computed; null: it never said")
    versions: dict[str, str] = Field(description="versions of ptycho-contracts and, prefixed, of the checkout's side")
    lines: tuple[PromiseLine, ...] = Field(min_length=1)

    def count(self, status: Status) -> int:
        """How many lines have a status."""
        return sum(line.status == status for line in self.lines)


CONTRACT = DocumentContract(
    id="conformance-report",
    version="1.0.0",
    summary="what a checkout keeps of the backend contract (conformance.json)",
    model=ConformanceReport,
    role="json",
    names=("conformance.json",),
)
