"""Every code has an example that yields it and no other error, and a text that explains it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from code_examples import EXAMPLES, raw_data
from code_proofs import PROOFS
from example_words import WORDS
from simulated_pair import simulate_pair, write_pair
from write_code_examples import command_of, output_of

from ptycho_contracts import engine_codes, run_codes
from ptycho_contracts import rule as rules
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity, all_codes
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.engine_codes import CRASHED
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics_codes import UNEXPLAINED
from ptycho_contracts.reference_codes import examples
from ptycho_contracts.validation import validate

ROOT = Path(__file__).parents[3]
# Figures of a simulated file follow from the machine's FFT; what is said around them does not.
FIGURE = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
SENTENCES = re.compile(r"(?:[A-Z`Σ]|cdtools ).*[.]", re.DOTALL)


def test_every_code_has_an_example_or_a_test_that_yields_it() -> None:
    assert set(EXAMPLES) | set(PROOFS) == set(all_codes())
    assert not set(EXAMPLES) & set(PROOFS)


@pytest.mark.parametrize("code", sorted(PROOFS))
def test_the_test_that_yields_a_code_is_there_and_names_it(code: str) -> None:
    path, _, name = PROOFS[code].partition("::")
    names = {code} | {n for n, v in (vars(engine_codes) | vars(run_codes)).items() if getattr(v, "id", None) == code}
    source = (ROOT / path).read_text(encoding="utf-8")
    written = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == name)
    first = min([written.lineno, *(decorator.lineno for decorator in written.decorator_list)])
    lines = source.splitlines()[first - 1 : written.end_lineno]
    assert any(re.search(rf"\b{n}\b", line) for n in names for line in lines)


def test_every_code_says_what_is_broken_in_its_example() -> None:
    assert set(WORDS) == set(all_codes()), "tests/contracts/helpers/example_words.py has a sentence for each code"
    assert {code: told.broken for code, told in examples().items()} == WORDS, "run make docs"
    for words in WORDS.values():
        assert re.fullmatch(r".+[.]", words), words


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_an_example_yields_its_code_and_no_other_error(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    path = example.build(tmp_path)
    report = validate(path, example.contract, example.depth)
    expected = {code} if all_codes()[code].severity is Severity.ERROR else set()
    assert {f.code for f in report.errors} == expected
    assert code in {f.code for f in report.findings}
    assert report.ok == (not expected)
    told = examples()[code]
    assert told.command == command_of(example, path), "run make docs"
    shown = output_of(code, report, tmp_path)
    assert [FIGURE.sub("0", line) for line in told.output] == [FIGURE.sub("0", line) for line in shown], "run make docs"


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
