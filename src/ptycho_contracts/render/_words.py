"""How a finding is put into words, and how texts that come from a file are made harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ptycho_contracts.finding import Finding, Report

Paint = Callable[[str], str]

# Control characters, line separators, and marks that reverse the direction of a line.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text with each character that would act on a terminal or a log written as its escape."""
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def details(found: Finding) -> Iterator[tuple[str, str]]:
    """What is said besides the message, by its label."""
    for label, value in (("expected", found.expected), ("found", found.found), ("fix", found.fix)):
        if value:
            yield label, visible(value)


def finding_lines(found: Finding, paint: Paint = str) -> Iterator[str]:
    """One finding in five lines at most, without indentation."""
    yield f"{paint(found.severity.upper())} {found.code} {visible(found.location)}"
    yield f"  {visible(found.message)}"
    yield from detail_lines(found)


def detail_lines(found: Finding) -> Iterator[str]:
    """Expected, found and fix, each on its line below a finding."""
    for label, value in details(found):
        yield f"  {label + ':':9} {value}"


def judged_as(report: Report) -> str:
    """The contract that a report is about."""
    return f"{report.contract} {report.contract_version}" if report.contract else "not recognised"


def few(names: Iterable[str], of: int, most: int = 3) -> str:
    """The first names, and how many more there are: `a, b, c and 409 more`."""
    shown = [visible(name) for name in names][:most]
    left = of - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")


def counted(number: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
