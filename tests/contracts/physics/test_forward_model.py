"""The forward model against sums written out: whole and part pixels, modes, canvas edges, energies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulated import Complex, gaussian_probe, intensity, structured_object

from ptycho_contracts.physics.forward import ForwardModel, Places, fourier_shift

N = 16
CANVAS = (41, 52)
OBJECTS = np.stack([structured_object(CANVAS, seed) for seed in (1, 2)])
MODES = np.stack([gaussian_probe(N), 0.4 * np.roll(gaussian_probe(N), 2, axis=0) * 1j])
corners = st.tuples(st.integers(0, CANVAS[0] - N), st.integers(0, CANVAS[1] - N))
anywhere = st.tuples(st.integers(-2 * N, CANVAS[0] + N), st.integers(-2 * N, CANVAS[1] + N))


def places(corner: list[tuple[float, float]], index: list[int]) -> Places:
    return Places(np.array(index, np.intp), np.array(corner, np.float64).reshape(-1, 2) + (N - 1) / 2)


def naive(obj: Complex, probes: Complex, corner: tuple[int, int]) -> NDArray[np.float64]:
    """Σ_modes |fftshift(fft2(patch·probe))|² with zeros where the patch leaves the canvas, pixel by pixel."""
    patch = np.zeros((N, N), complex)
    for i in range(N):
        for j in range(N):
            y, x = corner[0] + i, corner[1] + j
            if 0 <= y < obj.shape[0] and 0 <= x < obj.shape[1]:
                patch[i, j] = obj[y, x]
    return np.asarray(sum(intensity(patch, probe) for probe in probes))


def assert_close(predicted: NDArray[np.float32], expected: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(predicted, expected, atol=2e-5 * max(1e-3, float(expected.max())), rtol=0)


@settings(max_examples=40, deadline=None)
@given(corner=anywhere, index=st.integers(0, 1), modes=st.integers(1, 2))
def test_whole_pixels_any_mode_any_edge(corner: tuple[int, int], index: int, modes: int) -> None:
    model = ForwardModel(OBJECTS, MODES[:modes])
    predicted = model.amplitudes(places([corner], [index]))
    assert predicted.shape == (1, N, N)
    assert_close(predicted[0], np.sqrt(naive(OBJECTS[index], MODES[:modes], corner)))


@settings(max_examples=40, deadline=None)
@given(corner=corners, shift=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_part_pixels_move_the_probe_over_the_object(corner: tuple[int, int], shift: tuple[float, float]) -> None:
    """A smooth probe is known between pixels, so that the moved one can be written down instead of shifted."""
    y, x = corner
    sigma = N / 8
    model = ForwardModel(OBJECTS[:1], gaussian_probe(N, sigma=sigma)[None])
    centre = ((N - 1) / 2 + shift[0], (N - 1) / 2 + shift[1])
    expected = intensity(OBJECTS[0][y : y + N, x : x + N], gaussian_probe(N, centre, sigma))
    predicted = model.amplitudes(places([(y + shift[0], x + shift[1])], [0]))[0]
    # What of such a probe lies beyond the Nyquist frequency, or the edge of the patch, no shift can know.
    np.testing.assert_allclose(predicted, np.sqrt(expected), atol=0.002 * float(np.sqrt(expected).max()), rtol=0)


@settings(max_examples=20, deadline=None)
@given(st.lists(corners, min_size=1, max_size=70))
def test_batches_and_chosen_pixels_change_nothing(found: list[tuple[int, int]]) -> None:
    model = ForwardModel(OBJECTS, MODES)
    where = places(list(found), [k % 2 for k in range(len(found))])
    pixels = np.unique(np.random.default_rng(len(found)).integers(0, N * N, 30)).astype(np.intp)
    whole = model.amplitudes(where)
    np.testing.assert_array_equal(model.amplitudes(where, pixels), whole.reshape(len(found), -1)[:, pixels])
    alone = np.concatenate([model.amplitudes(where.take(slice(k, k + 1))) for k in range(len(found))])
    np.testing.assert_allclose(whole, alone, rtol=1e-5, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(corner=anywhere, index=st.integers(0, 1))
def test_energies_are_the_sums_of_the_patterns(corner: tuple[int, int], index: int) -> None:
    model = ForwardModel(OBJECTS, MODES)
    where = places([corner], [index])
    expected = naive(OBJECTS[index], MODES, corner).sum()
    np.testing.assert_allclose(model.energies(where), expected, rtol=1e-5, atol=1e-3)


@settings(deadline=None)
@given(shift=st.tuples(st.integers(-20, 20), st.integers(-20, 20)))
def test_a_fourier_shift_by_whole_pixels_rolls(shift: tuple[int, int]) -> None:
    moved = fourier_shift(MODES[0], shift)
    np.testing.assert_allclose(moved, np.roll(MODES[0], shift, axis=(0, 1)), atol=1e-6)


def test_forms_that_are_no_model_are_refused() -> None:
    with pytest.raises(ValueError, match="square probe"):
        ForwardModel(OBJECTS, MODES[:, :, :-1])
    with pytest.raises(ValueError, match="objects"):
        ForwardModel(OBJECTS[0], MODES)
