"""Region, cut and resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.harmonize import Patch, Region, cut, region_of_scan, resample_pair
from ptycho_adapters.evaluation.reconstruction import Reconstruction


def smooth(shape: tuple[int, int], origin: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """A band-limited complex field, sampled from an origin in object pixels."""
    y, x = np.indices(shape, dtype=np.float64) + np.reshape(origin, (2, 1, 1))
    return np.asarray((2 + np.cos(0.7 * y + 0.3 * x)) * np.exp(1j * np.sin(0.4 * x - 0.2 * y)))


def everywhere(field: np.ndarray) -> Patch:
    return Patch(field.astype(np.complex128), np.ones(field.shape, dtype=np.bool_))


class TestRegion:
    def test_quarter_patch_around_the_centres(self) -> None:
        # Centres 127.5 … 227.5 with N = 256: 63.5 … 291.5, so whole pixels 64 … 291.
        positions = np.array([[127.5, 127.5], [227.5, 207.5]])
        assert region_of_scan(positions, 256, (360, 360)) == Region(64, 64, 228, 208)

    def test_stays_inside_the_object(self) -> None:
        assert region_of_scan(np.array([[10.0, 10.0], [90.0, 50.0]]), 64, (100, 61)) == Region(0, 0, 100, 61)

    @given(
        y=st.floats(32, 60),
        x=st.floats(32, 60),
        dy=st.floats(0, 60),
        dx=st.floats(0, 60),
        half=st.integers(2, 32),
    )
    def test_pixels_are_those_with_their_centre_in_the_box(
        self, y: float, x: float, dy: float, dx: float, half: int
    ) -> None:
        region = region_of_scan(np.array([[y, x], [y + dy, x + dx]]), 2 * half, (200, 200))
        for first, length, low, high in (
            (region.y, region.height, y, y + dy),
            (region.x, region.width, x, x + dx),
        ):
            assert first - 1 < low - half / 2 <= first
            assert first + length - 1 <= high + half / 2 < first + length

    @pytest.mark.parametrize("positions", [np.zeros((0, 2)), np.zeros(4), np.full((1, 2), np.nan)])
    def test_refuses_what_are_no_positions(self, positions: np.ndarray) -> None:
        with pytest.raises(EvaluationError, match="positions"):
            region_of_scan(positions, 64, (100, 100))

    def test_refuses_a_scan_beside_the_object(self) -> None:
        with pytest.raises(EvaluationError, match="empty"):
            region_of_scan(np.array([[500.0, 500.0]]), 64, (100, 100))


class TestReconstruction:
    def test_refuses_what_cannot_be_compared(self) -> None:
        field = np.ones((4, 4), complex)
        with pytest.raises(EvaluationError, match="2-D complex"):
            Reconstruction(field.real)
        with pytest.raises(EvaluationError, match="does not fit"):
            Reconstruction(field, occupancy=np.ones((4, 5)))
        with pytest.raises(EvaluationError, match="no pixel"):
            Reconstruction(field, occupancy=np.zeros((4, 4)))
        with pytest.raises(EvaluationError, match="origin_px"):
            Reconstruction(field, (np.nan, 0.0))

    def test_only_covered_pixels_have_to_be_finite(self) -> None:
        field = np.ones((4, 4), complex)
        field[0, 0] = np.nan
        with pytest.raises(EvaluationError, match="1 covered pixels"):
            Reconstruction(field)
        occupancy = np.ones((4, 4))
        occupancy[0, 0] = 0
        patch = cut(Reconstruction(field, (0.0, 0.0), occupancy), Region(0, 0, 4, 4))
        assert np.isfinite(patch.field).all()
        assert not patch.valid[0, 0]


class TestCut:
    @given(oy=st.integers(-20, 20), ox=st.integers(-20, 20))
    def test_whole_pixels_are_copied(self, oy: int, ox: int) -> None:
        whole = smooth((60, 70))
        region = Region(10, 15, 30, 25)
        patch = cut(Reconstruction(smooth((60, 70), (oy, ox)), (float(oy), float(ox))), region)
        seen_y = (np.arange(10, 40) >= oy) & (np.arange(10, 40) < 60 + oy)
        seen_x = (np.arange(15, 40) >= ox) & (np.arange(15, 40) < 70 + ox)
        np.testing.assert_array_equal(patch.valid, np.outer(seen_y, seen_x))
        np.testing.assert_allclose(patch.field[patch.valid], whole[10:40, 15:40][patch.valid], atol=1e-12)

    @given(oy=st.floats(-3, 3), ox=st.floats(-3, 3))
    def test_fractional_origins_are_interpolated(self, oy: float, ox: float) -> None:
        patch = cut(Reconstruction(smooth((80, 80), (oy, ox)), (oy, ox)), Region(20, 20, 40, 40))
        assert patch.valid.all()
        np.testing.assert_allclose(patch.field, smooth((40, 40), (20, 20)), atol=6e-3)

    def test_a_shift_is_a_correction_of_the_origin(self) -> None:
        source = Reconstruction(smooth((50, 50)), (0.0, 0.0))
        moved = Reconstruction(source.field, (-1.25, 2.5))
        region = Region(10, 10, 20, 20)
        np.testing.assert_allclose(cut(source, region, (1.25, -2.5)).field, cut(moved, region).field, atol=1e-12)

    def test_what_lies_in_uncovered_pixels_has_no_influence(self) -> None:
        occupancy = np.ones((50, 50))
        occupancy[20:25, 18:30] = 0
        patches = []
        for junk in (0, 1e6):
            field = np.where(occupancy > 0, smooth((50, 50)), junk)
            patches.append(cut(Reconstruction(field, (0.5, 0.25), occupancy), Region(10, 10, 30, 30)))
        np.testing.assert_array_equal(patches[0].field, patches[1].field)
        # Half a pixel off, a row of neighbours more is lost on one side: 5 + 1 rows, 12 + 1 columns.
        assert np.count_nonzero(~patches[0].valid) == 6 * 13

    def test_needs_an_origin(self) -> None:
        with pytest.raises(EvaluationError, match="register"):
            cut(Reconstruction(smooth((9, 9))), Region(0, 0, 9, 9))


class TestResample:
    @pytest.mark.parametrize("shape", [(256, 256), (40, 60), (23, 91)])
    def test_equal_patches_stay_equal(self, shape: tuple[int, int]) -> None:
        patch = everywhere(smooth((60, 80)))
        holed = Patch(patch.field.copy(), patch.valid.copy())
        holed.field[10:20, 30:50] = -7
        holed.valid[10:20, 30:50] = False
        recon, truth = resample_pair(holed, patch, shape)
        assert recon.field.shape == truth.valid.shape == shape
        np.testing.assert_array_equal(recon.field, truth.field)
        # At most one pixel of the coarser grid more than the hole is lost on each side.
        rim_y, rim_x = max(1, 60 / shape[0]) + 60 / shape[0], max(1, 80 / shape[1]) + 80 / shape[1]
        lost = np.count_nonzero(~recon.valid) / recon.valid.size * 60 * 80
        assert 10 * 20 <= lost <= (10 + 2 * rim_y) * (20 + 2 * rim_x)
        np.testing.assert_array_equal(recon.valid, truth.valid)

    def test_same_grid_copies(self) -> None:
        patch = everywhere(smooth((30, 40)))
        recon, _ = resample_pair(patch, patch, (30, 40))
        np.testing.assert_allclose(recon.field, patch.field, atol=1e-12)
        assert recon.valid.all()

    @pytest.mark.parametrize("shape", [(256, 256), (60, 30)])
    def test_samples_lie_at_pixel_centres(self, shape: tuple[int, int]) -> None:
        y, x = np.indices((120, 90), dtype=np.float64)
        recon, _ = resample_pair(everywhere(y + 1j * x), everywhere(y + 1j * x), shape)
        expected_y = (np.arange(shape[0]) + 0.5) * 120 / shape[0] - 0.5
        expected_x = (np.arange(shape[1]) + 0.5) * 90 / shape[1] - 0.5
        np.testing.assert_allclose(recon.field.real, np.tile(expected_y[:, None], shape[1]), atol=0.15)
        np.testing.assert_allclose(recon.field.imag, np.tile(expected_x, (shape[0], 1)), atol=0.15)
        inner = (slice(shape[0] // 4, -shape[0] // 4), slice(shape[1] // 4, -shape[1] // 4))
        np.testing.assert_allclose(recon.field[inner], (expected_y[:, None] + 1j * expected_x)[inner], atol=2e-2)

    def test_shrinking_does_not_alias(self) -> None:
        stripes = everywhere(np.exp(2j * np.pi * 0.4 * np.arange(512))[:, None] * np.ones((1, 8)))
        recon, _ = resample_pair(stripes, stripes, (128, 8))
        assert np.abs(recon.field[16:-16]).max() < 0.01

    def test_growing_keeps_the_field(self) -> None:
        patch = everywhere(smooth((100, 100)))
        grown, _ = resample_pair(patch, patch, (200, 200))
        # Even outputs lie a quarter pixel before an input pixel, odd ones a quarter behind it.
        for start, offset in ((0, -0.25), (1, 0.25)):
            wanted = smooth((100, 100), (offset, offset))
            np.testing.assert_allclose(
                grown.field[start::2, start::2][10:-10, 10:-10], wanted[10:-10, 10:-10], atol=6e-3
            )
