"""The conformance report: what it accepts, what it refuses, and that its JSON Schema agrees."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from ptycho_contracts.contracts.conformance_report import ConformanceReport

SHA = "0" * 64
PASSED = {
    "id": "frame", "sentence": "Positions are counted from PtychoViT's origin.", "fact": "backend-contract.md#frame",
    "status": "passed", "measured": "offset 0 px", "value": 0.0,
}  # fmt: skip
UNTESTED = {**PASSED, "status": "not tested", "measured": None, "value": None, "because": "`axes` failed"}
REPORT: dict[str, Any] = {
    "code": {"name": "reference", "sha256": SHA, "generation": "flat"},
    "started": "2026-02-03T04:05:06.789Z",
    "seconds": 25.0,
    "seed": 0,
    "full_model": False,
    "device": "cpu",
    "versions": {"ptycho-contracts": "0.1.0", "checkout torch": "2.13.0"},
    "lines": [PASSED, {**PASSED, "id": "axes", "status": "failed", "value": None}, UNTESTED],
}


@pytest.mark.parametrize("document", [REPORT, {**REPORT, "device": None, "lines": [UNTESTED]}])
def test_a_good_report_survives_reading_and_writing(document: dict[str, Any]) -> None:
    read = ConformanceReport.model_validate(document)
    assert ConformanceReport.model_validate_json(read.model_dump_json()) == read
    jsonschema.validate(read.model_dump(mode="json"), ConformanceReport.model_json_schema())
    assert read.count("not tested") == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": []},
        {"lines": [{**PASSED, "status": "kept"}]},
        {"lines": [{**PASSED, "id": "The Frame"}]},
        {"lines": [{**PASSED, "extra": 1}]},
        {"seed": -1},
        {"code": {"name": "reference", "sha256": "abc"}},
    ],
)
def test_a_bad_report_is_refused_by_the_model_and_by_its_schema(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConformanceReport.model_validate({**REPORT, **changed})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**REPORT, **changed}, ConformanceReport.model_json_schema())


@pytest.mark.parametrize(
    "line",
    [
        {**PASSED, "measured": None},
        {**PASSED, "because": "of that"},
        {**UNTESTED, "because": None},
        {**UNTESTED, "measured": "7 px"},
    ],
)
def test_a_line_says_what_was_seen_or_why_it_was_not_tested(line: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="has `because` where it was not tested"):
        ConformanceReport.model_validate({**REPORT, "lines": [line]})
