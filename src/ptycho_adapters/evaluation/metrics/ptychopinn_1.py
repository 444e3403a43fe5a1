"""Profile `ptychopinn-1`: the numbers that the evaluation of PtychoPINN 2.0.0 prints, quirks included.

For comparison with published tables only; `standard` is the profile to judge by (docs/evaluation.md says
why). Single precision is part of the definition: amplitudes, and phases of which the mean is removed, stay
float32 through SSIM and FFT; phases of which a plane is removed become float64.
"""

from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter, uniform_filter

from ptycho_adapters.evaluation.arrays import AnyComplex, AnyReal, ComplexArray, RealArray
from ptycho_adapters.evaluation.errors import EvaluationError, ImageTooSmallError
from ptycho_adapters.evaluation.metrics.result import CHANNELS, MetricTable

PhaseAlign: TypeAlias = Literal["plane", "mean"]

BORDER_PX = 2
PSNR_PEAK = 255.0
SSIM_WINDOW_PX = 7
SSIM_K1, SSIM_K2 = 0.01, 0.03
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_FLOOR = 1e-4
MS_SSIM_AMPLITUDE_SIGMA_PX = 1.0
FRC_THRESHOLDS = {"frc50": 1 / 2, "frc1over7": 1 / 7}


def ptychopinn_1(recon: AnyComplex, truth: AnyComplex, phase_align: PhaseAlign = "plane") -> MetricTable:
    """Return mae, mse, psnr, ssim, ms_ssim, frc50, frc1over7 and frc of amplitude and phase.

    Args:
        recon: the reconstruction, complex64 (complex128 gives other digits), (h, w) or
            (image, h, w, channel), of which the first image and channel count.
        truth: likewise, of the same shape.
        phase_align: what is removed from each phase separately, a least-squares plane or the mean.

    Raises:
        EvaluationError: not images, or of unequal shapes.
        ImageTooSmallError: less than one 7 × 7 window is left within the border.

    """
    recon, truth = _first_image(recon), _first_image(truth)
    if recon.shape != truth.shape:
        raise EvaluationError(f"ptychopinn-1 compares equal shapes, got {recon.shape} and {truth.shape}")
    if min(recon.shape) < SSIM_WINDOW_PX + 2 * BORDER_PX:
        raise ImageTooSmallError(f"ptychopinn-1 needs {SSIM_WINDOW_PX + 2 * BORDER_PX} px a side, got {recon.shape}")
    table = MetricTable()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        amplitudes = _amplitudes(recon, truth)
        phases = _phase(recon, phase_align), _phase(truth, phase_align)
        _put_errors(table, amplitudes, phases)
        _put_similarities(table, amplitudes, phases)
        _put_ring_correlations(table, amplitudes, phases)
    return table


_T = TypeVar("_T", bound=np.generic)
_Images: TypeAlias = tuple[AnyReal, AnyReal]


def _first_image(field: AnyComplex) -> AnyComplex:
    image = field[0, ..., 0] if field.ndim == 4 else field
    if image.ndim != 2 or not np.iscomplexobj(image):
        raise EvaluationError(f"ptychopinn-1 compares complex images, got {field.dtype} of {field.shape}")
    return image


def _inside(image: NDArray[_T]) -> NDArray[_T]:
    return image[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]


def _amplitudes(recon: AnyComplex, truth: AnyComplex) -> _Images:
    """Amplitudes without their border, the reconstruction's scaled to the truth's mean."""
    amplitude, reference = np.abs(_inside(recon)), np.abs(_inside(truth))
    return amplitude * (reference.mean() / amplitude.mean()), reference


def _phase(field: AnyComplex, align: PhaseAlign) -> AnyReal:
    """Wrapped phase without its border, less its own plane (float64) or mean (the field's precision)."""
    # The border goes after the angle is taken: the mean of such a view is summed row by row, in float32.
    phase = _inside(np.angle(field))
    return phase - phase.mean() if align == "mean" else phase - _plane(phase)


def _plane(image: AnyReal) -> RealArray:
    """Unweighted least-squares plane of an image."""
    y, x = (axis.ravel() for axis in np.indices(image.shape))
    design = np.column_stack([x, y, np.ones(image.size)])
    coefficients = np.linalg.lstsq(design, image.ravel().astype(np.float64), rcond=None)[0]
    return np.asarray((design @ coefficients).reshape(image.shape), dtype=np.float64)


def _put_errors(table: MetricTable, amplitudes: _Images, phases: _Images) -> None:
    for channel, (image, reference) in zip(CHANNELS, (amplitudes, phases), strict=True):
        table.put("mae", channel, np.abs(image - reference).mean())
        table.put("mse", channel, ((image - reference) ** 2).mean())
        table.put("psnr", channel, _psnr(image, reference))


def _psnr(image: AnyReal, reference: AnyReal) -> float:
    """Peak 255 whatever the images hold, in float64 from float32; epsilon keeps equal images finite."""
    difference = image.astype(np.float32).astype(np.float64) - reference.astype(np.float32)
    rmse = np.sqrt(np.mean(difference**2)) + np.finfo(np.float64).eps
    return float(20 * np.log10(PSNR_PEAK / rmse))


