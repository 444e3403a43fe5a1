"""The generator of mistaken files and the judge of diagnoses: both must be right before they may judge an engine."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))

from benchmarks.diagnosis import cases, identifiable, plan, report, run, score  # noqa: E402
from benchmarks.diagnosis.engine import Answer  # noqa: E402
from benchmarks.diagnosis.generator import Case, draw_case, write_pair  # noqa: E402
from benchmarks.diagnosis.mistakes import (  # noqa: E402
    AXES,
    FRAME_SLUGS,
    OBJECT_SLUGS,
    ORDER_SLUGS,
    ORIENTATIONS,
    PROBE_SLUGS,
    Mistake,
    Subject,
    UnknownMistakeError,
    as_stored,
    centres_of,
    corrupt,
    repaired,
    variants,
)
from benchmarks.diagnosis.optics import NAMED_FRAMES, far_field, intensities, origin_px, patches  # noqa: E402

PLAIN = ("swapped-axes", "negated-y", "negated-x", "patterns:corner", "patterns:amplitude")
NUMERIC = ("pixel-size:0.8", "probe-scale:3", "shift:1.25,-2.5")
ALL = (*PLAIN, *FRAME_SLUGS, *ORDER_SLUGS, *ORIENTATIONS, *OBJECT_SLUGS, *PROBE_SLUGS, *NUMERIC)
EVERY_MISTAKE = [mistake for slug in ALL for mistake in variants(slug)]


def spec_of(*slugs: str, group: str = "single") -> plan.Spec:
    return plan.Spec(7, group, tuple((slug,) for slug in slugs))


@pytest.fixture(scope="module")
def rastered() -> Case:
    """A small case on a raster without mistakes (the order that it asks for is undone again)."""
    case = draw_case(3, spec_of("order:snake"), 0)
    return with_mistakes(case, ())


def with_mistakes(case: Case, mistakes: tuple[Mistake, ...]) -> Case:
    """The same experiment with other mistakes, its counts at their expectation."""
    truth = case.experiment
    window = truth.probe.shape[-1]
    frame = next((mistake.argument for mistake in mistakes if mistake.name == "frame"), case.stated_frame)
    origin = np.array([origin_px(frame, size, window) for size in truth.object.shape])
    right = Subject(truth.centres - origin, truth.pixel_m, truth.object, truth.probe, truth.expected)
    return replace(case, mistakes=mistakes, stored=corrupt(right, mistakes, case.orders))


def answer(verdict: str, *changes: str) -> dict[str, Any]:
    return {"verdict": verdict, "ranked": [{"changes": list(changes)}]}


# The forward model against the definition.


def test_a_pattern_is_the_definition_worked_out_by_hand() -> None:
    """Two modes, an integer position, N = 2: F by its four sums, zero frequency at [1, 1]."""
    object_ = np.arange(1, 31, dtype=complex).reshape(5, 6) * (1 + 0.5j)
    probe = np.array([[[1, 2j], [3, 4]], [[0, 1], [1j, 0]]], complex)
    pattern = intensities(object_, probe, np.array([[2.5, 3.5]]))[0]
    expected = np.zeros((2, 2))
    for mode in probe:
        (a, b), (c, d) = object_[2:4, 3:5] * mode
        expected += np.abs([[a - b - c + d, a + b - c - d], [a - b + c - d, a + b + c + d]]) ** 2
    np.testing.assert_allclose(pattern, expected, rtol=1e-12)


def test_between_pixels_an_object_is_band_limited() -> None:
    y, x = np.indices((60, 50))
    frequencies = np.array([0.11, -0.17])
    wave = np.exp(2j * np.pi * (frequencies[0] * y + frequencies[1] * x))
    centre = np.array([[30.3, 24.8]])
    start = centre[0] - 3.5
    rows, columns = start[0] + np.arange(8), start[1] + np.arange(8)
    expected = np.exp(2j * np.pi * (frequencies[0] * rows[:, None] + frequencies[1] * columns))
    np.testing.assert_allclose(patches(wave, centre, 8)[0], expected, atol=1e-4)


def test_outside_its_canvas_an_object_is_zero() -> None:
    assert not patches(np.ones((20, 30), complex), np.array([[-40.0, 10.0]]), 8).any()


def test_zero_frequency_lies_at_half_of_n_and_energy_is_n_squared() -> None:
    flat = far_field(np.ones((6, 6), complex))
    assert flat[3, 3] == pytest.approx(36**2)
    assert flat.sum() == pytest.approx(36 * 36)


@pytest.mark.parametrize(
    ("frame", "size", "expected"),
    [
        ("ptychovit", 400, 200.5),
        ("ptychovit", 401, 200.5),
        ("ptychovit", 403, 202.5),
        ("geometric-centre", 401, 200.0),
        ("half-size", 401, 200.5),
        ("pty-chi-2.1", 400, 199.5),
        ("pty-chi-2.1", 403, 201.5),
        ("array-corner", 400, 0.0),
        ("patch-corner", 400, 31.5),
    ],
)
def test_origins_are_those_of_the_tools(frame: str, size: int, expected: float) -> None:
    assert origin_px(frame, size, 64) == expected


@pytest.mark.shared_data
def test_foreign_data_are_explained_in_the_frame_of_their_tool() -> None:
    """Patterns that another program simulated, in Ptychodus' frame: what is left is Poisson noise, χ² = 1."""
    folder = CHECKOUT.parent / "shared" / "data" / "pairs"
    if not folder.exists():
        pytest.skip("the folder of sample files is not beside the checkout")
    with h5py.File(folder / "s64_dp.hdf5") as dp, h5py.File(folder / "s64_para.hdf5") as para:
        stored, object_, probe = dp["dp"][...].astype(float), para["object"][0], para["probe"][0]
        pixel = para["object"].attrs["pixel_height_m"]
        at_px = np.stack([para["probe_position_y_m"][...], para["probe_position_x_m"][...]], axis=1) / pixel
    chi_squared = {}
    for frame in NAMED_FRAMES:
        centres = at_px + [origin_px(frame, size, 64) for size in object_.shape]
        predicted = intensities(object_.astype(complex), probe.astype(complex), centres)
        chi_squared[frame] = np.sum((stored - predicted) ** 2) / predicted.sum()
    assert chi_squared["geometric-centre"] == pytest.approx(1, abs=0.03)
    assert min(chi_squared["ptychovit"], chi_squared["half-size"]) > 2


