"""Numbers of a measured file, and how far apart its scan points typically are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured_files import DISTANCE_M, PIXEL_M, N, cxi_members, ptylab_members, write

from ptycho_contracts.measured.cxi import cxi_geometry
from ptycho_contracts.measured.geometry import number, possible_energy_eV, typical_step
from ptycho_contracts.measured.ptylab import ptylab_geometry
from ptycho_contracts.sources.hdf5 import Hdf5Source


@given(st.integers(0, 2**32 - 1), st.floats(1e-9, 1e-3), st.floats(0.5, 3.0))
def test_steps_know_no_origin_order_or_unit(seed: int, metre: float, ratio: float) -> None:
    rng = np.random.default_rng(seed)
    points, window = rng.uniform(0, 10, (12, 2)), np.array([2.0, 2.0 * ratio])
    step = typical_step(points, window)
    moved = rng.permutation(points) + rng.uniform(-5, 5, 2)
    assert typical_step(moved * metre, window * metre) == pytest.approx(step, rel=1e-6)
    assert typical_step(points / 2, window) == pytest.approx(0.5 * (step or np.nan))


def test_steps_of_a_grid_and_of_points_taken_twice() -> None:
    grid = np.stack(np.meshgrid(np.arange(5.0) * 3, np.arange(4.0) * 7, indexing="ij"), -1).reshape(-1, 2)
    assert typical_step(np.tile(grid, (2, 1)), np.array([6.0, 70.0])) == pytest.approx(0.1)
    assert typical_step(np.vstack([grid, [[np.nan, 0.0]]]), np.array([6.0, 7.0])) == pytest.approx(0.5)
    assert typical_step(np.ones((3, 2)), np.ones(2)) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, 2.0),
        (np.array([[2.5]]), 2.5),
        (np.float32(0.5), 0.5),
        (0.0, None),
        (-1.0, None),
        (np.nan, None),
        (np.inf, None),
        ("2 m", None),
        (np.array([1.0, 2.0]), None),
        (1j, None),
        (True, None),
    ],
)
def test_a_number_is_one_positive_finite_real(tmp_path: Path, value: Any, expected: float | None) -> None:
    with Hdf5Source(write(tmp_path / "file.hdf5", {"zo": value}), "ptylab") as source:
        assert number(source, "zo") == expected
        assert number(source, "absent") is None


def test_a_patch_is_as_many_pixels_as_a_pattern(tmp_path: Path) -> None:
    for name, members, geometry in (
        ("a.cxi", cxi_members(), cxi_geometry),
        ("b.hdf5", ptylab_members(), ptylab_geometry),
    ):
        with Hdf5Source(write(tmp_path / name, members)) as source:
            found = geometry(source)
            assert found.distance_m == DISTANCE_M
            np.testing.assert_allclose(found.patch_m(), [N * PIXEL_M] * 2, rtol=1e-9)
            np.testing.assert_allclose(found.detector_m(), [N * 75e-6] * 2, rtol=1e-9)


@pytest.mark.parametrize(
    ("energy", "possible"), [(None, False), (0.05, False), (91.0, True), (3e5, True), (1e19, False)]
)
def test_energies_of_ptychography(energy: float | None, possible: bool) -> None:
    assert possible_energy_eV(energy) == (energy if possible else None)
