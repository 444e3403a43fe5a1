"""What the diagnosis is made of, each against the plain way to compute it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulated import gaussian_probe, structured_object

from ptycho_contracts.codes import all_codes
from ptycho_contracts.physics.agreement import unit
from ptycho_contracts.physics.diagnosis.atlas import Chart
from ptycho_contracts.physics.diagnosis.changes import Change, in_order
from ptycho_contracts.physics.diagnosis.contest import SURE_SIGMA, worse
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Op, Order, Values, relative_probe
from ptycho_contracts.physics.diagnosis.predict import Predictor, bright_frequencies
from ptycho_contracts.physics.diagnosis.space import OBJECTS, PROBES, all_values, named_orders
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.diagnosis.turns import TURNS, Turn
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import Patterns

N = 24
OBJECT = structured_object((61, 74), 3)
PROBE = np.stack([gaussian_probe(N, (10.3, 12.1)), 0.4 * gaussian_probe(N, (13.0, 9.5))])
turns = st.sampled_from(list(TURNS.values()))


class NoPatterns:
    count = 0

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        raise NotImplementedError

    def blocks(self) -> object:
        raise NotImplementedError


def subject(n: int = N) -> Subject:
    nothing: Patterns = NoPatterns()  # type: ignore[assignment]
    return Subject(nothing, np.zeros((5, 2)), OBJECT, PROBE[:, :n, :n], frames=centred_frames(n))


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("transposed", lambda a: a.T),
        ("flipped-y", lambda a: np.flip(a, 0)),
        ("flipped-x", lambda a: np.flip(a, 1)),
        ("rotated-180", lambda a: np.rot90(a, 2)),
        ("rotated-90", lambda a: np.rot90(a, 1)),
        ("rotated-270", lambda a: np.rot90(a, 3)),
        ("anti-transposed", lambda a: np.rot90(a.T, 2)),
    ],
)
def test_turns_are_numpys(name: str, turned: object) -> None:
    array = np.arange(12).reshape(3, 4)
    assert callable(turned)
    np.testing.assert_array_equal(TURNS[name].of(array), turned(array))


@given(turns, turns)
def test_turns_follow_each_other_as_matrices_do(first: Turn, second: Turn) -> None:
    array = np.arange(20).reshape(4, 5)
    np.testing.assert_array_equal((second @ first).of(array), second.of(first.of(array)))
    np.testing.assert_array_equal(first.inverse.of(first.of(array)), array)


@given(turns)
def test_a_turn_moves_indices_about_the_middle(turn: Turn) -> None:
    array = np.arange(20).reshape(4, 5)
    turned = turn.of(array)
    middle, turned_middle = (np.array(a.shape) / 2 - 0.5 for a in (array, turned))
    for index, value in np.ndenumerate(array):
        y, x = (turn.array @ (np.array(index) - middle) + turned_middle).astype(int)
        assert turned[y, x] == value


def every_slug() -> list[str]:
    return [
        *("swapped-axes", "negated-y", "negated-x", "frame:half-size", "pixel-size:1.05", "shift:1.5,-2"),
        *(f"order:{name}" for name in ("reversed", "columns-first", "snake", "shuffled")),
        *(f"patterns:{name}" for name in (*list(TURNS)[1:], "corner", "amplitude", "intensity")),
        *(f"object:{name}" for name in ("conjugated", "transposed", "flipped-y", "flipped-x", "rotated-180")),
        *("probe:transposed", "probe:conjugated", "probe-scale:0.5"),
    ]


@pytest.mark.parametrize("slug", every_slug())
def test_a_slug_says_what_the_change_is(slug: str) -> None:
    change = Change.parse(slug)
    assert change.slug == slug
    assert change.meaning
    assert change.code.id in all_codes()


@pytest.mark.parametrize(
    "slug", ["", "upside-down", "patterns:mirrored", "shift:1", "shift:a,b", "frame", "negated-y:2"]
)
def test_what_is_no_change_is_refused(slug: str) -> None:
    with pytest.raises(ValueError):
        Change.parse(slug)


@pytest.mark.parametrize("geometry", [Geometry(o, p, t) for o in OBJECTS for p in PROBES[:2] for t in TURNS.values()])
def test_a_geometry_tells_its_changes_in_the_order_of_the_vocabulary(geometry: Geometry) -> None:
    assert geometry.changes == in_order(geometry.changes)
    assert all(change.slug in every_slug() for change in geometry.changes)


def stored_pattern(true: NDArray[np.float64], values: Values) -> NDArray[np.float64]:
    """A pattern as `values` say that it is stored, in plain numpy."""
    n = true.shape[-1]
    centred = np.fft.fftshift(true)
    if values.about_array:
        stored = values.turn.of(centred)
        return np.fft.ifftshift(stored) if values.corner else stored
    # About the zero frequency: turned as a periodic array whose element [0, 0] stays.
    moved = np.empty_like(true)
    for y in range(n):
        for x in range(n):
            v, u = values.turn.array @ np.array([y, x]) % n
            moved[v, u] = true[y, x]
    return moved if values.corner else np.fft.fftshift(moved)


@pytest.mark.parametrize("n", [6, 7])
def test_values_find_every_frequency_of_a_stored_pattern(n: int) -> None:
    """Up to the array flip of a corner pattern, which may be done before or after the zero frequency is moved."""
    true = np.random.default_rng(n).random((n, n))
    line = np.arange(n) - n // 2
    frequencies = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    expected = true[frequencies[:, 0], frequencies[:, 1]]
    for values in all_values(n):
        stored = stored_pattern(true, values)
        if values.corner and values.about_array and n % 2:
            stored = values.turn.of(np.fft.ifftshift(np.fft.fftshift(true)))
        found = stored.reshape(-1)[values.pixels(frequencies, n, Op())]
        np.testing.assert_array_equal(found, expected, str(values))


@pytest.mark.parametrize("object_", OBJECTS)
@pytest.mark.parametrize("probe", PROBES)
def test_a_turned_file_is_predicted_in_the_object_as_it_is_stored(object_: Op, probe: Op) -> None:
    """The pattern of the true object and probe, at the frequencies of the stored ones."""
    centre = np.array([[30.25, 36.5]])
    true = ForwardModel(OBJECT[None], PROBE).amplitudes(Places(np.zeros(1, np.intp), centre))[0]
    stored_object, stored_probe = (
        np.conj(op.turn.of(a)) if op.conjugated else op.turn.of(a) for op, a in ((object_, OBJECT), (probe, PROBE))
    )
    asked = replace(subject(), object=stored_object, probe=stored_probe, frame="array-corner", centred_px=centre)
    geometry = Geometry(object_, probe)
    frequencies = bright_frequencies(asked.object, asked.probe, 200)
    predictor = Predictor(asked.object, relative_probe(asked.probe, geometry.relative), frequencies)
    predicted = predictor.amplitudes(geometry.centres_px(asked, np.array([0])))[0]
    found = true.reshape(-1)[Values("amplitude").pixels(frequencies, N, object_)]
    np.testing.assert_allclose(predicted, found, rtol=2e-3, atol=2e-3 * found.max())


def test_bright_frequencies_are_closed_under_every_turn() -> None:
    for n in (23, 24):
        found = bright_frequencies(OBJECT, PROBE[:, :n, :n], 120)
        every = {tuple(f) for f in (found % n).tolist()}
        for turn in TURNS.values():
            assert {tuple(f) for f in ((found @ turn.array.T) % n).tolist()} == every


def test_predictions_are_those_of_the_forward_model() -> None:
    frequencies = bright_frequencies(OBJECT, PROBE, 150)
    pixels = (frequencies[:, 0] + N // 2) * N + frequencies[:, 1] + N // 2
    centres = np.random.default_rng(0).uniform(N / 2, 45, (40, 2))
    expected = ForwardModel(OBJECT[None], PROBE).amplitudes(Places(np.zeros(40, np.intp), centres), pixels)
    found = Predictor(OBJECT, PROBE, frequencies).amplitudes(centres)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.max())


@pytest.mark.parametrize("relative", [Op(), Op(TURNS["rotated-90"], conjugated=True)])
def test_a_chart_predicts_every_place_at_once(relative: Op) -> None:
    asked = subject()
    frequencies = bright_frequencies(OBJECT, PROBE, 60)
    chart = Chart(asked, relative, frequencies)
    at = np.stack(np.meshgrid(*map(np.arange, chart.size), indexing="ij"), axis=-1).reshape(-1, 2)
    predictor = Predictor(OBJECT, relative_probe(PROBE, relative), frequencies)
    expected = unit(predictor.amplitudes(chart.start + chart.step * at))
    np.testing.assert_allclose(chart.signatures.T, expected, atol=1e-5)


@pytest.mark.parametrize("order", named_orders(24))
def test_a_named_order_is_undone(order: Order) -> None:
    true = np.arange(24)
    if order.name == "reversed":
        stored = true[::-1]
    elif order.name == "columns-first":
        stored = true.reshape(-1, order.columns).T.reshape(-1)
    else:
        stored = np.concatenate(
            [row[::-1] if k % 2 == order.first else row for k, row in enumerate(true.reshape(-1, order.columns))]
        )
    np.testing.assert_array_equal(stored[order.rows(24)], true)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.02))
def test_worse_is_told_from_noise(seed: int, gap: float) -> None:
    """Residuals of equal noise are never surely worse; a gap that noise cannot make is."""
    rng = np.random.default_rng(seed)
    best, noise = 0.01 + 0.0002 * rng.standard_normal(48), 0.0002 * rng.standard_normal(48)
    assert worse(best, best, 1024) == 0
    assert (worse(best, best + gap + noise, 1024) >= SURE_SIGMA) == (gap > 0.0001) or gap < 0.0005
