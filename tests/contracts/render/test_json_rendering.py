"""What programs read: one document, or a line for each report and one that sums up."""

from __future__ import annotations

import json

from made_results import finding, report, result_of

from ptycho_contracts.codes import page_url
from ptycho_contracts.finding import Report
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.render import render
from ptycho_contracts.render.jsonl import report_line, summary_line
from ptycho_contracts.result import Aggregate

POLICY = EffectivePolicy(ignore=("PTY107",), fail_on="never")
RESULT = result_of([report("a", finding()), report("b", evidence={"gain": float("nan")})], POLICY, ignored=2)


def test_the_document_says_everything_about_a_run() -> None:
    document = json.loads(render(RESULT, "json"))
    assert (document["ok"], document["failed"], document["fail_on"]) == (False, False, "never")
    assert document["policy"] == POLICY.model_dump(mode="json")
    assert document["policy_digest"] == POLICY.digest
    assert (document["tool"], document["ignored"], document["suppressed"]) == ("ptycho-contracts", 2, 0)
    assert document["started_at"] == "2026-11-24T01:02:03.456789Z"
    assert [r["ok"] for r in document["reports"]] == [False, True]
    assert document["reports"][1]["evidence"] == {"gain": None}


def test_findings_and_aggregates_carry_the_address_of_their_page() -> None:
    document = json.loads(render(RESULT, "json"))
    (found,), (group,) = document["reports"][0]["findings"], document["aggregates"]
    assert found["url"] == group["url"] == page_url("PTY101")


def test_what_is_added_aside_the_values_are_those_of_the_models() -> None:
    document = json.loads(render(RESULT, "json"))
    for told, made in zip(document["reports"], RESULT.reports, strict=True):
        again = Report.model_validate({k: v for k, v in told.items() if k in Report.model_fields})
        assert again.findings == made.findings
    assert [Aggregate.model_validate(a) for a in document["aggregates"]] == list(RESULT.aggregates)


def test_lines_say_the_same_as_the_document() -> None:
    document = json.loads(render(RESULT, "json"))
    *reports, last = map(json.loads, render(RESULT, "jsonl").split("\n"))
    assert [{k: v for k, v in line.items() if k != "kind"} for line in reports] == document.pop("reports")
    assert {k: v for k, v in last.items() if k not in ("kind", "artifacts")} == document
    assert (last["kind"], last["artifacts"]) == ("summary", 2)


def test_lines_can_be_written_one_by_one() -> None:
    lines = [report_line(RESULT.reports[0]), report_line(RESULT.reports[1]), summary_line(RESULT)]
    assert "\n".join(lines) == render(RESULT, "jsonl")
    assert all("\n" not in line for line in lines)
