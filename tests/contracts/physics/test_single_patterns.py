"""One number among many that is wrong is told as what it is, and never as a permutation of everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_pair import PIXEL_M, Pair, simulate_pair, write_pair

from ptycho_contracts import validate
from ptycho_contracts.opening import open_artifact
from ptycho_contracts.physics.diagnosis.engine import judge_subject
from ptycho_contracts.physics.diagnosis.judge import Judged
from ptycho_contracts.rules._pair import pair_subject


def moved(pair: Pair, by_px: dict[int, tuple[float, float]]) -> Pair:
    positions = pair.positions.copy()
    for number, by in by_px.items():
        positions[number] += np.array(by) * PIXEL_M
    return pair.at(positions)


def judged(pair: Pair, folder: Path) -> Judged:
    artifact = open_artifact(write_pair(pair, folder)).artifact
    assert artifact is not None
    with artifact:
        return judge_subject(pair_subject(artifact))


@pytest.mark.parametrize("by", [(1.0, 0.0), (0.0, -2.0), (2.5, 3.0), (-4.0, 1.0)])
def test_a_pattern_that_was_taken_elsewhere_is_told_with_the_amount(by: tuple[float, float], tmp_path: Path) -> None:
    found = judged(moved(simulate_pair(), {17: by}), tmp_path)
    assert found.diagnosis.verdict == "as stated"
    (one,) = found.moved
    assert one.pattern == 17
    np.testing.assert_allclose(one.by_px, -np.array(by), atol=0.3)
    assert any("pattern 17 was taken" in note for note in found.diagnosis.notes)


def test_each_of_several_has_its_own_finding(tmp_path: Path) -> None:
    report = validate(write_pair(moved(simulate_pair(), {3: (2, 0), 30: (0, 2)}), tmp_path), depth="physics")
    assert [(f.code, f.location) for f in report.findings] == [
        ("PTY325", "para:/probe_position_y_m[3]"),
        ("PTY325", "para:/probe_position_x_m[30]"),
    ]
    assert report.ok


def test_a_position_that_is_far_off_is_no_permutation(tmp_path: Path) -> None:
    """Its pattern lies nearest to a place that has one already."""
    report = validate(write_pair(moved(simulate_pair(), {17: (14.0, 0.0)}), tmp_path), depth="physics")
    assert [(f.code, f.location) for f in report.errors] == [("PTY310", "dp:/dp[17]")]
    assert "no order explains them all" in report.errors[0].message


def test_a_position_that_is_no_place_of_the_scan_has_no_say(tmp_path: Path) -> None:
    found = judged(moved(simulate_pair(), {17: (1e6, 0.0)}), tmp_path).diagnosis
    assert found.verdict == "as stated"
    assert found.notes == ("1 of 36 positions lie far from all others and are left out: 17",)


def test_two_patterns_that_are_exchanged_are_a_permutation(tmp_path: Path) -> None:
    pair = simulate_pair()
    order = np.arange(len(pair.dp))
    order[[4, 20]] = [20, 4]
    found = judged(replace(pair, dp=pair.dp[order]), tmp_path)
    assert [change.slug for change in found.diagnosis.changes or ()] == ["order:shuffled"]
    take = np.array(found.hypotheses[0].geometry.order.take)
    np.testing.assert_array_equal(take, order)


def test_a_position_that_was_written_twice_is_no_permutation(tmp_path: Path) -> None:
    pair = simulate_pair()
    positions = pair.positions.copy()
    positions[20] = positions[4]
    report = validate(write_pair(pair.at(positions), tmp_path), depth="physics")
    assert not any("order:shuffled" in f.message for f in report.findings)


def test_a_right_pair_has_no_such_finding(tmp_path: Path) -> None:
    assert judged(simulate_pair(), tmp_path).moved == ()


def test_a_bad_pattern_is_not_taken_for_a_moved_one(tmp_path: Path) -> None:
    """Noise is explained nowhere, so no place is better."""
    pair = simulate_pair()
    dp = pair.dp.copy()
    dp[9] = np.random.default_rng(0).poisson(dp[9].mean(), dp[9].shape)
    assert judged(replace(pair, dp=dp), tmp_path).moved == ()


def test_a_pattern_that_is_there_twice_is_no_permutation(tmp_path: Path) -> None:
    """Its copy fits a place that has a pattern, and the other one fits none."""
    pair = simulate_pair()
    dp = pair.dp.copy()
    dp[20] = dp[4]
    found = judged(replace(pair, dp=dp), tmp_path)
    assert found.diagnosis.verdict == "unexplained"
    assert "no order explains them all" in found.diagnosis.undecided[0]


def test_a_dark_pattern_has_no_say_and_dark_patterns_say_nothing(tmp_path: Path) -> None:
    pair = simulate_pair()
    dp = pair.dp.copy()
    dp[7] = 0
    (tmp_path / "one").mkdir()
    one = judged(replace(pair, dp=dp), tmp_path / "one").diagnosis
    assert one.verdict == "as stated"
    assert "or nothing and are left out: 7" in one.notes[0]
    dark = judged(replace(pair, dp=np.zeros_like(pair.dp)), tmp_path).diagnosis
    assert (dark.verdict, dark.undecided) == ("cannot tell", ("the patterns hold no signal",))
