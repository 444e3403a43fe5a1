"""Structural similarity on partly covered images: SSIM (Wang 2004) and MS-SSIM (Wang 2003).

A window counts only if every pixel in it is covered, so the numbers do not depend on what a tool left in
uncovered pixels.
"""

import numpy as np
from scipy.ndimage import binary_erosion, correlate1d

from ptycho_adapters.evaluation.arrays import Mask, RealArray
from ptycho_adapters.evaluation.errors import ImageTooSmallError

SIGMA_PX = 1.5
WINDOW_PX = 11
K1, K2 = 0.01, 0.03
# Wang, Simoncelli & Bovik, Asilomar 37, 1398 (2003): the exponents of the five scales, fine to coarse.
MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ssim(image: RealArray, reference: RealArray, valid: Mask, data_range: float) -> float:
    """Return the mean SSIM over fully covered windows (Gaussian of σ 1.5 px, 11 × 11 px).

    Z. Wang et al., IEEE Trans. Image Process. 13, 600 (2004), as scikit-image computes it.

    Args:
        image: (h, w).
        reference: (h, w).
        valid: (h, w), pixels that count; the others must be finite.
        data_range: the reference's maximum less its minimum.

    Raises:
        ImageTooSmallError: no window is fully covered.
        ImportError: scikit-image is missing.

    """
    try:
        from skimage.metrics import structural_similarity  # noqa: PLC0415  (optional, the extra `metrics`)
    except ImportError as missing:
        raise ImportError(
            "SSIM needs scikit-image: pip install 'ptycho-contracts[metrics]'", name=missing.name
        ) from missing
    windows = _covered_windows(valid)
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image has no types
        image,
        reference,
        data_range=data_range,
        gaussian_weights=True,
        sigma=SIGMA_PX,
        use_sample_covariance=False,
        full=True,
    )
    return float(similarity[windows].mean())


def ms_ssim(image: RealArray, reference: RealArray, valid: Mask, data_range: float) -> float:
    """Return the multi-scale SSIM: contrast and structure at five scales, luminance at the coarsest.

    Each scale is the 2 × 2 mean of the finer one. A negative mean (an anticorrelated scale) counts as 0, its
    fractional power being undefined.

    Args:
        image: (h, w).
        reference: (h, w).
        valid: (h, w), pixels that count; the others must be finite.
        data_range: the reference's maximum less its minimum.

    Raises:
        ImageTooSmallError: a scale has no fully covered window; an image needs 176 px a side for five scales.

    """
    product = 1.0
    for scale, weight in enumerate(MS_WEIGHTS, start=1):
        windows = _covered_windows(valid, f" at scale {scale} of {len(MS_WEIGHTS)}")
        luminance, structure = _terms(image, reference, data_range)
        terms = structure * luminance if scale == len(MS_WEIGHTS) else structure
        product *= max(float(terms[windows].mean()), 0.0) ** weight
        image, reference = _halved(image), _halved(reference)
        valid = _halved(valid.astype(np.float64)) == 1
    return product


def _covered_windows(valid: Mask, where: str = "") -> Mask:
    """Centres of the windows that lie inside the image and are covered entirely."""
    windows = binary_erosion(valid, np.ones((WINDOW_PX, WINDOW_PX)), border_value=0)
    if not windows.any():
        raise ImageTooSmallError(
            f"no {WINDOW_PX} × {WINDOW_PX} window is fully covered{where}, where {valid.shape} px are left"
        )
    return np.asarray(windows, dtype=np.bool_)


def _terms(image: RealArray, reference: RealArray, data_range: float) -> tuple[RealArray, RealArray]:
    """Luminance term and contrast-structure term per window."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_a, mean_b = _blurred(image), _blurred(reference)
    variances = _blurred(image**2) - mean_a**2 + _blurred(reference**2) - mean_b**2
    covariance = _blurred(image * reference) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _blurred(image: RealArray) -> RealArray:
    offset = np.arange(WINDOW_PX) - WINDOW_PX // 2
    gaussian = np.exp(-0.5 * (offset / SIGMA_PX) ** 2)
    gaussian /= gaussian.sum()
    return np.asarray(correlate1d(correlate1d(image, gaussian, axis=0), gaussian, axis=1), dtype=np.float64)


def _halved(image: RealArray) -> RealArray:
    """Mean of each 2 × 2 block; an odd last row or column is left out."""
    height, width = (n // 2 for n in image.shape)
    blocks = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float64)
