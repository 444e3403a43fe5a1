"""The origins of every tool, as the tools were seen to use them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_contracts.physics.frames import FRAMES, PTYCHOVIT, to_centre_px, to_position_m

# Frame by frame: the origin for axes of 400, 401, 402 and 403 pixels. round_half_even(200.5) = 200, of 201.5 202.
SEEN = {
    "half-size": (200.0, 200.5, 201.0, 201.5),
    "geometric-centre": (199.5, 200.0, 200.5, 201.0),
    "ptychovit": (200.5, 200.5, 201.5, 202.5),
    "pty-chi-2.1": (199.5, 199.5, 200.5, 201.5),
}


@pytest.mark.parametrize("name", FRAMES)
def test_origins_are_those_that_the_tools_use(name: str) -> None:
    assert tuple(FRAMES[name].origin_px(size) for size in (400, 401, 402, 403)) == SEEN[name]


def test_position_0_on_400_pixels_is_rows_73_to_328_for_ptychovit() -> None:
    centre = float(to_centre_px(np.zeros(1), 1e-8, 400, PTYCHOVIT)[0])
    first = centre - (256 - 1) / 2
    assert (first, first + 255) == (73.0, 328.0)


@settings(deadline=None)
@given(
    position=st.floats(-1e3, 1e3),
    pixel_m=st.floats(1e-11, 1e-3),
    size=st.integers(1, 5000),
    name=st.sampled_from(sorted(FRAMES)),
)
def test_positions_and_centres_are_inverse(position: float, pixel_m: float, size: int, name: str) -> None:
    centre = to_centre_px(np.array([position * pixel_m]), pixel_m, size, FRAMES[name])
    assert centre[0] == pytest.approx(position + FRAMES[name].origin_px(size), abs=1e-9)
    back = to_position_m(centre, pixel_m, size, FRAMES[name])
    np.testing.assert_allclose(back, position * pixel_m, rtol=1e-9, atol=1e-9 * pixel_m)


@settings(deadline=None)
@given(st.integers(1, 5000))
def test_frames_differ_by_at_most_a_pixel_and_a_half(size: int) -> None:
    origins = [frame.origin_px(size) for frame in FRAMES.values()]
    assert max(origins) - min(origins) <= 1.5
