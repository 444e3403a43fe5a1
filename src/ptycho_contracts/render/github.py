"""A result as workflow commands of GitHub Actions: `::error file=…,title=…::message`, shown beside the files.

GitHub shows ten annotations of each severity for a step, so a finding that many artifacts share is one annotation.
"""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.codes import Severity, page_url
from ptycho_contracts.finding import Finding
from ptycho_contracts.render._places import path_of, source_of
from ptycho_contracts.render._shared import first_of, own_findings, shared_findings
from ptycho_contracts.render._words import details, few
from ptycho_contracts.render.text import verdict
from ptycho_contracts.result import Aggregate, Result

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def render(result: Result) -> str:
    """The shared findings, then those of single artifacts, the severest first; then a line that counts."""
    shared = shared_findings(result)
    commands = [(a.severity, _group(a, first_of(result, a))) for a in shared]
    for report in result.reports:
        path = path_of(source_of(report))
        commands += [(f.severity, _single(path, f)) for f in own_findings(report, shared)]
    ordered = [text for severity in Severity for rank, text in commands if rank is severity]
    return "\n".join([*ordered, verdict(result)])


def _single(path: str, found: Finding) -> str:
    return _command(found, path, f"{found.code} {found.location}", list(_body(found)))


def _group(group: Aggregate, example: Finding) -> str:
    title = f"{group.code} {group.title}: same finding in {group.count} files"
    body = [few(group.sources, group.count), f"such as {example.location}:", *_body(example)]
    return _command(example, path_of(group.sources[0]), title, body)


def _body(found: Finding) -> Iterator[str]:
    yield found.message
    yield from (f"{label}: {value}" for label, value in details(found))
    yield f"see: {page_url(found.code)}"


def _command(found: Finding, path: str, title: str, body: list[str]) -> str:
    properties = f"file={_property(path)},title={_property(title)}"
    return f"::{_COMMAND[found.severity]} {properties}::{_data(chr(10).join(body))}"


def _data(text: str) -> str:
    """A text in which a line break does not end the command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The same for a value, which a colon or a comma would end too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
