"""A result for people at a terminal: plain text, one finding in five lines at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ptycho_contracts.codes import Severity
from ptycho_contracts.finding import Finding, Report, Unexamined
from ptycho_contracts.render._places import path_of, source_of
from ptycho_contracts.render._shared import first_of, own_findings, shared_findings, shared_gaps, variants_of
from ptycho_contracts.render._words import Paint, counted, detail_lines, few, finding_lines, judged_as, visible
from ptycho_contracts.result import Aggregate, Result

# With more artifacts than this, those of which there is nothing to tell are only counted.
_LISTED = 20
# Of one finding with other figures in each file, so many are shown.
_VARIANTS = 3
_ANSI = {"ERROR": "1;31", "INVALID": "1;31", "WARNING": "33", "HINT": "36", "valid": "32"}


def render(result: Result, *, colour: bool = False) -> str:
    """Each artifact, what many have in common, which codes explain more, and a line that counts.

    Args:
        result: What was found.
        colour: Whether the text goes to a terminal that shows ANSI colours.
    """
    paint = _coloured if colour else str
    lines = [*_artifacts(result, paint), *_common(result, paint), *remarks(result), *_pages(result), verdict(result)]
    return "\n".join(lines)


def render_text(reports: Iterable[Report]) -> str:
    """Reports in full, without a policy, and a line that counts them."""
    reports = list(reports)
    lines = [line for r in reports for line in (_head(r, str), *_findings(r.findings, str), *_rest(r))]
    return "\n".join([*lines, summary(reports)])


def summary(reports: Iterable[Report]) -> str:
    """How many artifacts are valid, and how many findings of each severity there are."""
    reports = list(reports)
    counts = Counter(f.severity for report in reports for f in report.findings)
    found = ", ".join(counted(counts[s], s) for s in Severity)
    valid = sum(report.ok for report in reports)
    return f"{valid} of {len(reports)} valid: {found}"


def verdict(result: Result) -> str:
    """The counts, the policy that judged, and why it failed if no artifact is invalid."""
    policy = f"policy {result.policy.profile} {result.policy_digest[:12]}"
    strict = f"; fails on {result.fail_on}s" if result.failed and all(r.ok for r in result.reports) else ""
    return f"{summary(result.reports)} ({policy}{strict})"


def _coloured(word: str) -> str:
    return f"\x1b[{_ANSI[word]}m{word}\x1b[0m"


def _artifacts(result: Result, paint: Paint) -> Iterator[str]:
    shared, gaps = shared_findings(result), shared_gaps(result)
    for report in result.reports:
        own = own_findings(report, shared)
        rest = list(_rest(report, gaps))
        if not own and not _left_open(report, gaps) and len(result.reports) > _LISTED:
            continue
        yield _head(report, paint)
        yield from _findings(own, paint)
        told = {f.code: None for f in report.findings if f not in own}
        if told:
            yield f"  and, as told below: {', '.join(told)}"
        yield from rest


def _head(report: Report, paint: Paint) -> str:
    word = paint("valid" if report.ok else "INVALID")
    known = f", but for {counted(report.known, 'known finding')}" if report.known else ""
    return f"{visible(source_of(report))}: {word}{known} ({judged_as(report)}, depth {report.depth})"


def _findings(found: Iterable[Finding], paint: Paint) -> Iterator[str]:
    for one in found:
        for line in finding_lines(one, paint):
            yield f"  {line}"


def _rest(report: Report, told: Iterable[object] = ()) -> Iterator[str]:
    yield from _physics(report.evidence.get("physics"))
    for left in _left_open(report, told):
        yield f"  not examined: {visible(left.check)} ({visible(left.reason)})"


def _left_open(report: Report, told: Iterable[object]) -> list[Unexamined]:
    """What was not examined and is not told elsewhere."""
    return [left for left in report.unexamined if left not in told]


def _physics(evidence: dict[str, Any] | None) -> Iterator[str]:
    if not evidence:
        return
    if evidence.get("method") == "overlap" and evidence["verdict"] == "as stated":
        yield from _overlap(evidence)
    done = evidence.get("confirmed")
    if not done:
        return
    yield (
        f"  physics: read as {done['reading']!r}, {done['agree']} of {done['patterns']} patterns are explained best "
        f"at their own place ({done['contradict']} contradict, {done['undecided']} undecided; "
        f"best rival {done['median_margin']:.3g} times worse in the median, {done['min_margin']:.3g} at least)"
    )


def _overlap(evidence: dict[str, Any]) -> Iterator[str]:
    best, *others = (candidate["mean_residual"] for candidate in evidence["ranked"])
    yield (
        f"  physics: neighbouring patterns overlap as stated ({best:.3g} of their energy is left unexplained, "
        f"{min(others):.3g} with any axis turned); `ptycho diagnose` says what stays open without an object"
    )


def _common(result: Result, paint: Paint) -> Iterator[str]:
    for group in shared_findings(result):
        yield from _group(group, first_of(result, group), paint)
        yield from _variants(result, group)
    for gap, count in shared_gaps(result).items():
        yield f"not examined in {count} files: {visible(gap.check)} ({visible(gap.reason)})"


def _group(group: Aggregate, example: Finding, paint: Paint) -> Iterator[str]:
    yield f"{paint(group.severity.upper())} {group.code} {group.title}: same finding in {group.count} files"
    yield f"  in {few(group.sources, group.count)}"
    yield f"  such as {visible(example.location)}: {visible(example.message)}"
    yield from detail_lines(example)


def _variants(result: Result, group: Aggregate) -> Iterator[str]:
    """Files whose figures differ from those of the others: among many alike one may be much worse."""
    variants = variants_of(result, group)
    if len(variants) < 2:
        return
    for source, found in variants[:_VARIANTS]:
        yield f"  in {visible(path_of(source))}: {visible(found.message)}"
    if len(variants) > _VARIANTS:
        yield f"  and {len(variants) - _VARIANTS} other figures"


def remarks(result: Result) -> Iterator[str]:
    """What became of findings and artifacts that are in no report."""
    if result.suppressed:
        yield f"{counted(result.suppressed, 'finding')} known from the baseline"
    for entry in result.fixed:
        yield f"fixed, remove it from the baseline: {visible(entry)}"
    if result.ignored:
        yield f"{counted(result.ignored, 'finding')} ignored by the policy"
    if result.unfinished:
        yield f"interrupted: {counted(result.unfinished, 'file')} not examined"


def _pages(result: Result) -> Iterator[str]:
    codes = dict.fromkeys(a.code for a in result.aggregates)
    if codes:
        yield f"see: ptycho explain {' '.join(codes)}"
