"""A result as Markdown, for comments on pull requests and `$GITHUB_STEP_SUMMARY`.

Whatever comes from a file stands in code, where it is neither HTML nor a link nor a mention of somebody.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from ptycho_contracts.codes import page_url
from ptycho_contracts.finding import Finding, Report
from ptycho_contracts.reference_markdown import page, table
from ptycho_contracts.render._places import path_of, source_of
from ptycho_contracts.render._shared import first_of, own_findings, shared_findings
from ptycho_contracts.render._words import few, finding_lines, judged_as, visible
from ptycho_contracts.render.text import summary
from ptycho_contracts.result import Aggregate, Result

# A comment on a pull request holds 65,536 characters.
_MOST_CHARACTERS = 60_000


def render(result: Result) -> str:
    """What was found how often, then each artifact that has findings, as far as a comment can hold."""
    head = page(f"## {'❌' if result.failed else '✅'} ptycho validate: {summary(result.reports)}", _table(result))
    foot = page(*_remarks(result), _judged(result))
    room = _MOST_CHARACTERS - len(head) - len(foot)
    return "\n".join([head, *_fitting(_blocks(result), room), foot]).rstrip("\n")


def _table(result: Result) -> str:
    if not result.aggregates:
        return ""
    rows = [
        [
            f"[{a.code}]({page_url(a.code)})",
            a.severity.value,
            f"{a.title}: {_code(a.place)}",
            str(a.count),
            f"{_code(path_of(a.sources[0]))}{f' and {a.count - 1} more' if a.count > 1 else ''}",
        ]
        for a in result.aggregates
    ]
    return table(["code", "severity", "finding", "files", "where"], rows)


def _fitting(blocks: list[str], room: int) -> Iterator[str]:
    """The blocks until the room is used up, then how many are left out."""
    for index, block in enumerate(blocks):
        room -= len(block) + 1
        if room < 0:
            yield page(f"{len(blocks) - index} more are left out here; the other formats tell them all.")
            return
        yield block


def _blocks(result: Result) -> list[str]:
    """What many artifacts share, once for all; then each artifact that has findings of its own."""
    shared = shared_findings(result)
    groups = [_group(a, first_of(result, a)) for a in shared]
    telling = [(r, own_findings(r, shared)) for r in result.reports]
    return groups + [_report(r, own) for r, own in telling if own]


def _group(group: Aggregate, example: Finding) -> str:
    lines = [f"in {few(map(path_of, group.sources), group.count)}", "such as", *finding_lines(example)]
    return _folded(f"{group.code} {html.escape(group.title)}: same finding in {group.count} files", lines)


def _report(report: Report, own: tuple[Finding, ...]) -> str:
    name = f"<code>{_html(path_of(source_of(report)))}</code>"
    verdict = "valid" if report.ok else "INVALID"
    lines = [line for found in own for line in finding_lines(found)]
    return _folded(f"{name}: {verdict} ({judged_as(report)}, depth {report.depth})", lines)


def _folded(summary: str, lines: list[str]) -> str:
    text = "\n".join(lines)
    fence = "`" * max(3, _longest_run(text) + 1)
    return page("<details>", f"<summary>{summary}</summary>", f"{fence}text\n{text}\n{fence}", "</details>")


def _remarks(result: Result) -> Iterator[str]:
    counted = [
        (result.suppressed, "known from the baseline"),
        (result.ignored, "ignored by the policy"),
        (result.unfinished, "files not examined: the run was interrupted"),
    ]
    told = [f"{number} {what}" for number, what in counted if number]
    if told:
        yield "; ".join(told)
    for entry in result.fixed:
        yield f"fixed, remove it from the baseline: {_code(entry)}"


def _judged(result: Result) -> str:
    return (
        f"{result.tool} {result.version}, depth {result.depth}, policy {result.policy.profile} "
        f"(`{result.policy_digest[:12]}`), fails on {result.fail_on}"
    )


def _code(text: str) -> str:
    """An inline code span, also of a text that holds backticks."""
    ticks = "`" * (_longest_run(text) + 1)
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{visible(text)}{pad}{ticks}"


def _longest_run(text: str) -> int:
    """How many backticks follow each other at most."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _html(text: str) -> str:
    """A text inside an HTML element; `@` is written so that it mentions nobody."""
    return html.escape(visible(text)).replace("@", "&#64;")