def _put_similarities(table: MetricTable, amplitudes: _Images, phases: _Images) -> None:
    """SSIM of the images as they are, MS-SSIM of smoothed amplitudes; phases mapped from −π … π to 0 … 1."""
    mapped = _unit_interval(phases[0]), _unit_interval(phases[1])
    smooth = tuple(gaussian_filter(a, MS_SSIM_AMPLITUDE_SIGMA_PX) for a in amplitudes)
    table.put("ssim", "amplitude", _ssim(*amplitudes, float(np.ptp(amplitudes[1]))))
    table.put("ssim", "phase", _ssim(*mapped, 1.0))
    table.put("ms_ssim", "amplitude", _ms_ssim(smooth[0], smooth[1]))
    table.put("ms_ssim", "phase", _ms_ssim(*mapped))


def _unit_interval(phase: AnyReal) -> AnyReal:
    return (phase + np.pi) / (2 * np.pi)


def _ssim(image: AnyReal, reference: AnyReal, data_range: float) -> float:
    """SSIM with a uniform window and sample covariance, in the images' precision (Wang et al. 2004)."""
    samples = SSIM_WINDOW_PX**2
    unbiased = samples / (samples - 1)

    def local_mean(values: AnyReal) -> AnyReal:
        return np.asarray(uniform_filter(values, size=SSIM_WINDOW_PX), dtype=values.dtype)

    mean_a, mean_b = local_mean(image), local_mean(reference)
    variance_a = unbiased * (local_mean(image * image) - mean_a * mean_a)
    variance_b = unbiased * (local_mean(reference * reference) - mean_b * mean_b)
    covariance = unbiased * (local_mean(image * reference) - mean_a * mean_b)
    c1, c2 = (SSIM_K1 * data_range) ** 2, (SSIM_K2 * data_range) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    likeness = likeness / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
    rim = SSIM_WINDOW_PX // 2
    return float(likeness[rim:-rim, rim:-rim].mean(dtype=np.float64))


def _ms_ssim(image: AnyReal, reference: AnyReal) -> float:
    """Product of full SSIMs, each scale every other pixel of the last; scales under the window are dropped.

    The weights of dropped scales are not given to the others.
    """
    data_range = float(max(np.ptp(image), np.ptp(reference)))
    product = 1.0
    for weight in MS_SSIM_WEIGHTS:
        if min(image.shape) < SSIM_WINDOW_PX:
            break
        product *= max(_ssim(image, reference, data_range), MS_SSIM_FLOOR) ** weight
        image, reference = image[::2, ::2], reference[::2, ::2]
    return product


def _put_ring_correlations(table: MetricTable, amplitudes: _Images, phases: _Images) -> None:
    for channel, (image, reference) in zip(CHANNELS, (amplitudes, phases), strict=True):
        curve = _frc(image, reference)
        for name, threshold in FRC_THRESHOLDS.items():
            table.put(name, channel, _first_crossing(curve, threshold))
        table.put_curve("frc", channel, curve.tolist(), "a ring without energy has no correlation")


def _frc(image: AnyReal, reference: AnyReal) -> RealArray:
    """Magnitude of the ring correlation of centre squares, rings of rounded radius out to the corner."""
    side = min(image.shape)
    spectrum_a, spectrum_b = (
        fft.fftshift(_rounded_fft2(_centre_square(values, side))).ravel() for values in (image, reference)
    )
    k = np.arange(side) - side // 2
    ring = np.rint(np.hypot(k[:, None], k[None, :])).astype(np.intp).ravel()
    cross = spectrum_a * spectrum_b.conj()
    correlation = np.hypot(np.bincount(ring, cross.real), np.bincount(ring, cross.imag))
    energy = np.bincount(ring, np.abs(spectrum_a) ** 2) * np.bincount(ring, np.abs(spectrum_b) ** 2)
    return np.asarray(correlation / np.sqrt(energy), dtype=np.float64)


def _rounded_fft2(image: AnyReal) -> ComplexArray:
    """Fourier transform, rounded to the image's precision after each axis, as numpy 2 does it.

    The rounding of float32 is seen: without a window and mean removal the outer rings hold little else than
    the leakage of a far larger mean.
    """
    precision = np.result_type(image.dtype, np.complex64)
    spectrum = image.astype(np.complex128)
    for axis in (1, 0):
        spectrum = fft.fft(spectrum, axis=axis).astype(precision).astype(np.complex128)
    return spectrum


def _centre_square(image: NDArray[Any], side: int) -> NDArray[Any]:
    top, left = ((n - side) // 2 for n in image.shape)
    return image[top : top + side, left : left + side]


def _first_crossing(curve: RealArray, threshold: float) -> float:
    """Ring index, linear between rings, where a curve first falls under a threshold; its length if never."""
    under = np.flatnonzero(curve < threshold)
    if not len(under):
        return float(len(curve))
    ring = int(under[0])
    if ring == 0:
        return 0.0
    before, after = curve[ring - 1], curve[ring]
    return float(ring - 1 + (before - threshold) / (before - after))
