"""Reports for people at a terminal: plain text, one finding in four lines at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ptycho_contracts.codes import Severity
from ptycho_contracts.finding import Finding, Report


def render_text(reports: Iterable[Report]) -> str:
    """All reports, then a line that counts them."""
    reports = list(reports)
    lines = [line for report in reports for line in _report(report)]
    return "\n".join([*lines, summary(reports)])


def summary(reports: list[Report]) -> str:
    """How many artifacts are valid, and how many findings of each severity there are."""
    counts = Counter(f.severity for report in reports for f in report.findings)
    found = ", ".join(f"{counts[s]} {s}{'' if counts[s] == 1 else 's'}" for s in Severity)
    valid = sum(report.ok for report in reports)
    return f"{valid} of {len(reports)} valid: {found}"


def _report(report: Report) -> Iterator[str]:
    judged = f"{report.contract} {report.contract_version}" if report.contract else "not recognised"
    yield f"{', '.join(report.source)}: {'valid' if report.ok else 'INVALID'} ({judged}, depth {report.depth})"
    for found in report.findings:
        yield from _finding(found)
    yield from _physics(report.evidence.get("physics"))
    for left in report.unexamined:
        yield f"  not examined: {left.check} ({left.reason})"


def _finding(found: Finding) -> Iterator[str]:
    yield f"  {found.severity.upper()} {found.code} {found.location}"
    yield f"    {found.message}"
    if found.expected:
        yield f"    expected: {found.expected}"
    if found.found:
        yield f"    found:    {found.found}"
    if found.fix:
        yield f"    fix:      {found.fix}"


def _physics(evidence: dict[str, Any] | None) -> Iterator[str]:
    if not evidence or not evidence.get("confirmed"):
        return
    done = evidence["confirmed"]
    yield (
        f"  physics: read as {done['reading']!r}, {done['agree']} of {done['patterns']} patterns are explained best "
        f"at their own place ({done['contradict']} contradict, {done['undecided']} undecided; "
        f"best rival {done['median_margin']:.3g} times worse in the median, {done['min_margin']:.3g} at least)"
    )