# Mistakes and their undoing.


@pytest.mark.parametrize("mistake", EVERY_MISTAKE, ids=lambda mistake: f"{mistake.slug}#{mistake.variant}")
def test_undoing_a_mistake_recovers_the_truth(rastered: Case, mistake: Mistake) -> None:
    case = with_mistakes(rastered, (mistake,))
    back, truth = repaired(case.stored, case.mistakes, case.orders), case.experiment
    np.testing.assert_allclose(centres_of(back, case.mistakes, case.stated_frame), truth.centres, atol=1e-9)
    np.testing.assert_array_equal(back.object, truth.object)
    np.testing.assert_allclose(back.probe, truth.probe, rtol=1e-12)
    assert back.pixel_m == pytest.approx(truth.pixel_m)
    assert back.patterns is not None
    np.testing.assert_allclose(back.patterns, truth.expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("first", "second"), [pair for pair in permutations(EVERY_MISTAKE[::3], 2) if pair[0].family != pair[1].family]
)
def test_undoing_two_mistakes_recovers_the_truth(rastered: Case, first: Mistake, second: Mistake) -> None:
    case = with_mistakes(rastered, (first, second))
    back = repaired(case.stored, case.mistakes, case.orders)
    np.testing.assert_allclose(
        centres_of(back, case.mistakes, case.stated_frame), case.experiment.centres, rtol=1e-9, atol=1e-9
    )
    np.testing.assert_array_equal(back.object, case.experiment.object)


