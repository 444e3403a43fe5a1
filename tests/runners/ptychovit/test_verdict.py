"""The verdict on a run, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from ptycho_contracts.contracts.bridge_event import Fallback
from ptycho_contracts.contracts.bridge_result import BridgeResult, Reason
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import STATE_CONTRADICTS
from ptycho_runners.process import Outcome
from ptycho_runners.ptychovit.verdict import Evidence, judge, telling


def result(status: str = "ok", reason: str = "completed") -> BridgeResult:
    fields: dict[str, Any] = {"mode": "train", "status": status, "reason": reason, "message": "the message"}
    return BridgeResult(**fields, device="cpu", seconds=1.0, versions={})


WELL = Evidence(Outcome(0, 1.0, timed_out=False, stderr_tail=()), result(), (), (), (), ())
ILL = replace(WELL, outcome=Outcome(1, 1.0, timed_out=False, stderr_tail=("last words",)))


def codes(evidence: Evidence) -> list[str]:
    return [found.code for found in judge(evidence)]


def test_a_good_run_has_no_findings() -> None:
    assert judge(WELL) == ()


@pytest.mark.parametrize("reason", sorted(set(get_args(Reason)) - {"completed"}))
def test_every_reason_of_the_bridge_has_a_code(reason: str) -> None:
    status = "invalid" if reason == "normalization_fallback" else "failed"
    found = judge(replace(ILL, result=result(status, reason)))
    assert len(found) == 1
    assert found[0].code.startswith("PTY5")
    assert found[0].message == "the message"
    assert found[0].found == "last words"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (replace(ILL, result=None), ["PTY502"]),
        (replace(WELL, result=None), ["PTY502"]),
        (replace(ILL, result=None, outcome=Outcome(-9, 1.0, timed_out=False, stderr_tail=())), ["PTY502"]),
        (replace(ILL, result=None, outcome=Outcome(-15, 9.0, timed_out=True, stderr_tail=())), ["PTY511"]),
        (replace(WELL, missing=("best_model.pth",)), ["PTY503"]),
        (replace(ILL, missing=("best_model.pth",), result=result("failed", "checkout_failed")), ["PTY502"]),
        (replace(WELL, unknown=("gibberish",)), ["PTY513"]),
        (replace(WELL, printed=("Warning: Skipping x_dp.hdf5",)), ["PTY512"]),
        (replace(WELL, printed=("Warning: Normalization file not found at n.pkl",)), ["PTY501"]),
    ],
)
def test_what_went_wrong_is_named(evidence: Evidence, expected: list[str]) -> None:
    assert codes(evidence) == expected


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("weights_mismatch", "PTY509"),
        ("missing_dependency", "PTY510"),
        ("device_unavailable", "PTY514"),
        ("unknown_part", "PTY524"),
        ("loss_not_finite", "PTY525"),
        ("out_of_memory", "PTY526"),
    ],
)
def test_reasons_with_a_remedy_of_their_own_have_a_code_of_their_own(reason: str, code: str) -> None:
    assert codes(replace(ILL, result=result("failed", reason))) == [code]


@pytest.mark.parametrize("line", ["torch.OutOfMemoryError: CUDA out of memory. Tried …", "MemoryError"])
def test_a_lack_of_memory_is_seen_in_the_log(line: str) -> None:
    died = replace(ILL, result=None, outcome=Outcome(1, 1.0, timed_out=False, stderr_tail=("Traceback", line)))
    assert codes(died) == ["PTY526"]


def test_a_kill_without_a_limit_hints_at_memory() -> None:
    killed = replace(ILL, result=None, outcome=Outcome(-9, 1.0, timed_out=False, stderr_tail=()))
    (found,) = judge(killed)
    assert (found.code, "memory" in found.message, "resume" in (found.fix or "")) == ("PTY502", True, True)


def test_a_history_with_a_gap_is_told_of_a_run_that_ended_well() -> None:
    gap = finding(STATE_CONTRADICTS, "state:/current_epoch", "4 epochs were asked for, and 3 are in the history")
    assert codes(replace(WELL, history=(gap,))) == ["PTY519"]
    assert codes(replace(ILL, history=(gap,), result=result("failed", "checkout_failed"))) == ["PTY502"]


def test_a_fallback_is_told_once_however_often_it_is_seen() -> None:
    event = Fallback(time=datetime.now(UTC), name="x", normalization=1e5, message="the message")
    evidence = replace(ILL, fallbacks=(event, event), result=result("invalid", "normalization_fallback"))
    assert codes(evidence) == ["PTY501"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Warning: Normalization file not found at /n.pkl. Using default: 100000.0", "PTY501"),
        ("Object 'x' not found in normalization dictionary", "PTY501"),
        ("Error loading normalization file: bad", "PTY501"),
        ("Warning: Skipping x_dp.hdf5 - no matching x_para.hdf5", "PTY512"),
        ("Found 2 paired dataset(s)", None),
    ],
)
def test_lines_that_the_checkout_prints_before_it_goes_on_wrongly(line: str, code: str | None) -> None:
    found = telling(line)
    assert (found.id if found else None) == code
