"""A valid pair passes at every depth; each way of breaking it gives its code, at its place, at its depth, no sooner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from simulated import structured_object
from simulated_pair import PIXEL_M, Pair, simulate_pair, write_pair

from ptycho_contracts.finding import DEPTHS, Depth
from ptycho_contracts.validation import validate

X, Y = "para:/probe_position_x_m", "para:/probe_position_y_m"
# One order of many: its rows and the places that explain them are nowhere the same.
SHUFFLED = np.random.default_rng(5).permutation(36)


@dataclass(frozen=True)
class Case:
    """A break, and every error that it must give from `depth` on."""

    name: str
    depth: Depth
    errors: set[tuple[str, str]]
    breaks: Callable[[Pair], Pair]


def nan_at(pair: Pair, *index: int) -> Pair:
    dp = pair.dp.copy()
    dp[index] = np.nan
    return replace(pair, dp=dp)


CASES = [
    Case("missing key", "header", {("PTY101", "para:/probe")}, lambda p: p.without("probe")),
    Case("wrong rank", "header", {("PTY103", "para:/probe")}, lambda p: p.with_para(probe=p.para["probe"][0])),
    Case("wrong dtype", "header", {("PTY102", "dp:/dp")}, lambda p: replace(p, dp=p.dp.astype(complex))),
    Case("a pattern too few", "header", {("PTY201", X), ("PTY201", Y)}, lambda p: replace(p, dp=p.dp[:-1])),
    Case(
        "no pixel size",
        "header",
        {("PTY104", "para:/object@pixel_height_m")},
        lambda p: p.with_attributes("object", pixel_height_m=None),
    ),
    Case(
        "probe not complex", "header", {("PTY102", "para:/probe")}, lambda p: p.with_para(probe=np.abs(p.para["probe"]))
    ),
    Case("constant positions", "data", {("PTY403", X)}, lambda p: p.at(np.zeros_like(p.positions))),
    Case("positions in pixels", "data", {("PTY301", X)}, lambda p: p.at(p.positions / PIXEL_M)),
    Case("NaN", "data", {("PTY401", "dp:/dp[7, 30, 1]")}, lambda p: nan_at(p, 7, 30, 1)),
    Case("negative intensity", "data", {("PTY402", "dp:/dp[0, 0, 0]")}, lambda p: replace(p, dp=p.dp - 1)),
    Case("amplitude for intensity", "physics", {("PTY311", "dp:/dp")}, lambda p: replace(p, dp=np.sqrt(p.dp))),
    Case("x and y swapped", "physics", {("PTY312", X)}, lambda p: p.at(p.positions[:, ::-1])),
    Case("one pixel off", "physics", {("PTY313", Y)}, lambda p: p.at(p.positions + PIXEL_M)),
    Case("y negated", "physics", {("PTY314", Y)}, lambda p: p.at(p.positions * [-1, 1])),
    Case("shuffled", "physics", {("PTY310", "dp:/dp")}, lambda p: replace(p, dp=p.dp[SHUFFLED])),
    Case(
        "an unrelated object",
        "physics",
        {("PTY315", "dp:/dp")},
        lambda p: p.with_para(object=structured_object((66, 71), 99)[None]),
    ),
]


@pytest.fixture(scope="module")
def pair() -> Pair:
    return simulate_pair()


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_valid_pair_passes(pair: Pair, tmp_path: Path, depth: Depth) -> None:
    report = validate(write_pair(pair, tmp_path), depth=depth)
    assert report.contract == "ptychovit-pair"
    assert report.findings == ()
    assert any("forward model" in u.check for u in report.unexamined) == (depth != "physics")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_pair_is_found_at_its_depth(case: Case, pair: Pair, tmp_path: Path) -> None:
    path = write_pair(case.breaks(pair), tmp_path)
    for depth in DEPTHS[: DEPTHS.index(case.depth)]:
        assert validate(path, depth=depth).errors == ()
    report = validate(path, depth=case.depth)
    assert {(f.code, f.location) for f in report.errors} == case.errors
    assert all(f.message and f.fix and f.contract == "ptychovit-pair" for f in report.errors)
    if case.depth == "header":
        assert validate(path, depth="physics").errors[: len(report.errors)] == report.errors


@pytest.mark.parametrize("half", ["dp", "para"])
def test_a_truncated_half(pair: Pair, tmp_path: Path, half: str) -> None:
    path = write_pair(pair, tmp_path)
    broken = tmp_path / f"scan_{half}.hdf5"
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    report = validate(path)
    assert ("PTY002", f"{half}:/") in {(f.code, f.location) for f in report.errors}
    assert {f.location.partition(":")[0] for f in report.errors} == {half}


def test_a_flat_object_cannot_tell_and_is_no_error(tmp_path: Path) -> None:
    report = validate(write_pair(simulate_pair(np.ones((66, 71), complex)), tmp_path), depth="physics")
    assert [(f.code, f.location) for f in report.findings] == [("PTY316", "dp:/dp")]


def test_every_finding_comes_at_once(pair: Pair, tmp_path: Path) -> None:
    broken = replace(pair.without("probe_position_x_m").with_attributes("object", pixel_height_m=0.0), dp=pair.dp[0])
    report = validate(write_pair(broken, tmp_path), depth="physics")
    assert [f.code for f in report.errors] == ["PTY103", "PTY105", "PTY101"]
    skipped = {u.check: u.reason for u in report.unexamined}
    assert "PTY103" in skipped["pair_physics"]


@pytest.mark.shared_data
def test_the_shared_pair_is_one_pixel_off_for_ptychovit(shared: Path) -> None:
    path = shared / "pairs" / "s64_dp.hdf5"
    assert validate(path, depth="data").errors == ()
    report = validate(path, depth="physics")
    assert [(f.code, f.location) for f in report.errors] == [("PTY313", Y)]
    assert "geometric-centre" in report.errors[0].message
    assert "144 of 144" in report.errors[0].message