@pytest.mark.parametrize(
    ("slug", "made_by"),
    [
        ("patterns:transposed", lambda pattern: pattern.T),
        ("patterns:flipped-y", np.flipud),
        ("patterns:flipped-x", np.fliplr),
        ("patterns:rotated-180", lambda pattern: np.rot90(pattern, 2)),
        ("patterns:rotated-90", lambda pattern: np.rot90(pattern, 1)),
        ("patterns:rotated-270", lambda pattern: np.rot90(pattern, 3)),
        ("patterns:anti-transposed", lambda pattern: np.rot90(pattern.T, 2)),
        ("patterns:corner", np.fft.ifftshift),
        ("patterns:amplitude", np.sqrt),
    ],
)
def test_pattern_mistakes_are_those_of_numpy(slug: str, made_by: Any) -> None:
    pattern = np.random.default_rng(0).random((6, 6))
    np.testing.assert_array_equal(as_stored(pattern[None], [Mistake(slug)])[0], made_by(pattern))


def test_a_flip_about_the_zero_frequency_leaves_it_where_it_is() -> None:
    pattern = np.zeros((1, 6, 6))
    pattern[0, 3, 3] = 1
    for slug in ("patterns:flipped-y", "patterns:flipped-x", "patterns:rotated-180"):
        np.testing.assert_array_equal(as_stored(pattern, [Mistake(slug, 1)]), pattern)


@pytest.mark.parametrize("slug", ["", "rotated", "shift:1", "pixel-size:large", "pixel-size", "frame:mine"])
def test_what_is_no_mistake_is_refused(slug: str) -> None:
    with pytest.raises(UnknownMistakeError):
        variants(slug)


# Files.


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    spec = spec_of("swapped-axes", "probe-scale:0.3")
    digests = []
    for name in ("first", "second"):
        path = write_pair(draw_case(5, spec, 0), tmp_path, name)
        with h5py.File(path) as dp, h5py.File(tmp_path / f"{name}_para.hdf5") as para:
            digests.append([array[...].tobytes() for array in (dp["dp"], *para.values())])
    assert digests[0] == digests[1]
    assert draw_case(6, spec, 0).experiment.pixel_m != draw_case(5, spec, 0).experiment.pixel_m


def test_the_file_holds_what_the_definition_predicts(tmp_path: Path) -> None:
    """A file without mistakes, read from disk by VOCAB's words alone, differs from its prediction by Poisson noise."""
    path = write_pair(draw_case(4, spec_of(group="none"), 1), tmp_path, "right")
    with h5py.File(path) as dp, h5py.File(tmp_path / "right_para.hdf5") as para:
        stored, object_, probe = dp["dp"][...].astype(float), para["object"][0], para["probe"][0]
        pixel, frame = para["object"].attrs["pixel_height_m"], para.attrs.get("ptycho_contracts_frame", "ptychovit")
        at_px = np.stack([para["probe_position_y_m"][...], para["probe_position_x_m"][...]], axis=1) / pixel
    origin = [origin_px(frame, size, probe.shape[-1]) for size in object_.shape]
    predicted = intensities(object_.astype(complex), probe.astype(complex), at_px + origin)
    chi_squared = np.sum((stored - predicted) ** 2) / predicted.sum()
    assert chi_squared == pytest.approx(1, abs=0.05)


def test_the_plan_is_the_one_that_was_asked_for() -> None:
    full = plan.full_plan(1)
    groups = [spec.group for spec in full]
    assert (len(full), groups.count("double"), groups.count("single")) == (500, 200, 200)
    assert sum(group in plan.UNDECIDABLE for group in groups) >= 40
    wanted = {slug for spec in full if spec.group == "single" for choices in spec.wanted for slug in choices}
    assert wanted == {slug for family in plan.FAMILIES.values() for slug in family}
    assert {spec.group for spec in plan.subset(full, 60)} == set(groups)


# What can be told.


def test_a_flat_object_tells_nothing_about_order() -> None:
    case = cases.prepare(1, plan.Spec(10, "flat object", ()))
    assert not case.identifiable
    assert case.nats == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("group", ["low dose", "near symmetric"])
def test_hidden_truths_are_hidden_from_their_rivals(group: str) -> None:
    slug = "object:transposed" if group == "near symmetric" else "swapped-axes"
    case = cases.prepare(1, plan.Spec(8, group, ((slug,),)))
    assert not case.identifiable
    assert 0 < case.nats < identifiable.HOPELESS_NATS


