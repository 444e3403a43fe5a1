from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_adapters.simulate.objects import LineStatistics, random_lines_object

REAL = Path(__file__).parents[3] / "../shared/data/ptychopinn/grid_lines_N256_train.npz"


def draw(seed: int, size: int = 360) -> np.ndarray:
    return random_lines_object(size, np.random.default_rng(seed))


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(16, 80))
@settings(max_examples=20, deadline=None)
def test_same_seed_same_object_and_finite(seed: int, size: int) -> None:
    one, two = draw(seed, size), draw(seed, size)
    assert one.shape == (size, size)
    assert one.dtype == np.complex64
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)


def test_other_seed_other_object() -> None:
    assert not np.array_equal(draw(0, 64), draw(1, 64))


def test_phase_is_an_affine_function_of_amplitude() -> None:
    field = draw(3)
    amplitude, phase = np.abs(field).ravel(), np.angle(field).ravel()
    slope, offset = np.polyfit(amplitude, phase, 1)
    np.testing.assert_allclose(slope * amplitude + offset, phase, atol=1e-3)
    assert slope * amplitude.max() == pytest.approx(LineStatistics().phase_span_rad, rel=1e-3)


def test_zero_phase_span_gives_a_real_object() -> None:
    field = random_lines_object(64, np.random.default_rng(0), LineStatistics(phase_span_rad=0.0))
    np.testing.assert_array_equal(field.imag, 0)


def test_isotropy() -> None:
    """Rows and columns vary alike on average: neither direction is preferred."""
    fields = [np.abs(draw(seed)) for seed in range(8)]
    ratio = np.mean([np.abs(np.diff(f, axis=0)).mean() / np.abs(np.diff(f, axis=1)).mean() for f in fields])
    assert ratio == pytest.approx(1.0, abs=0.1)


@pytest.mark.skipif(not REAL.exists(), reason="needs the folder of real sample files beside the checkout")
def test_statistics_match_the_real_objects() -> None:
    with np.load(REAL) as file:
        real = file["YY_full"][..., 0]
    ours = np.stack([draw(seed) for seed in range(4)])
    for part, atol in ((np.abs, 0.35), (np.angle, 0.12)):
        quantiles = [np.quantile(part(fields), [0.05, 0.25, 0.5, 0.75, 0.95]) for fields in (ours, real)]
        np.testing.assert_allclose(quantiles[0], quantiles[1], atol=atol)
    for low, high in ((0.02, 0.06), (0.06, 0.15), (0.15, 0.3)):
        assert band_power(ours, low, high) == pytest.approx(band_power(real, low, high), rel=0.6)


def band_power(fields: np.ndarray, low: float, high: float) -> float:
    """Mean spectral power of the amplitude between two frequencies in cycles per pixel."""
    window = np.hanning(fields.shape[-1])
    modulus = np.abs(fields)
    contrast = (modulus - modulus.mean((1, 2), keepdims=True)) * np.outer(window, window)
    frequency = np.fft.fftfreq(fields.shape[-1])
    radius = np.hypot(frequency[:, None], frequency)
    power = np.abs(np.fft.fft2(contrast)) ** 2
    return float(power[:, (radius >= low) & (radius < high)].mean())


def test_too_small_object_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 pixels"):
        draw(0, 15)
