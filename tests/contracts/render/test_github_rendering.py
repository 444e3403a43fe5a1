"""Workflow commands: what GitHub decodes is what was said, and what many files share is one annotation."""

from __future__ import annotations

import re

from hypothesis import given
from made_results import finding, report, result_of, results

from ptycho_contracts.codes import Severity, page_url
from ptycho_contracts.render import encodable, render
from ptycho_contracts.render._shared import own_findings, shared_findings
from ptycho_contracts.result import Result

COMMAND = re.compile("::(?P<command>[a-z]+) file=(?P<file>[^:,]*),title=(?P<title>[^:,]*)::(?P<message>.*)")


def decoded(line: str) -> dict[str, str]:
    """As the runner of GitHub Actions reads a command."""
    match = COMMAND.match(line)
    assert match is not None
    return {name: _unescaped(value, name == "message") for name, value in match.groupdict().items()}


def _unescaped(value: str, is_data: bool) -> str:
    signs = {"%0D": "\r", "%0A": "\n"} | ({} if is_data else {"%3A": ":", "%2C": ","}) | {"%25": "%"}
    for code, sign in signs.items():
        value = value.replace(code, sign)
    return value


def annotated(result: Result) -> list[dict[str, str]]:
    return [decoded(line) for line in render(result, "github").split("\n")[:-1]]


def test_an_annotation_says_file_title_and_message() -> None:
    found = finding(message="100% wrong\nhere", expected="a: b, c", location="para:/object@pixel_width_m")
    (made,) = annotated(result_of([report("data/a,b.hdf5", found)]))
    assert made["command"] == "error"
    assert made["file"] == "data/a,b.hdf5"
    assert made["title"] == "PTY101 para:/object@pixel_width_m"
    assert made["message"].split("\n") == [
        "100% wrong",
        "here",
        "expected: a: b, c",
        "fix: Add it.",
        f"see: {page_url('PTY101')}",
    ]


def test_severities_have_their_commands_and_the_severest_come_first() -> None:
    hint, warning = finding("PTY320", Severity.HINT), finding("PTY106", Severity.WARNING)
    made = annotated(result_of([report("a", warning, hint), report("b", finding())]))
    assert [(a["command"], a["file"]) for a in made] == [("error", "b"), ("warning", "a"), ("notice", "a")]


def test_what_many_files_share_is_one_annotation() -> None:
    (made,) = annotated(result_of(report(f"{k}.hdf5", finding()) for k in range(412)))
    assert made["title"] == "PTY101 required member missing: same finding in 412 files"
    assert made["message"].startswith("0.hdf5, 1.hdf5, 2.hdf5 and 409 more\nsuch as para:/probe:\nprobe is missing")


@given(results)
def test_titles_survive_the_runner(result: Result) -> None:
    shared = shared_findings(result)
    own = [encodable(f"{f.code} {f.location}") for r in result.reports for f in own_findings(r, shared)]
    made = [a["title"] for a in annotated(result) if "same finding" not in a["title"]]
    assert sorted(made) == sorted(own)
