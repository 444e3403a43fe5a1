"""With each deliberate breakage of the reference checkout exactly the right line fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from breakages import ALL, Breakage

from ptycho_contracts.contracts.conformance_report import ConformanceReport
from ptycho_contracts.run_codes import PROMISE_BROKEN
from ptycho_runners.conformance.examination import Subject
from ptycho_runners.conformance.promises import ALL as PROMISES
from ptycho_runners.conformance.report import conformance, findings_of
from ptycho_runners.ptychovit.checkout import root_of

NEEDS_TRAINING = {"inference", "amplitude-range"}
CHEAP = [p.id for p in PROMISES if p.group in {"reading pairs", "the model"} and p.id not in NEEDS_TRAINING]
"""Promises about items and predictions: one process without a training."""

QUICK = {"dp is taken for amplitude", "frame off by one pixel", "fallback normalization"}
"""What `make test` tries; the others are marked slow."""


def judged(breakage: Breakage, folder: Path, promises: list[str] | None) -> ConformanceReport:
    checkout = breakage.copy_of(root_of("reference"), folder)
    return conformance(Subject(str(checkout), sys.executable, folder / "out", device="cpu", threads=1), promises)


def failed(report: ConformanceReport) -> list[str]:
    return [line.id for line in report.lines if line.status == "failed"]


def test_every_promise_is_broken_by_a_breakage_of_its_own() -> None:
    assert {breakage.breaks for breakage in ALL} == {promise.id for promise in PROMISES}
    assert len({breakage.name for breakage in ALL}) == len(ALL)


@pytest.mark.parametrize("breakage", [b for b in ALL if b.name in QUICK], ids=lambda breakage: breakage.name)
def test_exactly_the_right_line_fails_among_the_quick_ones(breakage: Breakage, tmp_path: Path) -> None:
    report = judged(breakage, tmp_path, CHEAP)
    assert failed(report) == [breakage.breaks]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["data", "examination"]
    (found,) = findings_of(report)
    assert (found.code, found.location) == (PROMISE_BROKEN.id, f"checkout:/{breakage.breaks}")


def test_a_file_that_a_training_does_not_write_fails_its_own_line(tmp_path: Path) -> None:
    (breakage,) = (b for b in ALL if b.name == "no checkpoint at the end")
    report = judged(
        breakage, tmp_path, ["trains", "checkpoint-files", "config-copy", "metrics-file", "state", "resumes"]
    )
    assert failed(report) == ["checkpoint-files"]
    untested = {line.id: line.because for line in report.lines if line.status == "not tested"}
    assert untested == dict.fromkeys(["state", "resumes"], "`checkpoint-files` failed")


@pytest.mark.slow
@pytest.mark.parametrize("breakage", ALL, ids=lambda breakage: breakage.name)
def test_exactly_the_right_line_fails_among_all(breakage: Breakage, tmp_path: Path) -> None:
    report = judged(breakage, tmp_path, None)
    assert failed(report) == [breakage.breaks]
