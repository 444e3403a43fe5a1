"""Hypothesis learns our types from the entry point when it is imported."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_contracts.codes import all_codes
from ptycho_contracts.contract import all_contracts, array_contracts
from ptycho_contracts.description import Description
from ptycho_contracts.finding import Finding, Report
from ptycho_contracts.structure import check_structure


@given(st.from_type(Finding))
def test_findings_have_codes_that_exist(found: Finding) -> None:
    assert found.severity == all_codes()[found.code].severity
    role, _, path = found.location.partition(":/")
    assert role
    assert path


@given(st.from_type(Report))
def test_reports_survive_json_and_agree_with_themselves(report: Report) -> None:
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert report.contract in {None, *all_contracts()}
    assert {(f.contract, f.contract_version) for f in report.findings} <= {(report.contract, report.contract_version)}


@settings(max_examples=20)
@given(st.from_type(Description))
def test_descriptions_fulfil_some_contract(description: Description) -> None:
    fitting = [c for c in array_contracts() if set(description.files) <= set(c.files)]
    assert any(all(f.severity != "error" for f in check_structure(c, description)) for c in fitting)
