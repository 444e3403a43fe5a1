"""Profile `standard`: definitions, invariances, masks and missing numbers."""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from ptycho_adapters.evaluation.errors import EvaluationError, ImageTooSmallError
from ptycho_adapters.evaluation.metrics.frc import crossing, ring_correlation, soft_window
from ptycho_adapters.evaluation.metrics.result import MetricTable
from ptycho_adapters.evaluation.metrics.similarity import ms_ssim, ssim
from ptycho_adapters.evaluation.metrics.standard import standard

LineObject = Callable[..., NDArray[np.complex128]]
NAMES = ["mae", "mse", "psnr", "ssim", "ms_ssim", "pearson", "frc50", "frc1over7", "frc"]


def all_of(image: NDArray[Any]) -> NDArray[np.bool_]:
    return np.ones(image.shape, dtype=np.bool_)


def numbers(table: MetricTable, name: str) -> NDArray[np.float64]:
    return np.array(table.metrics[name], dtype=np.float64)


def white(seed: int, side: int = 192) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(side, side))


class TestTable:
    def test_equal_fields_are_perfect_and_leak_no_nan(self, lines: LineObject) -> None:
        truth = lines()
        table = standard(truth, truth, all_of(truth))
        json.dumps(table.metrics, allow_nan=False)
        assert sorted(table.metrics) == sorted(NAMES)
        assert table.metrics["mae"] == pytest.approx([0, 0], abs=1e-15)
        for name in ("ssim", "ms_ssim", "pearson"):
            assert table.metrics[name] == pytest.approx([1, 1])
        assert table.metrics["frc50"] == [0.5, 0.5]
        assert "frc50.phase" in table.notes
        assert table.metrics["psnr"] == [None, None]
        assert table.reasons == {
            f"psnr.{c}": "infinite: the images are equal within rounding" for c in ("amplitude", "phase")
        }

    def test_pixelwise_definitions(self, lines: LineObject) -> None:
        truth = lines()
        noisy = truth * (1 + 0.05 * white(1, 256)) * np.exp(0.1j * white(2, 256))
        metrics = standard(noisy, truth, all_of(truth)).metrics
        difference = np.abs(noisy) - np.abs(truth)
        turned = np.angle(noisy / truth)
        assert metrics["mae"] == pytest.approx([np.abs(difference).mean(), np.abs(turned).mean()])
        assert metrics["mse"] == pytest.approx([(difference**2).mean(), (turned**2).mean()])
        span = np.ptp(np.abs(truth))
        assert metrics["psnr"][0] == pytest.approx(10 * np.log10(span**2 / (difference**2).mean()))
        correlation = np.corrcoef(np.abs(noisy).ravel(), np.abs(truth).ravel())[0, 1]
        assert metrics["pearson"][0] == pytest.approx(correlation)

    @settings(max_examples=3, deadline=None)
    @given(turn=st.floats(-np.pi, np.pi))
    def test_a_phase_common_to_both_changes_nothing(self, lines: LineObject, turn: float) -> None:
        """Wherever the wrap of the angle falls, the phases are compared around the truth's circular mean."""
        truth = lines()
        noisy = truth * (1 + 0.05 * white(1, 256)) * np.exp(0.1j * white(2, 256))
        before = standard(noisy, truth, all_of(truth)).metrics
        after = standard(noisy * np.exp(1j * turn), truth * np.exp(1j * turn), all_of(truth)).metrics
        for name in NAMES[:-1]:
            assert after[name] == pytest.approx(before[name], rel=1e-6), name

    @settings(max_examples=3, deadline=None)
    @given(junk=st.complex_numbers(max_magnitude=1e6, allow_nan=False))
    def test_what_lies_in_masked_pixels_changes_nothing(self, lines: LineObject, junk: complex) -> None:
        truth = lines()
        noisy = truth * (1 + 0.05 * white(1, 256))
        valid = all_of(truth)
        valid[:30] = valid[200:, 220:] = False
        before = standard(noisy, truth, valid)
        after = standard(np.where(valid, noisy, junk), np.where(valid, truth, -junk), valid)
        assert before == after

    def test_flat_images_have_no_correlation(self, lines: LineObject) -> None:
        truth = lines()
        flat = np.full_like(truth, truth.mean())
        bad = standard(flat, truth, all_of(truth))
        assert bad.metrics["pearson"] == [None, None]
        assert bad.reasons["pearson.phase"] == "the reconstruction is flat in the compared region"
        assert (numbers(bad, "ssim") < 0.5).all()
        assert (numbers(bad, "frc50") < 0.01).all()
        reversed_roles = standard(truth, flat, all_of(truth))
        for name in ("psnr", "ssim", "ms_ssim", "pearson"):
            assert reversed_roles.reasons[f"{name}.amplitude"] == "the truth is flat in the compared region"
        neither = standard(flat, flat, all_of(truth))
        assert neither.metrics["frc50"] == [None, None]
        assert neither.reasons["frc.phase"] == "neither image has structure at these frequencies"

    def test_phase_objects_in_single_precision(self, lines: LineObject) -> None:
        truth = np.exp(1j * np.angle(lines())).astype(np.complex64).astype(np.complex128)
        noisy = truth * np.exp(0.05j * white(5, 256))
        table = standard(noisy, truth, all_of(truth))
        assert table.metrics["ssim"][0] is None
        assert numbers(table, "pearson")[1] > 0.9

    def test_small_images_have_reasons(self, lines: LineObject) -> None:
        truth = lines((100, 100))
        table = standard(truth, truth, all_of(truth))
        assert table.metrics["ms_ssim"] == [None, None]
        assert "scale 5 of 5" in table.reasons["ms_ssim.amplitude"]
        tiny = standard(truth[:5, :5], truth[:5, :5], all_of(truth[:5, :5]))
        assert "8 covered px" in tiny.reasons["frc50.phase"]
        assert tiny.metrics["mae"] == pytest.approx([0, 0], abs=1e-15)

    def test_refusals(self, lines: LineObject) -> None:
        truth = lines((32, 32))
        with pytest.raises(EvaluationError, match="one shape"):
            standard(truth, truth[1:], all_of(truth))
        with pytest.raises(EvaluationError, match="no pixel"):
            standard(truth, truth, ~all_of(truth))
        broken = truth.copy()
        broken[3, 3] = np.nan
        with pytest.raises(EvaluationError, match="not finite"):
            standard(broken, truth, all_of(truth))


