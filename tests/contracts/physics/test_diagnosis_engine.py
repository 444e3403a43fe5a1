"""Small simulated files with one and two mistakes each, and files that decide nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated import gaussian_probe, intensity, scan_corners, structured_object

from ptycho_contracts.physics.diagnosis.changes import Change
from ptycho_contracts.physics.diagnosis.engine import diagnose_subject, judge_subject
from ptycho_contracts.physics.diagnosis.result import Diagnosis
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.frames import FRAMES

N, ROWS, COLUMNS, COUNTS = 32, 6, 8, 1e5
CANVAS = (74, 83)


@dataclass(frozen=True)
class File:
    """What a file holds: positions in pixels from PtychoViT's origin, and whatever is done to them."""

    dp: NDArray[Any]
    positions: NDArray[np.float64]
    object: NDArray[Any]
    probe: NDArray[Any]

    @property
    def subject(self) -> Subject:
        return Subject(InMemory(self.dp), self.positions, self.object, self.probe, frames=centred_frames(N))


class InMemory:
    def __init__(self, values: NDArray[Any]) -> None:
        self._values = np.ascontiguousarray(values, np.float32)
        self.count = len(values)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        return self._values[rows]

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for start in range(0, self.count, 10):
            yield start, self._values[start : start + 10]


@cache
def good(counts: float = COUNTS, flat: bool = False) -> File:
    """48 patterns with Poisson noise; the probe has no symmetry at all."""
    obj = np.ones(CANVAS, np.complex64) if flat else structured_object(CANVAS, 5)
    corners = scan_corners(ROWS, COLUMNS, 5, 1) + np.array([3, 4])
    probe = gaussian_probe(N, (14.2, 16.9)) + 0.5 * gaussian_probe(N, (18.1, 15.0), sigma=2.2)
    clean = np.stack([intensity(obj[y : y + N, x : x + N], probe) for y, x in corners])
    factor = counts / clean.sum(axis=(1, 2)).mean()
    dp = np.random.default_rng(9).poisson(clean * factor)
    positions = corners + (N - 1) / 2 - [round(size / 2) + 0.5 for size in CANVAS]
    return File(dp, positions, obj, (probe * np.sqrt(factor))[None].astype(np.complex64))


def origin(name: str) -> NDArray[np.float64]:
    return np.array([FRAMES[name].origin_px(size) for size in CANVAS])


