from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_adapters.assembly import Assembled, Stitching, assemble

NONE = Stitching(crop_px=0, pad_px=0)


def random_object(shape: tuple[int, int], seed: int = 0) -> NDArray[np.complex64]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape) + 2).astype(np.complex64)


def smooth_object(size: int) -> NDArray[np.complex128]:
    """Band-limited well below the Nyquist frequency, and periodic."""
    f = np.fft.fftfreq(size)
    band = np.exp(-((f[:, None] ** 2 + f**2) / 0.06**2))
    field = np.fft.ifft2(np.fft.fft2(random_object((size, size)) - 2) * band)
    smooth: NDArray[np.complex128] = 1 + field / np.abs(field).mean()
    return smooth


def cut(field: NDArray[np.complexfloating], corner: NDArray[np.floating], n: int) -> NDArray[np.complex64]:
    """A patch whose element [0, 0] lies at `corner`, by a Fourier shift of the whole periodic object."""
    whole = np.floor(corner).astype(int)
    f = np.fft.fftfreq(len(field))
    fy, fx = corner - whole
    ramp = np.exp(2j * np.pi * (f[:, None] * fy + f * fx))
    moved = np.fft.ifft2(np.fft.fft2(field) * ramp)
    return moved[whole[0] : whole[0] + n, whole[1] : whole[1] + n].astype(np.complex64)


