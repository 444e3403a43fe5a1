"""What a person reads: every file in full where there are few, what many have in common once where there are many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_results import finding, report, result_of
from simulated_pair import PIXEL_M, Pair, simulate_pair, write_pair

from ptycho_contracts.codes import Severity
from ptycho_contracts.finding import Unexamined
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.render import render
from ptycho_contracts.render.text import render_text
from ptycho_contracts.validation import validate

HINT = finding("PTY320", Severity.HINT, location="para:/@ptycho_contracts_frame", message="no frame", fix=None)
WARNING = finding("PTY106", Severity.WARNING)


def shifted(pair: Pair) -> Pair:
    """The common mistake: all positions are off by a pixel."""
    return pair.at(pair.positions + PIXEL_M)


def test_one_broken_file_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pair(simulate_pair().with_attributes("object", pixel_height_m=0.0), Path())
    result = result_of([validate("scan_dp.hdf5")])
    assert render(result, "text").split("\n") == [
        "scan_dp.hdf5: INVALID (ptychovit-pair 1.0.0, depth header)",
        "  ERROR PTY105 para:/object@pixel_height_m",
        "    attribute pixel_height_m is 0.0",
        "    expected: one positive number (object pixel height in metres; turns positions into pixels)",
        "    found:    0.0",
        "    fix:      Write the true value.",
        "  not examined: values of the arrays (depth is header)",
        "  not examined: whether the forward model explains the patterns (depth is header)",
        "  not examined: square_pixels (para:/object has a finding already (PTY105))",
        "see: ptycho explain PTY105",
        f"0 of 1 valid: 1 error, 0 warnings, 0 hints (policy default {result.policy_digest[:12]})",
    ]


def test_the_evidence_of_the_physics_check_is_told(tmp_path: Path) -> None:
    pair = simulate_pair()
    good = validate(write_pair(pair, tmp_path), depth="physics")
    assert "36 of 36 patterns are explained best at their own place" in render(result_of([good]), "text")
    bad = validate(write_pair(shifted(pair), tmp_path, "shifted"), depth="physics")
    assert "ERROR PTY313" in render(result_of([bad]), "text")


def test_a_finding_that_many_files_share_is_told_once() -> None:
    broken = [report(f"data/{k:03}_dp.hdf5", finding("PTY104")) for k in range(412)]
    fine = [report(f"fine/{k:03}_dp.hdf5") for k in range(588)]
    odd = report("odd_dp.hdf5", finding("PTY104"), finding("PTY101", message="the only one"))
    lines = render(result_of([*broken, *fine, odd]), "text").split("\n")
    assert lines[:2] == ["odd_dp.hdf5: INVALID (ptychovit-pair 1.0.0, depth header)", "  ERROR PTY101 para:/probe"]
    assert "  and, as told below: PTY104" in lines
    group = lines.index("ERROR PTY104 required attribute missing: same finding in 413 files")
    assert lines[group + 1] == "  in data/000_dp.hdf5, data/001_dp.hdf5, data/002_dp.hdf5 and 410 more"
    assert lines[group + 2] == "  such as para:/probe: probe is missing"
    assert lines[-2] == "see: ptycho explain PTY104 PTY101"
    assert lines[-1].startswith("588 of 1001 valid: 414 errors, 0 warnings, 0 hints")
    assert len(lines) < 15


def test_the_same_code_as_another_severity_is_another_group() -> None:
    severer = HINT.model_copy(update={"severity": Severity.WARNING})
    mixed = [report(f"{k}.hdf5", HINT) for k in range(5)] + [report("w.hdf5", severer)]
    text = render(result_of(mixed), "text")
    assert "HINT PTY320 the frame of the positions is not named: same finding in 5 files" in text
    assert "  WARNING PTY320" in text


def test_what_many_files_were_not_examined_for_is_told_once() -> None:
    gap = Unexamined(check="values", reason="depth is header")
    text = render(result_of(report(f"{k}.hdf5", unexamined=(gap,)) for k in range(30)), "text")
    assert text.split("\n")[0] == "not examined in 30 files: values (depth is header)"
    few = render(result_of(report(f"{k}.hdf5", unexamined=(gap,)) for k in range(4)), "text")
    assert few.count("  not examined: values (depth is header)") == 4


def test_the_severest_comes_first() -> None:
    both = [report(f"{k}.hdf5", WARNING, finding("PTY101"), HINT) for k in range(6)]
    heads = [line.split()[0] for line in render(result_of(both), "text").split("\n") if "same finding" in line]
    assert heads == ["ERROR", "WARNING", "HINT"]


def test_colours_are_for_a_terminal_that_is_asked_for() -> None:
    result = result_of([report("a", finding()), report("b", WARNING, HINT)])
    plain, coloured = render(result, "text"), render(result, "text", colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mERROR\x1b[0m PTY101" in coloured
    assert "a: \x1b[1;31mINVALID\x1b[0m (" in coloured
    assert "b: \x1b[32mvalid\x1b[0m (" in coloured
    for mark in ("\x1b[1;31m", "\x1b[33m", "\x1b[36m", "\x1b[32m", "\x1b[0m"):
        coloured = coloured.replace(mark, "")
    assert coloured == plain


def test_what_is_in_no_report_is_counted() -> None:
    result = result_of([], suppressed=1, ignored=2, unfinished=3, fixed=("PTY101 a.npz npz:/probe",))
    assert render(result, "text").split("\n")[:4] == [
        "1 finding known from the baseline",
        "fixed, remove it from the baseline: PTY101 a.npz npz:/probe",
        "2 findings ignored by the policy",
        "interrupted: 3 files not examined",
    ]


def test_a_failure_without_an_invalid_file_says_why() -> None:
    result = result_of([report("a", WARNING)], EffectivePolicy(profile="strict", fail_on="warning"))
    last = render(result, "text").split("\n")[-1]
    assert last.startswith("1 of 1 valid: 0 errors, 1 warning, 0 hints (policy strict ")
    assert last.endswith("; fails on warnings)")


def test_reports_alone_are_told_in_full_without_a_policy(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", voltage=np.ones(3))
    one = validate(tmp_path / "x.npz")
    assert render_text([one] * 6).count("ERROR PTY003 ") == 6
    assert render_text([one]).endswith("0 of 1 valid: 1 error, 0 warnings, 0 hints")


def test_the_figures_of_the_physics_are_not_told_of_each_of_many_files() -> None:
    confirmed = {
        "reading": "as stated", "patterns": 9, "agree": 9, "contradict": 0, "undecided": 0, "median_margin": 9.0,
        "min_margin": 5.0,
    }  # fmt: skip
    evidence = {"physics": {"confirmed": confirmed}}
    shared = [report(f"{k}_dp.hdf5", finding("PTY313"), evidence=evidence) for k in range(30)]
    odd = report("odd_dp.hdf5", finding("PTY101"), evidence=evidence)
    lines = render(result_of([*shared, odd]), "text").split("\n")
    assert sum("physics:" in line for line in lines) == 1
    assert len(lines) < 15


def test_a_file_with_known_findings_is_not_told_as_if_it_had_none() -> None:
    made = report("old_dp.hdf5").model_copy(update={"known": 3})
    assert render(result_of([made]), "text").startswith(
        "old_dp.hdf5: valid, but for 3 known findings (ptychovit-pair 1.0.0, depth header)"
    )
