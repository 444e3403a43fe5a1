"""The result of validating many artifacts: their reports, what they have in common, and the policy that judged them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ptycho_contracts import __version__
from ptycho_contracts.codes import Severity, all_codes
from ptycho_contracts.finding import Depth, Finding, Report
from ptycho_contracts.policy import EffectivePolicy, FailOn, fails

# How many examples an aggregate names.
_FEW = 5


class Aggregate(BaseModel):
    """The same finding wherever it occurs: "PTY107 in 412 files"."""

    model_config = ConfigDict(frozen=True)

    code: str
    severity: Severity
    title: str
    count: int = Field(description="artifacts that have it")
    findings: int = Field(description="how often it was found in all")
    locations: tuple[str, ...] = Field(description="the first few places inside the files")
    sources: tuple[str, ...] = Field(description="the first few artifacts")


class Result(BaseModel):
    """One validation of any number of artifacts; every rendering is made from this."""

    model_config = ConfigDict(frozen=True)

    tool: Literal["ptycho-contracts"] = "ptycho-contracts"
    version: str = __version__
    started_at: datetime
    finished_at: datetime
    depth: Depth
    reports: tuple[Report, ...]
    aggregates: tuple[Aggregate, ...]
    policy: EffectivePolicy
    policy_digest: str
    suppressed: int = Field(default=0, description="findings that the baseline knows; they are in no report")
    fixed: tuple[str, ...] = Field(default=(), description="entries of the baseline that occur no more")
    ignored: int = Field(default=0, description="findings that the policy ignores; they are in no report")
    unfinished: int = Field(default=0, description="artifacts that an interruption left unexamined")
    fail_on: FailOn

    @property
    def failed(self) -> bool:
        """Whether some finding is as severe as `fail_on`."""
        return any(fails(report, self.fail_on) for report in self.reports)


def aggregate(reports: Iterable[Report]) -> tuple[Aggregate, ...]:
    """What the reports have in common: one entry for each code and severity, the severest and commonest first."""
    groups: dict[tuple[str, Severity], list[tuple[str, Finding]]] = {}
    for report in reports:
        for found in report.findings:
            groups.setdefault((found.code, found.severity), []).append((", ".join(report.source), found))
    made = [_aggregate(code, severity, members) for (code, severity), members in groups.items()]
    ranks = list(Severity)
    return tuple(sorted(made, key=lambda a: (ranks.index(a.severity), -a.count, a.code)))


def _aggregate(code: str, severity: Severity, members: list[tuple[str, Finding]]) -> Aggregate:
    sources = list(dict.fromkeys(source for source, _ in members))
    known = all_codes().get(code)
    return Aggregate(
        code=code,
        severity=severity,
        title=known.title if known else code,
        count=len(sources),
        findings=len(members),
        locations=tuple(dict.fromkeys(found.location for _, found in members))[:_FEW],
        sources=tuple(sources[:_FEW]),
    )
