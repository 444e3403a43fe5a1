"""The result of validating many artifacts: their reports, what they have in common, and the policy that judged them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ptycho_contracts import __version__
from ptycho_contracts.codes import Severity, all_codes
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Depth, Finding, Report
from ptycho_contracts.policy import EffectivePolicy, FailOn, fails

# How many examples an aggregate names.
_FEW = 5
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e[-+]?\d+)?", re.IGNORECASE)
_INDEX = re.compile(r"\[[^\]]*\]")
_HALVES = tuple(suffix for suffix in (DpFile.suffix, ParaFile.suffix) if suffix)


class Kind(NamedTuple):
    """What two findings share that are the same but for numbers and for the names of their files."""

    code: str
    severity: Severity
    place: str
    words: str


def kind_of(found: Finding, source: str) -> Kind:
    """What the finding of an artifact is, wherever it occurs."""
    words = found.message
    for name in _names(source):
        words = words.replace(name, "…")
    return Kind(found.code, found.severity, _INDEX.sub("", found.location), _NUMBER.sub("#", words))


def _names(source: str) -> Iterator[str]:
    """How a message may call the files of an artifact, the longest first."""
    name = Path(source).name
    yield from (text for text in (source, name) if text)
    for suffix in _HALVES:
        if name.endswith(suffix):
            yield from (name.removesuffix(suffix) + other for other in _HALVES)


class Aggregate(BaseModel):
    """The same finding wherever it occurs: "PTY107 in 412 files"."""

    model_config = ConfigDict(frozen=True)

    code: str
    severity: Severity
    title: str
    place: str = Field(description="where inside the files, without an index")
    words: str = Field(description="the message, `#` for a number and `…` for the name of its file")
    count: int = Field(description="artifacts that have it")
    findings: int = Field(description="how often it was found in all")
    locations: tuple[str, ...] = Field(description="the first few places inside the files")
    sources: tuple[str, ...] = Field(description="the first few artifacts")

    @property
    def kind(self) -> Kind:
        """What the findings are that it counts."""
        return Kind(self.code, self.severity, self.place, self.words)


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
    """What the reports have in common: one entry for each kind of finding, the severest and commonest first."""
    groups: dict[Kind, list[tuple[str, Finding]]] = {}
    for report in reports:
        for found in report.findings:
            groups.setdefault(kind_of(found, report.source[0]), []).append((", ".join(report.source), found))
    made = [_aggregate(kind, members) for kind, members in groups.items()]
    ranks = list(Severity)
    return tuple(sorted(made, key=lambda a: (ranks.index(a.severity), -a.count, a.code, a.place)))


def _aggregate(kind: Kind, members: list[tuple[str, Finding]]) -> Aggregate:
    sources = list(dict.fromkeys(source for source, _ in members))
    known = all_codes().get(kind.code)
    return Aggregate(
        code=kind.code,
        severity=kind.severity,
        title=known.title if known else kind.code,
        place=kind.place,
        words=kind.words,
        count=len(sources),
        findings=len(members),
        locations=tuple(dict.fromkeys(found.location for _, found in members))[:_FEW],
        sources=tuple(sources[:_FEW]),
    )