def test_divergence_is_that_of_poisson_counts() -> None:
    truth, rival = np.array([4.0, 9.0]), np.array([5.0, 8.0])
    expected = 4 * np.log(4 / 5) + 1 + 9 * np.log(9 / 8) - 1
    assert identifiable.divergence_nats(truth, rival, free_scale=False) == pytest.approx(expected, rel=1e-4)
    assert identifiable.divergence_nats(truth, 3 * truth, free_scale=True) == pytest.approx(0, abs=1e-6)


def test_a_mistake_that_changes_nothing_is_no_case() -> None:
    """Half of an even size and the tools' middles differ, but on odd canvases two frames may have one origin."""
    case = draw_case(1, plan.Spec(3, "single", (("frame:half-size",),), 1), 0)
    same = with_mistakes(replace(case, stated_frame="geometric-centre"), (Mistake("frame:geometric-centre"),))
    assert identifiable.nearest(same).simpler == ()


# The judge.


@pytest.fixture(scope="module")
def swapped() -> cases.Prepared:
    return cases.prepare(2, spec_of("swapped-axes", "pixel-size:0.8"))


@pytest.mark.parametrize(
    ("said", "right"),
    [
        (answer("mistaken", "swapped-axes", "pixel-size:0.8"), True),
        (answer("mistaken", "pixel-size:0.806", "swapped-axes"), True),
        (answer("mistaken", "pixel-size:0.82", "swapped-axes"), False),
        (answer("mistaken", "swapped-axes"), False),
        (answer("mistaken", "swapped-axes", "pixel-size:0.8", "negated-y"), False),
        (answer("mistaken", "swapped-axes", "nonsense"), False),
        (answer("mistaken", "negated-y", "negated-x"), False),
        (answer("as stated"), False),
        (answer("cannot tell"), False),
        (answer("unexplained"), False),
    ],
)
def test_answers_are_judged_by_name(swapped: cases.Prepared, said: dict[str, Any], right: bool) -> None:
    assert score.judge(swapped, said).right is right


def test_another_name_for_the_same_patterns_is_right() -> None:
    """A transposed detector and swapped axes together are a transposed object and probe."""
    prepared = cases.prepare(2, spec_of("swapped-axes", "patterns:transposed"))
    assert score.judge(prepared, answer("mistaken", "object:transposed", "probe:transposed")).right
    assert not score.judge(prepared, answer("mistaken", "object:transposed", "probe:conjugated")).right


def test_the_frame_that_has_the_same_origin_is_right() -> None:
    prepared = cases.prepare(2, plan.Spec(5, "single", (("frame:geometric-centre",),), 0))
    other = "frame:pty-chi-2.1"
    assert score.judge(prepared, answer("mistaken", other)).right is (prepared.case.stated_frame != "pty-chi-2.1")


@pytest.mark.parametrize("axes", AXES)
def test_a_shift_beside_turned_axes_may_be_told_in_either_order(axes: str) -> None:
    """What is added before the axes turn, or what is added after; other numbers, or other axes, are another shift."""
    prepared = cases.prepare(2, spec_of("shift", axes))
    slugs = prepared.case.slugs
    y, x = next(mistake.numbers for mistake in prepared.case.mistakes if mistake.name == "shift")
    told = {
        "swapped-axes": (f"{x},{y}", f"{-y},{x}"),
        "negated-y": (f"{-y},{x}", f"{y},{-x}"),
        "negated-x": (f"{y},{-x}", f"{-y},{x}"),
    }
    same, other = told[axes]
    assert score.judge(prepared, answer("mistaken", *slugs)).right
    assert score.judge(prepared, answer("mistaken", axes, f"shift:{same}")).right
    y_told, x_told = map(float, same.split(","))
    assert score.judge(prepared, answer("mistaken", f"shift:{y_told + 0.02},{x_told - 0.02}", axes)).right
    assert not score.judge(prepared, answer("mistaken", f"shift:{y_told + 0.5},{x_told}", axes)).right
    assert not score.judge(prepared, answer("mistaken", axes, f"shift:{other}")).right
    assert not score.judge(prepared, answer("mistaken", f"shift:{same}")).right


