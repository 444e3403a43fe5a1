"""Laws of the resampling matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_adapters.evaluation.interpolation import apply, footprint_matrix, kernel_matrix

SIZES = st.integers(1, 60)
STRETCHES = st.floats(1.0, 4.0)


@given(size=SIZES, stretch=STRETCHES, where=st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=8))
def test_constants_survive(size: int, stretch: float, where: list[float]) -> None:
    positions = np.array(where) * (size - 1)
    np.testing.assert_allclose(kernel_matrix(size, positions, stretch) @ np.ones(size), 1.0, atol=1e-10)


@given(size=st.integers(40, 60), position=st.floats(0, 1))
def test_straight_lines_survive_up_to_the_ends(size: int, position: float) -> None:
    at = np.array([position * (size - 1)])
    np.testing.assert_allclose(kernel_matrix(size, at) @ np.arange(size), at, atol=0.03)


@given(size=SIZES)
def test_whole_positions_copy(size: int) -> None:
    everywhere = np.arange(size, dtype=np.float64)
    np.testing.assert_allclose(kernel_matrix(size, everywhere).toarray(), np.eye(size), atol=1e-14)
    np.testing.assert_array_equal(footprint_matrix(size, everywhere).toarray(), np.eye(size))


@pytest.mark.parametrize(("frequency", "error"), [(0.1, 1e-3), (0.25, 1e-3), (0.35, 1e-3), (0.4, 0.03)])
def test_detail_survives_half_a_pixel(frequency: float, error: float) -> None:
    at = np.arange(100.5, 200.0)
    wave = np.exp(2j * np.pi * frequency * np.arange(300))
    shifted = kernel_matrix(300, at) @ wave
    assert np.abs(shifted - np.exp(2j * np.pi * frequency * at)).max() < error


def test_stretching_removes_what_the_coarse_grid_cannot_hold() -> None:
    at = np.arange(50, 250, 4.0)
    fine = np.cos(2 * np.pi * 0.3 * np.arange(300))
    assert np.abs(kernel_matrix(300, at, 4.0) @ fine).max() < 0.01
    assert np.abs(kernel_matrix(300, at) @ fine).max() > 0.9


@given(size=SIZES, stretch=STRETCHES, position=st.floats(-3, 63))
def test_footprint_is_a_share_of_what_lies_inside(size: int, stretch: float, position: float) -> None:
    row = footprint_matrix(size, np.array([position]), stretch).toarray()[0]
    assert row.min() >= 0
    assert row.sum() <= 1 + 1e-12
    if stretch <= position <= size - 1 - stretch:
        assert row.sum() == pytest.approx(1)
    if position < -1 or position > size:
        assert stretch > 1 or row.sum() == 0


def test_axes_are_rows_then_columns() -> None:
    image = np.arange(12.0).reshape(3, 4)
    rows, columns = kernel_matrix(3, np.array([2.0])), kernel_matrix(4, np.array([0.0, 3.0]))
    np.testing.assert_allclose(apply(rows, columns, image), [[8.0, 11.0]], atol=1e-12)
