"""What holds for every rendering: it can be read back, and nothing in a name or a member of a file breaks it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from made_results import finding, report, result_of, results

import ptycho_contracts.render as renderings
from ptycho_contracts.render import FORMATS, render
from ptycho_contracts.result import Result

COMMAND = re.compile(r"::(error|warning|notice) file=[^:,]*,title=[^:,]*::.*")
HARMLESS = re.compile("[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*")


def test_a_format_is_a_file() -> None:
    assert set(FORMATS) == {"github", "json", "jsonl", "junit", "markdown", "sarif", "text"}
    files = {path.stem for path in Path(renderings.__file__).parent.glob("[!_]*.py")}
    assert set(FORMATS) == files


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format is one of github, json"):
        render(result_of([]), "html")
    with pytest.raises(ValueError, match="not '_places'"):
        render(result_of([]), "_places")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_code_place_and_policy(format: str) -> None:
    result = result_of([report("data/scan_dp.hdf5", finding("PTY101", location="para:/probe"))])
    text = render(result, format).replace("%3A", ":")
    for said in ("PTY101", "para:/probe", "data/scan_dp.hdf5", result.policy_digest[:12]):
        assert said in text


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_renders_nothing(format: str) -> None:
    assert render(result_of([]), format)


@given(results)
def test_awkward_texts_cannot_break_text(result: Result) -> None:
    for format in ("text", "markdown"):
        assert HARMLESS.fullmatch(_utf8(render(result, format)))


@given(results)
def test_awkward_texts_cannot_break_json(result: Result) -> None:
    reports = json.loads(_utf8(render(result, "json")), parse_constant=_refuse)["reports"]
    assert [len(r["findings"]) for r in reports] == [len(r.findings) for r in result.reports]
    assert [r["source"][0] for r in reports] == [r.source[0] for r in result.reports]


@given(results)
def test_awkward_texts_cannot_break_json_lines(result: Result) -> None:
    lines = [json.loads(line, parse_constant=_refuse) for line in _utf8(render(result, "jsonl")).split("\n")]
    assert [line["kind"] for line in lines] == ["report"] * len(result.reports) + ["summary"]


@given(results)
def test_awkward_texts_cannot_break_sarif(result: Result) -> None:
    (run,) = json.loads(_utf8(render(result, "sarif")), parse_constant=_refuse)["runs"]
    assert len(run["results"]) == sum(len(r.findings) for r in result.reports)


@given(results)
def test_awkward_texts_cannot_break_junit(result: Result) -> None:
    root = ET.fromstring(_utf8(render(result, "junit")))
    assert (root.find(".//failure") is not None or root.find(".//error") is not None) == result.failed


@given(results)
def test_awkward_texts_cannot_break_workflow_commands(result: Result) -> None:
    *commands, last = _utf8(render(result, "github")).split("\n")
    assert " valid: " in last
    assert not last.startswith("::")
    assert all(COMMAND.match(command) for command in commands)


def _utf8(text: str) -> str:
    return text.encode("utf-8").decode("utf-8")


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