def snake(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    raster = rows.reshape(ROWS, COLUMNS, 2).copy()
    raster[1::2] = raster[1::2, ::-1]
    return raster.reshape(-1, 2)


def placed(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Callable[[File], File]:
    return lambda file: replace(file, positions=change(file.positions))


def patterned(change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[File], File]:
    return lambda file: replace(file, dp=change(file.dp))


SHUFFLE = np.random.default_rng(4).permutation(ROWS * COLUMNS)
MISTAKES: dict[str, Callable[[File], File]] = {
    "swapped-axes": placed(lambda p: p[:, ::-1]),
    "negated-y": placed(lambda p: p * [-1, 1]),
    "negated-x": placed(lambda p: p * [1, -1]),
    "frame:geometric-centre": placed(lambda p: p + origin("ptychovit") - origin("geometric-centre")),
    "frame:half-size": placed(lambda p: p + origin("ptychovit") - origin("half-size")),
    "frame:array-corner": placed(lambda p: p + origin("ptychovit")),
    "frame:patch-corner": placed(lambda p: p + origin("ptychovit") - (N - 1) / 2),
    "order:reversed": placed(lambda p: p[::-1]),
    "order:columns-first": placed(lambda p: p.reshape(ROWS, COLUMNS, 2).swapaxes(0, 1).reshape(-1, 2)),
    "order:snake": placed(snake),
    "order:shuffled": placed(lambda p: p[SHUFFLE]),
    "patterns:transposed": patterned(lambda d: d.swapaxes(1, 2)),
    "patterns:flipped-y": patterned(lambda d: np.flip(d, 1)),
    "patterns:flipped-x": patterned(lambda d: np.roll(np.flip(d, 2), 1, 2)),
    "patterns:rotated-180": patterned(lambda d: np.rot90(d, 2, (1, 2))),
    "patterns:rotated-90": patterned(lambda d: np.rot90(d, 1, (1, 2))),
    "patterns:rotated-270": patterned(lambda d: np.rot90(d, 3, (1, 2))),
    "patterns:anti-transposed": patterned(lambda d: np.rot90(d.swapaxes(1, 2), 2, (1, 2))),
    "patterns:corner": patterned(lambda d: np.fft.ifftshift(d, (1, 2))),
    "patterns:amplitude": patterned(np.sqrt),
    "object:conjugated": lambda f: replace(f, object=f.object.conj()),
    "object:transposed": lambda f: replace(f, object=f.object.T),
    "object:flipped-y": lambda f: replace(f, object=np.flip(f.object, 0)),
    "object:flipped-x": lambda f: replace(f, object=np.flip(f.object, 1)),
    "object:rotated-180": lambda f: replace(f, object=np.rot90(f.object, 2)),
    "probe:transposed": lambda f: replace(f, probe=f.probe.swapaxes(1, 2)),
    "probe:conjugated": lambda f: replace(f, probe=f.probe.conj()),
    "pixel-size:1.25": placed(lambda p: p / 1.25),
    "pixel-size:0.97": placed(lambda p: p / 0.97),
    "probe-scale:0.5": lambda f: replace(f, probe=f.probe / 2),
    "shift:2.4,-3.3": placed(lambda p: p + np.array([2.4, -3.3])),
}
TOLERANCE = {"pixel-size": 0.01, "probe-scale": 0.05, "shift": 0.3}
DOUBLES = [
    ("object:transposed", "frame:array-corner"),
    ("patterns:rotated-90", "order:shuffled"),
    ("pixel-size:0.97", "shift:2.4,-3.3"),
    ("order:shuffled", "pixel-size:0.97"),
    ("object:flipped-x", "patterns:amplitude"),
    ("probe:transposed", "negated-x"),
    ("order:snake", "frame:half-size"),
    ("patterns:corner", "probe-scale:0.5"),
]


def assert_names(found: Diagnosis, truth: tuple[str, ...]) -> None:
    assert found.verdict == ("mistaken" if truth else "as stated")
    kinds = {slug.partition(":")[0] for slug in truth} & set(TOLERANCE)
    changes = found.changes or ()
    assert {c.slug for c in changes if c.kind not in kinds} == {s for s in truth if s.partition(":")[0] not in kinds}
    for slug in truth:
        kind, _, numbers = slug.partition(":")
        if kind in kinds:
            told = next(change.numbers for change in changes if change.kind == kind)
            assert told == pytest.approx([float(x) for x in numbers.split(",")], abs=TOLERANCE[kind])


def test_what_is_right_is_as_stated() -> None:
    judged = judge_subject(good().subject)
    assert_names(judged.diagnosis, ())
    assert judged.confirmed is not None
    assert (judged.confirmed.agree, judged.confirmed.contradict) == (48, 0)
    assert judged.diagnosis.ranked[0].mean_residual < judged.diagnosis.ranked[1].mean_residual


@pytest.mark.parametrize("slug", MISTAKES)
def test_one_mistake_is_named(slug: str) -> None:
    assert_names(diagnose_subject(MISTAKES[slug](good()).subject), (slug,))


@pytest.mark.parametrize("truth", DOUBLES, ids=" + ".join)
def test_two_mistakes_are_named(truth: tuple[str, str]) -> None:
    assert_names(diagnose_subject(MISTAKES[truth[1]](MISTAKES[truth[0]](good())).subject), truth)


def test_two_patterns_exchanged_are_another_order() -> None:
    order = np.arange(ROWS * COLUMNS)
    order[[4, 29]] = order[[29, 4]]
    judged = judge_subject(patterned(lambda d: d[order])(good()).subject)
    assert_names(judged.diagnosis, ("order:shuffled",))
    np.testing.assert_array_equal(judged.hypotheses[0].geometry.order.rows(len(order)), order)


def test_a_flat_object_cannot_tell() -> None:
    found = diagnose_subject(good(flat=True).subject)
    assert found.verdict == "cannot tell"
    assert "do not depend on where" in found.undecided[0]
    assert found.changes is None


def test_too_few_counts_cannot_tell_and_enough_do() -> None:
    assert diagnose_subject(good(counts=2.0).subject).verdict == "cannot tell"
    assert_names(diagnose_subject(MISTAKES["negated-y"](good(counts=3e3)).subject), ("negated-y",))


def test_another_object_explains_nothing() -> None:
    file = replace(good(), object=structured_object(CANVAS, 77))
    assert diagnose_subject(file.subject).verdict == "unexplained"


def test_changes_that_predict_the_same_go_by_the_simplest_name() -> None:
    """A conjugated object and probe are patterns turned about the zero frequency."""
    file = MISTAKES["probe:conjugated"](MISTAKES["object:conjugated"](good()))
    assert_names(diagnose_subject(file.subject), ("patterns:rotated-180",))


def test_a_scale_that_nobody_states_is_not_judged() -> None:
    file = MISTAKES["probe-scale:0.5"](good())
    assert_names(diagnose_subject(replace(file.subject, counts=False)), ())


@cache
def noise_free() -> File:
    """The same file as the forward model predicts it, as a simulation would write it."""
    file = good()
    corners = np.round(file.positions + origin("ptychovit") - (N - 1) / 2).astype(int)
    patches = (file.object[y : y + N, x : x + N] for y, x in corners)
    return replace(file, dp=np.stack([intensity(patch, file.probe[0]) for patch in patches]))


@pytest.mark.parametrize("off_px", [(0.0, 0.0), (0.03, -0.04), (-0.08, 0.02)])
def test_a_shift_that_nobody_knows_better_is_no_mistake(off_px: tuple[float, float]) -> None:
    assert_names(diagnose_subject(placed(lambda p: p + np.array(off_px))(noise_free()).subject), ())


def test_a_shift_that_somebody_made_is_one_without_noise_too() -> None:
    found = diagnose_subject(placed(lambda p: p + np.array([0.3, -0.2]))(noise_free()).subject)
    assert found.changes is not None
    assert found.changes[0].numbers == pytest.approx((0.3, -0.2), abs=0.02)


@pytest.mark.parametrize("slug", ["frame:half-size", "object:transposed", "negated-y"])
def test_no_reading_is_ranked_twice(slug: str) -> None:
    ranked = diagnose_subject(MISTAKES[slug](noise_free()).subject).ranked
    assert len(ranked) > 1
    for one, other in combinations([tuple(map(Change.parse, candidate.changes)) for candidate in ranked], 2):
        numbers, others = ([x for change in changes for x in change.numbers] for changes in (one, other))
        alike = len(numbers) == len(others) and np.allclose(numbers, others, atol=0.004)
        assert not (alike and [(c.kind, c.name) for c in one] == [(c.kind, c.name) for c in other])


def with_broken(file: File, rows: list[int], value: float) -> File:
    """The file with a pixel of some patterns dead."""
    dp = file.dp.astype(np.float32)
    dp[rows, 3, 5] = value
    return replace(file, dp=dp)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_patterns_with_values_that_no_detector_counts_have_no_say(value: float) -> None:
    rows = [0, 7, 30]
    file = MISTAKES["negated-y"](with_broken(good(), rows, value))
    judged = judge_subject(file.subject)
    assert_names(judged.diagnosis, ("negated-y",))
    assert judged.diagnosis.notes == (
        "3 of the 48 patterns looked at hold NaN, infinite or negative values, or nothing and are left out: 0, 7, 30",
    )
    assert judged.diagnosis.patterns == 48
    assert judged.confirmed is not None
    assert judged.confirmed.patterns == 45


def test_patterns_that_are_wrong_throughout_do_not_hide_the_truth() -> None:
    """Every third pattern is noise, and says so by its first pixel."""
    rows = list(range(0, 48, 3))
    dp = good().dp.astype(np.float32)
    dp[rows] = np.random.default_rng(3).random((len(rows), N, N)) * dp.max()
    dp[rows, 0, 0] = np.nan
    assert_names(diagnose_subject(replace(good(), dp=dp).subject), ())
    shuffled = judge_subject(MISTAKES["order:shuffled"](replace(good(), dp=dp)).subject)
    assert_names(shuffled.diagnosis, ("order:shuffled",))
    take = shuffled.hypotheses[0].geometry.order.rows(48)
    assert sorted(take) == list(range(48)), "patterns without a say get the places that are left"
    judged = np.setdiff1d(np.arange(48), rows)
    np.testing.assert_array_equal(SHUFFLE[take][judged], judged)


def test_where_most_patterns_hold_such_values_they_count_as_nothing_measured() -> None:
    found = diagnose_subject(MISTAKES["negated-x"](with_broken(good(), list(range(48)), np.nan)).subject)
    assert_names(found, ("negated-x",))
    assert found.notes == (
        "48 of the 48 patterns looked at hold NaN, infinite or negative values, or nothing; "
        "such values count as nothing measured",
    )
    nothing = diagnose_subject(replace(good(), dp=np.full_like(good().dp, np.nan, np.float32)).subject)
    assert (nothing.verdict, len(nothing.notes)) == ("cannot tell", 1)
