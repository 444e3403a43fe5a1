"""Which findings count, and how much: the policy that a project, a profile and a command line agree on.

A policy is applied to finished reports; it never changes what is examined. Codes are named whole (`PTY304`) or by
their beginning (`PTY3`); the longest name that fits a finding decides. Findings about the file itself and its safety
(0xx) and about ourselves (9xx) mean that a file was not examined, or that it is dangerous to open: they follow only
their whole code, so that a broad `ignore` or `select` never hides them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ptycho_contracts.codes import Severity
from ptycho_contracts.finding import Depth, Finding, Report
from ptycho_contracts.path_patterns import matches

Selector = Annotated[str, Field(pattern=r"^PTY\d{0,3}$")]
Profile = Literal["default", "strict", "interop", "archive"]
FailOn = Literal["error", "warning", "hint", "never"]

EVERYTHING = "PTY"
_WHOLE = len("PTY000")
_ONLY_BY_WHOLE_CODE = ("PTY0", "PTY9")

# What each profile makes of codes, before the project's own `severity`; `strict` also fails on warnings.
_NEEDED_BY_OTHERS = ("PTY009", "PTY106", "PTY107", "PTY306")
_SELF_DESCRIBING = ("PTY009", "PTY106", "PTY107", "PTY316", "PTY320")
PROFILES: Mapping[Profile, Mapping[str, Severity]] = MappingProxyType(
    {
        "default": {},
        "strict": {},
        "interop": dict.fromkeys(_NEEDED_BY_OTHERS, Severity.ERROR),
        "archive": dict.fromkeys(_SELF_DESCRIBING, Severity.ERROR),
    }
)


class PathRules(BaseModel):
    """What holds in one part of a project, on top of what holds everywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ignore: tuple[Selector, ...] = Field(default=(), description="codes that are not reported here")
    severity: dict[Selector, Severity] = Field(default={}, description="severity by code, for files here")


class EffectivePolicy(BaseModel):
    """The policy that one validation followed, whatever it came from."""

    model_config = ConfigDict(frozen=True)

    profile: Profile = "default"
    depth: Depth = "header"
    select: tuple[str, ...] = (EVERYTHING,)
    ignore: tuple[str, ...] = ()
    severity: dict[str, Severity] = Field(default_factory=dict)
    per_path: dict[str, PathRules] = Field(
        default_factory=dict, description="rules by pattern; the last that fits wins"
    )
    exclude: tuple[str, ...] = Field(default=(), description="patterns of paths that are left out")
    fail_on: FailOn = "error"

    @property
    def digest(self) -> str:
        """SHA-256 of the policy as JSON, 64 hexadecimal digits: equal digests, equal judgement."""
        plain = self.model_dump(mode="json") | {"severity": dict(sorted(self.severity.items()))}
        return hashlib.sha256(json.dumps(plain, separators=(",", ":")).encode()).hexdigest()

    def apply(self, report: Report, path: str) -> tuple[Report, int]:
        """The report as this policy sees it, and how many findings it ignores.

        Args:
            report: As `validate` made it.
            path: Where the artifact lies, relative to the project and with forward slashes.
        """
        if not report.findings:
            return report, 0
        rules = [found for pattern, found in self.per_path.items() if matches(pattern, path)]
        kept = [self._weighed(f, rules) for f in report.findings if self._reported(f.code, rules)]
        ordered = sorted(kept, key=lambda f: _RANK[f.severity])
        return report.model_copy(update={"findings": tuple(ordered)}), len(report.findings) - len(kept)

    def _reported(self, code: str, rules: Iterable[PathRules]) -> bool:
        """Whether the longest name that fits selects it; at equal length it is ignored."""
        ignored = max(_fit(code, names) for names in (self.ignore, *(r.ignore for r in rules)))
        if needs_whole_code(code):
            return ignored < _WHOLE
        return _fit(code, self.select) > ignored

    def _weighed(self, found: Finding, rules: Iterable[PathRules]) -> Finding:
        severity = PROFILES[self.profile].get(found.code, found.severity)
        if self.profile == "strict" and severity is Severity.HINT:
            severity = Severity.WARNING
        for table in (self.severity, *(r.severity for r in rules)):
            length = _fit(found.code, table)
            if length == _WHOLE or (length and not needs_whole_code(found.code)):
                severity = table[found.code[:length]]
        return found if severity is found.severity else found.model_copy(update={"severity": severity})


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def failing(report: Report, fail_on: FailOn) -> tuple[Finding, ...]:
    """The findings of a report that are as severe as `fail_on`, or more."""
    if fail_on == "never":
        return ()
    return tuple(f for f in report.findings if _RANK[f.severity] <= _RANK[Severity(fail_on)])


def fails(report: Report, fail_on: FailOn) -> bool:
    """Whether a report has such a finding."""
    return bool(failing(report, fail_on))


def needs_whole_code(name: str) -> bool:
    """Whether a code, or all codes with this beginning, can be ignored or weighed only one by one."""
    return name.startswith(_ONLY_BY_WHOLE_CODE)


def default_fail_on(profile: Profile) -> FailOn:
    """From which severity on a validation fails, where neither the project nor the caller says so."""
    return "warning" if profile == "strict" else "error"


def _fit(code: str, names: Iterable[str]) -> int:
    """Length of the longest name that the code begins with, 0 where none does."""
    return max((len(name) for name in names if code.startswith(name)), default=0)
