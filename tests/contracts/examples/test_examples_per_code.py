"""Every code has an example that yields it and no other error, and a text that explains it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from code_examples import EXAMPLES, raw_data
from simulated_pair import simulate_pair, write_pair

from ptycho_contracts import rule as rules
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity, all_codes
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.engine_codes import CRASHED
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics_codes import UNEXPLAINED
from ptycho_contracts.validation import validate

ELSEWHERE = {
    "PTY010": "reported by the writers of ptycho_adapters",
    "PTY011": "reported by the writers of ptycho_adapters",
    "PTY012": "reported by the readers of ptycho_adapters",
    "PTY013": "reported by the writers of ptycho_adapters",
    "PTY901": "needs a defect of ours: test_a_rule_that_raises_is_a_finding_about_us",
}
SENTENCES = re.compile(r"[A-Z`Σ].*[.]", re.DOTALL)


def test_every_code_of_files_has_an_example() -> None:
    """Codes from 500 on are of runs, and reported by ptycho_runners."""
    mine = {code for code in all_codes() if not code.startswith("PTY5")}
    assert set(EXAMPLES) | set(ELSEWHERE) == mine
    assert not set(EXAMPLES) & set(ELSEWHERE)


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_an_example_yields_its_code_and_no_other_error(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    report = validate(example.build(tmp_path), example.contract, example.depth)
    expected = {code} if all_codes()[code].severity is Severity.ERROR else set()
    assert {f.code for f in report.errors} == expected
    assert code in {f.code for f in report.findings}
    assert report.ok == (not expected)


def test_a_rule_that_raises_is_a_finding_about_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_rules", list(rules._rules))

    @rules.rule(UNEXPLAINED, on={"dp": DpFile}, needs=("dp:/dp",), depth="header")
    def divides_by_zero(artifact: Artifact) -> Iterator[Finding]:
        yield Finding(code=str(1 // 0), severity=Severity.HINT, location=artifact.contract.id, message="")

    report = validate(write_pair(simulate_pair(), tmp_path))
    assert [(f.code, f.location) for f in report.errors] == [(CRASHED.id, "dp:/dp")]
    assert "divides_by_zero failed with ZeroDivisionError" in report.errors[0].message


def test_raw_data_as_ptychopinn_writes_it_is_valid(tmp_path: Path) -> None:
    assert validate(raw_data(tmp_path, np.sqrt), depth="physics").findings == ()


@pytest.mark.parametrize("code", all_codes().values(), ids=lambda code: code.id)
def test_a_code_explains_itself(code: Code) -> None:
    assert code.title
    assert not code.title.endswith(".")
    for text in (code.what, code.why, code.fix):
        assert SENTENCES.fullmatch(text), text
    assert re.fullmatch(r"\d+\.\d+\.\d+", code.since)


def test_a_code_cannot_be_declared_twice_or_misspelt() -> None:
    known = all_codes()["PTY001"]
    with pytest.raises(ValueError, match="declared twice"):
        Code(known.id, known.severity, "", "", "", "")
    with pytest.raises(ValueError, match="three digits"):
        Code("PTY1", known.severity, "", "", "", "")
