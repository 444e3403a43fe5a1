"""SARIF 2.1.0: valid by the official schema, and the same finding is the same result in every run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator, FormatChecker
from made_results import BEGUN, finding, report, result_of, results
from sarif_schema import official_sarif_schema

from ptycho_contracts.codes import Severity, page_url
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.render import render
from ptycho_contracts.result import Result

Problems = Callable[[Any], list[str]]


def run_of(result: Result) -> Any:
    (run,) = json.loads(render(result, "sarif"))["runs"]
    return run


def fingerprints(result: Result) -> list[str]:
    return [r["partialFingerprints"]["ptychoFinding/v1"] for r in run_of(result)["results"]]


@pytest.fixture(scope="module")
def problems() -> Problems:
    schema = official_sarif_schema()
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema, format_checker=FormatChecker())
    return lambda log: [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(log)]


@settings(max_examples=40)
@given(results)
def test_every_result_is_valid_by_the_official_schema(problems: Problems, result: Result) -> None:
    assert problems(json.loads(render(result, "sarif"))) == []


def test_the_official_schema_refuses_a_wrong_level(problems: Problems) -> None:
    log = json.loads(render(result_of([report("a", finding())]), "sarif"))
    log["runs"][0]["results"][0]["level"] = "hint"
    (problem,) = problems(log)
    assert problem.startswith("$.runs[0].results[0].level: 'hint' is not one of")


def test_a_result_names_rule_level_and_place() -> None:
    warning = finding("PTY106", Severity.WARNING, expected="an array", found="none")
    hint = finding("PTY320", Severity.HINT)
    run = run_of(result_of([report("data/a b_dp.hdf5", finding(), warning, hint)]))
    rules = run["tool"]["driver"]["rules"]
    assert [rules[r["ruleIndex"]]["id"] for r in run["results"]] == ["PTY101", "PTY106", "PTY320"]
    assert [r["level"] for r in run["results"]] == ["error", "warning", "note"]
    (place,) = run["results"][1]["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "data/a%20b_dp.hdf5"}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "para:/probe"
    assert run["results"][1]["message"]["text"].split("\n") == [
        "probe is missing",
        "expected: an array",
        "found: none",
        "fix: Add it.",
    ]


def test_rules_explain_themselves_and_link_to_their_page() -> None:
    (rule,) = run_of(result_of([report("a", finding()), report("b", finding())]))["tool"]["driver"]["rules"]
    assert rule["helpUri"] == page_url("PTY101")
    assert rule["shortDescription"]["text"] == "required member missing"
    assert "Fix: " in rule["help"]["text"]
    assert rule["defaultConfiguration"] == {"level": "error"}


def test_paths_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    below, elsewhere = str(tmp_path / "data" / "é.npz"), str(tmp_path.parent / "other.npz")
    run = run_of(result_of([report(below, finding()), report(elsewhere, finding()), report("./data/é.npz")]))
    uris = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    assert uris == ["data/%C3%A9.npz", (tmp_path.parent / "other.npz").as_uri()]


def test_a_fingerprint_is_of_code_file_and_place_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = result_of([report("data/a.npz", finding(message="35 of 36"))])
    reworded = finding(message="34 of 36", fix=None, severity=Severity.WARNING)
    again = result_of(
        [report("b.npz", finding()), report(str(tmp_path / "data/a.npz"), reworded, depth="physics")],
        EffectivePolicy(profile="strict"),
        started_at=BEGUN - timedelta(days=1),
    )
    assert fingerprints(first) == fingerprints(again)[1:]
    others = [finding("PTY102"), finding(location="para:/object"), finding(), finding()]
    several = fingerprints(result_of([report("data/a.npz", *others), report("data/b.npz", finding())]))
    assert len(set(several)) == 5
    assert several[2] == fingerprints(first)[0]


def test_the_run_says_when_by_what_policy_and_whether_all_was_examined() -> None:
    result = result_of([report("a", finding())], suppressed=3)
    run = run_of(result)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"]
    assert invocation["startTimeUtc"] == "2026-11-24T01:02:03.456Z"
    assert run["properties"]["policyDigest"] == result.policy_digest
    assert run["properties"]["suppressedByBaseline"] == 3
    assert run["automationDetails"]["id"] == "ptycho-contracts/header/"
    for incomplete in (result_of([report("a", finding("PTY901"))]), result_of([], unfinished=1)):
        assert not run_of(incomplete)["invocations"][0]["executionSuccessful"]
