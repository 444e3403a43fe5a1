"""A result as JUnit XML, in the dialect of `junit-10.xsd` (Jenkins' xUnit plugin), which GitLab and others read too.

An artifact without a finding that fails is one test case that passes; otherwise each such finding is a test case of
its own, because readers show only the first failure of a test case. What does not fail is in `system-out`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ptycho_contracts.codes import page_url
from ptycho_contracts.finding import Finding, Report
from ptycho_contracts.policy import failing
from ptycho_contracts.render._places import path_of, source_of
from ptycho_contracts.render._words import finding_lines, judged_as
from ptycho_contracts.result import Result

# Control characters and lone surrogates, which XML 1.0 cannot hold even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: Result) -> str:
    """One test suite for all artifacts."""
    cases = [case for report in result.reports for case in _cases(report, result)]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
    }
    seconds = (result.finished_at - result.started_at).total_seconds()
    time = {"time": f"{seconds:.3f}"}
    root = ET.Element("testsuites", {"name": result.tool, **counts, **time})
    suite = ET.SubElement(root, "testsuite", {"name": f"{result.tool} {result.depth}", **counts, **time})
    suite.set("timestamp", result.started_at.isoformat(timespec="seconds"))
    suite.append(_properties(result))
    suite.extend(cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _properties(result: Result) -> ET.Element:
    """What a test report has no other room for."""
    element = ET.Element("properties")
    said = {
        "version": result.version,
        "policy": result.policy.model_dump_json(),
        "policyDigest": result.policy_digest,
        "suppressedByBaseline": str(result.suppressed),
        "ignoredByPolicy": str(result.ignored),
        "unfinished": str(result.unfinished),
    }
    for name, value in said.items():
        ET.SubElement(element, "property", {"name": name, "value": _possible(value)})
    return element


def _cases(report: Report, result: Result) -> Iterator[ET.Element]:
    broken = failing(report, result.fail_on)
    for found in broken:
        yield _failed(report, found)
    if not broken:
        case = _case(report, judged_as(report))
        if report.findings:
            ET.SubElement(case, "system-out").text = _possible("\n".join(_told(report)))
        yield case


def _told(report: Report) -> Iterator[str]:
    for found in report.findings:
        yield from finding_lines(found)


def _case(report: Report, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": _possible(path_of(source_of(report))), "name": _possible(name)})


def _failed(report: Report, found: Finding) -> ET.Element:
    """A check of ours that crashed is an `error`, any other finding a `failure`."""
    case = _case(report, f"{found.code} {found.location}")
    kind = "error" if found.code.startswith("PTY9") else "failure"
    outcome = ET.SubElement(case, kind, {"type": found.code, "message": _possible(found.message)})
    outcome.text = _possible("\n".join([*finding_lines(found), f"  see:      {page_url(found.code)}"]))
    return case


def _possible(text: str) -> str:
    """The text with every character that XML cannot hold written as its escape in Python."""
    return _IMPOSSIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