class TestSimilarity:
    def test_full_coverage_is_scikit_image(self) -> None:
        image, reference = white(1), white(1) + white(2)
        wanted = structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image has no types
            image, reference, data_range=8.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert ssim(image, reference, all_of(image), 8.0) == pytest.approx(wanted)

    def test_missing_scikit_image_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "skimage.metrics", None)
        with pytest.raises(ImportError, match=r"ptycho-contracts\[metrics\]"):
            ssim(white(1), white(2), all_of(white(1)), 1.0)

    def test_luminance_counts_at_the_coarsest_scale_only(self) -> None:
        reference = white(1) + 10
        image = reference + 5
        luminance = (2 * 15 * 10 + 0.01) / (15**2 + 10**2 + 0.01)
        assert ms_ssim(image, reference, all_of(image), 10.0) == pytest.approx(luminance**0.1333, rel=0.01)

    def test_low_pass_before_decimation(self) -> None:
        """Noise in the finest scale only must not reach the coarser ones: its fine weight is 0.0448."""
        reference = np.repeat(np.repeat(white(1, 24), 8, axis=0), 8, axis=1)
        checker = np.indices(reference.shape).sum(axis=0) % 2 - 0.5
        value = ms_ssim(reference + 4 * checker, reference, all_of(reference), float(np.ptp(reference)))
        assert 0.8 < value < 1

    def test_anticorrelation_scores_zero(self) -> None:
        assert ms_ssim(-white(1), white(1), all_of(white(1)), 6.0) == 0

    def test_176_px_is_the_smallest(self) -> None:
        image = white(1, 176)
        assert ms_ssim(image, image, all_of(image), 6.0) == pytest.approx(1)
        with pytest.raises(ImageTooSmallError, match="scale 5 of 5"):
            ms_ssim(image[:175], image[:175], all_of(image[:175]), 6.0)
        holed = all_of(image)
        holed[60:80, 60:80] = False
        with pytest.raises(ImageTooSmallError):
            ms_ssim(image, image, holed, 6.0)


class TestRingCorrelation:
    def test_sign_is_kept(self) -> None:
        curve = ring_correlation(-white(1), white(1), all_of(white(1)), 0.5, 0.0)
        assert curve[1:] == pytest.approx(-np.ones(96))
        assert crossing(curve, 0.5) == (0.25, True)

    def test_independent_images_do_not_correlate(self) -> None:
        """A common window without mean removal would correlate the lowest rings."""
        curve = ring_correlation(white(1) + 50, white(2) + 20, all_of(white(1)), 0.5, 0.0)
        assert np.abs(curve[10:]).max() < 0.3
        assert abs(curve[1:].mean()) < 0.02

    def test_frequency_of_a_known_band_limit(self) -> None:
        """Equal below 0.2 cycles/px and independent above: the curve falls at ring 0.2 · 192."""
        spectrum = np.fft.fft2(white(1))
        frequency = np.hypot(np.fft.fftfreq(192)[:, None], np.fft.fftfreq(192))
        mixed = np.fft.ifft2(np.where(frequency < 0.2, spectrum, np.fft.fft2(white(2)))).real
        ring, crossed = crossing(ring_correlation(mixed, white(1), all_of(mixed), 0.5, 0.0), 0.5)
        assert crossed
        assert ring / 192 == pytest.approx(0.2, abs=0.01)

    def test_rings_reach_nyquist_and_rectangles_have_them_too(self) -> None:
        image = white(1)[:150]
        assert len(ring_correlation(image, image, all_of(image), 0.5, 0.0)) == 76
        assert len(ring_correlation(image, image, all_of(image), 0.25, 0.0)) == 38

    def test_undefined_rings_end_the_curve(self) -> None:
        """A band-limited image has nothing to correlate beyond its limit but rounding."""
        blob = np.exp(-((np.arange(128) - 64) ** 2) / (2 * 3.0**2))
        image = np.outer(blob, blob)
        curve = ring_correlation(image, image, all_of(image), 0.5, 1e-4)
        assert np.isnan(curve[-1])
        ring, crossed = crossing(curve, 0.5)
        assert not crossed
        assert 0.1 < ring / 128 < 0.4
        assert not np.isnan(curve[int(ring)])
        assert np.isnan(curve[int(ring) + 1])

    def test_the_window_is_soft_and_zero_outside(self) -> None:
        valid = np.ones((80, 80), dtype=np.bool_)
        valid[:, :20] = False
        window = soft_window(valid)
        assert window[40, 50] == 1
        assert not window[:, :20].any()
        assert np.abs(np.diff(window[40])).max() < 0.2

    def test_crossing_is_linear_between_rings(self) -> None:
        ring, crossed = crossing(np.array([1.0, 0.9, 0.4, 0.8]), 0.5)
        assert crossed
        assert ring == pytest.approx(1.8)
        assert crossing(np.array([1.0, 0.9, 0.8]), 0.5) == (2.0, False)
        assert np.isnan(crossing(np.array([np.nan, np.nan]), 0.5)[0])
