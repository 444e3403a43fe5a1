"""Findings and the report that collects them: values, never exceptions that escape."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ptycho_contracts.codes import Code, Severity

Depth = Literal["header", "data", "physics"]
DEPTHS: tuple[Depth, ...] = ("header", "data", "physics")


class Finding(BaseModel):
    """One defect, at one place, with what was expected, what was found, and how to mend it."""

    model_config = ConfigDict(frozen=True)

    code: str
    severity: Severity
    location: str = Field(description="`role:/path[index]@attribute`, for example `para:/probe@pixel_width_m`")
    message: str
    expected: str | None = None
    found: str | None = None
    fix: str | None = None
    contract: str | None = None
    contract_version: str | None = None


class Unexamined(BaseModel):
    """A check that did not run, and why; so that silence is never mistaken for a pass."""

    model_config = ConfigDict(frozen=True)

    check: str
    reason: str


class Report(BaseModel):
    """The result of validating one artifact.

    `evidence` holds the measured figures of checks that measure (the physics check), by check name.
    """

    model_config = ConfigDict(frozen=True)

    source: tuple[str, ...]
    contract: str | None
    contract_version: str | None
    depth: Depth
    findings: tuple[Finding, ...] = ()
    unexamined: tuple[Unexamined, ...] = ()
    evidence: dict[str, Any] = Field(default_factory=dict)
    known: int = Field(default=0, description="findings that a baseline knows; they are left out")

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that break a reader."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)


def finding(
    code: Code,
    location: str,
    message: str,
    *,
    expected: str | None = None,
    found: str | None = None,
    fix: str | None = None,
) -> Finding:
    """A finding of `code`; its fix is the code's own unless this place knows a better one."""
    return Finding(
        code=code.id,
        severity=code.severity,
        location=location,
        message=message,
        expected=expected,
        found=found,
        fix=fix or code.fix,
    )