@pytest.mark.parametrize("pixel_first", [False, True])
def test_a_shift_beside_a_pixel_size_may_be_told_in_pixels_of_either_size(pixel_first: bool) -> None:
    """A shift in stated pixels is one in true pixels by the factor; other numbers, or another size, are another."""
    pixel, wanted = "pixel-size:0.8", ("shift", "pixel-size:0.8")
    prepared = cases.prepare(2, spec_of(*(wanted[::-1] if pixel_first else wanted)))
    slugs = prepared.case.slugs
    assert (slugs[0] == pixel) == pixel_first
    y, x = next(mistake.numbers for mistake in prepared.case.mistakes if mistake.name == "shift")
    factor = 0.8 if pixel_first else 1 / 0.8
    assert abs(y) + abs(x) > 2, "or the tolerance would cover the difference"
    assert score.judge(prepared, answer("mistaken", *slugs)).right
    assert score.judge(prepared, answer("mistaken", pixel, f"shift:{y * factor},{x * factor}")).right
    assert score.judge(prepared, answer("mistaken", f"shift:{y * factor + 0.02},{x * factor}", pixel)).right
    for other in (f"shift:{y / factor},{x / factor}", f"shift:{y * factor + 0.5},{x * factor}", f"shift:{-y},{-x}"):
        assert not score.judge(prepared, answer("mistaken", pixel, other)).right
    assert not score.judge(prepared, answer("mistaken", "pixel-size:1.02", f"shift:{y * factor},{x * factor}")).right


def test_commitment_is_wrong_where_nothing_decides() -> None:
    flat = cases.prepare(1, plan.Spec(10, "flat object", ()))
    assert score.judge(flat, answer("cannot tell")).right
    assert not score.judge(flat, answer("as stated")).right
    assert not score.judge(flat, answer("unexplained")).right
    near = cases.prepare(1, plan.Spec(10, "near field", ()))
    assert score.judge(near, answer("unexplained")).right
    assert not score.judge(near, answer("mistaken", "order:shuffled")).right


def test_an_engine_that_raises_is_wrong_and_the_rest_goes_on(tmp_path: Path) -> None:
    def broken(path: Path) -> Answer:
        raise RuntimeError(path.name)

    (tmp_path / "files").mkdir()
    spec = spec_of("negated-y")
    record = run.judge_file(1, spec, tmp_path, None, broken)
    assert (record["right"], record["answer"]) == (False, "crashed")
    assert [*run.judge_files(1, [spec], tmp_path, 1, None)] == [record], "a verdict that lies there is not made again"


def test_figures_are_kept_apart() -> None:
    def record(right: bool, said: str, identifiable: bool, group: str) -> dict[str, Any]:
        traits = {"dose": 1e4, "N": 32, "object": "cells"}
        fields = {"right": right, "answer": said, "identifiable": identifiable, "group": group, "traits": traits}
        return fields | {"truth": "negated-y", "kinds": ["negated-y"], "wall_s": 2.0, "number": 0}

    figures = report.summary(
        [
            record(True, "negated-y", True, "single"),
            record(False, "cannot tell", True, "single"),
            record(False, "negated-x", True, "single"),
            record(True, "cannot tell", False, "flat object"),
            record(False, "as stated", False, "flat object"),
        ]
    )
    assert figures["right"] == pytest.approx(2 / 5)
    assert figures["identifiable"] == pytest.approx(
        {"files": 3, "right": 1 / 3, "abstained": 1 / 3, "named another": 1 / 3}
    )
    assert figures["not identifiable"] == {"files": 2, "right": 0.5, "committed": 0.5}
    assert figures["by mistake"]["negated-y"] == {"files": 3, "right": 1, "abstained": 1, "wrong": 1}
    assert {"truth": "negated-y", "answer": "negated-x", "files": 1} in figures["confusions"]
    assert "| negated-y | negated-x | 1 |" in report.markdown(figures)


@pytest.mark.slow
def test_the_engine_names_the_truth_in_99_of_100_files(tmp_path: Path) -> None:
    """All 500 files; about the time of 500 diagnoses."""
    command = [sys.executable, "-m", "benchmarks.diagnosis", "--files", "500", "--jobs", "2", "--out", str(tmp_path)]
    finished = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
