"""What many artifacts have in common is told once, by every rendering that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ptycho_contracts.finding import Finding, Report, Unexamined
from ptycho_contracts.result import Aggregate, Result, kind_of

# From so many artifacts on, a finding is told once for all.
SHARED_BY = 5


def shared_findings(result: Result) -> tuple[Aggregate, ...]:
    """The findings that are told once, the severest and commonest first."""
    return tuple(a for a in result.aggregates if a.count >= SHARED_BY)


def own_findings(report: Report, shared: Iterable[Aggregate]) -> tuple[Finding, ...]:
    """The findings of a report that are not told elsewhere."""
    told = {a.kind for a in shared}
    return tuple(f for f in report.findings if kind_of(f, report.source[0]) not in told)


def first_of(result: Result, aggregate: Aggregate) -> Finding:
    """One finding that the aggregate counts, as an example."""
    return next(f for r in result.reports for f in r.findings if kind_of(f, r.source[0]) == aggregate.kind)


def variants_of(result: Result, aggregate: Aggregate) -> list[tuple[str, Finding]]:
    """One (artifact, finding) for each different message among those that the aggregate counts, the rarest first."""
    told: dict[str, list[tuple[str, Finding]]] = {}
    for report in result.reports:
        for found in report.findings:
            if kind_of(found, report.source[0]) == aggregate.kind:
                words = found.message if "…" not in aggregate.words else aggregate.words
                told.setdefault(words, []).append((report.source[0], found))
    return [members[0] for members in sorted(told.values(), key=len)]


def shared_gaps(result: Result) -> dict[Unexamined, int]:
    """What so many artifacts were not examined for that it is told once, and in how many."""
    counts = Counter(gap for report in result.reports for gap in dict.fromkeys(report.unexamined))
    return {gap: count for gap, count in counts.items() if count >= SHARED_BY}