@given(
    n=st.integers(3, 9),
    margins=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    count=st.integers(1, 12),
    seed=st.integers(0, 2**16),
    weighted=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_patches_cut_from_an_object_return_it(
    n: int, margins: tuple[int, int], count: int, seed: int, weighted: bool
) -> None:
    n += 2 * sum(margins)
    rng = np.random.default_rng(seed)
    truth = random_object((23 + n, 19 + n), seed)
    corners = rng.integers(0, (23, 19), (count, 2), endpoint=True)
    patches = np.stack([truth[y : y + n, x : x + n] for y, x in corners])
    weight = rng.uniform(0.1, 1, (n, n)) if weighted else None
    stitching = Stitching(crop_px=margins[0], pad_px=margins[1])
    done = assemble(patches, corners + (n - 1) / 2, truth.shape, stitching, weight)
    margin, expected = sum(margins), np.zeros(truth.shape)
    for y, x in corners:
        expected[y + margin : y + n - margin, x + margin : x + n - margin] += 1
    np.testing.assert_array_equal(done.occupancy, expected)
    covered = expected > 0
    np.testing.assert_allclose(done.field[covered], truth[covered], rtol=3e-7, atol=0)
    assert not done.field[~covered].any()
    assert [done.field.dtype.name, done.occupancy.dtype.name] == ["complex64", "float32"]
    assert done.off_canvas_px == 0
    np.testing.assert_array_equal(done.origin_px, [0, 0])


@pytest.mark.parametrize(
    ("stitching", "n", "mean_error", "largest"),
    [(Stitching(), 256, 1e-4, 1e-3), (Stitching(crop_px=8, pad_px=8), 64, 1e-3, 1e-2)],
)
def test_sub_pixel_positions(stitching: Stitching, n: int, mean_error: float, largest: float) -> None:
    truth = smooth_object(320)
    corners = np.random.default_rng(1).uniform(2, 318 - n, (12, 2))
    patches = np.stack([cut(truth, corner, n) for corner in corners])
    done = assemble(patches, corners + (n - 1) / 2, (320, 320), stitching)
    error = np.abs(done.field - truth)[done.occupancy > 0]
    assert error.mean() < mean_error
    assert error.max() < largest
    misplaced = assemble(patches, np.floor(corners) + (n - 1) / 2, (320, 320), stitching)
    assert np.abs(misplaced.field - truth)[misplaced.occupancy > 0].mean() > 30 * mean_error


def test_overlaps_average_the_complex_field() -> None:
    """Phases on both sides of ±π average to π; apart from the amplitude they would average to 0."""
    phases = np.array([np.pi - 0.1, -np.pi + 0.1])
    patches = np.exp(1j * phases)[:, None, None] * np.ones((2, 4, 4))
    done = assemble(patches, np.full((2, 2), 1.5), (4, 4), NONE)
    np.testing.assert_allclose(done.field, -np.cos(0.1), atol=1e-6)
    np.testing.assert_array_equal(done.occupancy, 2)


def test_weights_weigh_and_zero_leaves_out() -> None:
    weight = np.ones((4, 4))
    weight[0] = 0
    patches = np.stack([np.full((4, 4), 1.0 + 0j), np.full((4, 4), 4.0 + 0j)])
    done = assemble(patches, np.array([[1.5, 1.5], [2.5, 1.5]]), (5, 4), NONE, weight)
    np.testing.assert_array_equal(done.occupancy[:, 0], [0, 1, 2, 2, 1])
    np.testing.assert_allclose(done.field[:, 0], [0, 1, 2.5, 2.5, 4])
    graded = np.repeat([[3.0], [3.0], [1.0], [1.0]], 4, axis=1)
    done = assemble(patches, np.array([[1.5, 1.5], [2.5, 1.5]]), (5, 4), NONE, graded)
    np.testing.assert_allclose(done.field[2, 0], (1 * 1 + 3 * 4) / 4)


def test_parts_outside_the_canvas_are_counted() -> None:
    done = assemble(np.ones((2, 4, 4), np.complex64), np.array([[0.5, 1.5], [-50, 1.5]]), (6, 6), NONE)
    assert done.off_canvas_px == 4 + 16
    np.testing.assert_array_equal(done.occupancy, np.pad(np.ones((3, 4)), ((0, 3), (0, 2))))


def test_trimmed_to_what_is_covered() -> None:
    truth = random_object((20, 30))
    done = assemble(truth[None, 5:9, 11:15], np.array([[6.5, 12.5]]), (20, 30), NONE).trimmed()
    np.testing.assert_array_equal(done.field, truth[5:9, 11:15])
    np.testing.assert_array_equal(done.origin_px, [5, 11])


def blocks(count: int, n: int, size: int) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    for start in range(0, count, size):
        yield start, np.ones((min(size, count - start), n, n), np.complex64)


def test_blocks_and_an_array_are_the_same() -> None:
    rng = np.random.default_rng(2)
    patches, centres = random_object((50, 12 * 12)).reshape(50, 12, 12), rng.uniform(6, 20, (50, 2))
    stitching = Stitching(crop_px=1, pad_px=2)
    whole = assemble(patches, centres, (26, 26), stitching)
    parts = assemble(((k, patches[k : k + 7]) for k in range(0, 50, 7)), centres, (26, 26), stitching)
    np.testing.assert_array_equal(whole.field, parts.field)
    np.testing.assert_array_equal(whole.occupancy, parts.occupancy)


def test_memory_does_not_grow_with_the_number_of_patches() -> None:
    def peak(count: int) -> int:
        centres = np.random.default_rng(0).uniform(20, 40, (count, 2))
        tracemalloc.start()
        assemble(blocks(count, 32, 16), centres, (64, 64), Stitching(crop_px=4, pad_px=4))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(32)
    assert peak(800) < peak(80) + 100_000


ONE = np.ones((1, 8, 8), np.complex64)
CENTRE = np.array([[3.5, 3.5]])


@pytest.mark.parametrize(
    ("patches", "centres", "stitching", "weight", "message"),
    [
        (ONE, CENTRE, Stitching(crop_px=2, pad_px=2), None, "leaves nothing"),
        (ONE, CENTRE, Stitching(), None, "leaves nothing of a patch of 8 px"),
        (ONE, np.zeros((2, 2)), NONE, None, "1 patches came for 2 positions"),
        (np.ones((2, 8, 8), np.complex64), CENTRE, NONE, None, "do not follow"),
        ([(3, ONE)], CENTRE, NONE, None, "do not follow"),
        ([], CENTRE, NONE, None, "0 patches came"),
        (ONE, np.array([[np.nan, 0]]), NONE, None, "finite"),
        (ONE, CENTRE[0], NONE, None, r"\(k, 2\)"),
        (ONE * np.nan, CENTRE, NONE, None, "patch 0 is not finite"),
        (ONE[:, :4], CENTRE, NONE, None, r"\(k, n, n\)"),
        (ONE, CENTRE + 1e4, NONE, None, "no patch touches the canvas"),
        (ONE, CENTRE, NONE, np.ones((4, 4)), "weight"),
        (ONE, CENTRE, NONE, -np.ones((8, 8)), "not negative"),
        (ONE, CENTRE, NONE, np.zeros((8, 8)), "weight is 0"),
    ],
)
def test_refusals(patches: object, centres: object, stitching: Stitching, weight: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assemble(patches, centres, (12, 12), stitching, weight)  # type: ignore[arg-type]  # wrong types on purpose


def test_negative_margins_are_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Stitching(crop_px=-1)


def test_the_result_is_a_value() -> None:
    done = assemble(ONE, CENTRE, (12, 12), NONE)
    with pytest.raises(AttributeError):
        done.off_canvas_px = 3  # type: ignore[misc]
    assert isinstance(done, Assembled)
