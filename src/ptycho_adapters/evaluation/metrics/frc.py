"""Fourier ring correlation with mean removal, a soft window and the sign kept.

Saxton & Baumeister, J. Microsc. 127, 127 (1982); the thresholds 1/2 and 1/7 as quoted for comparison with a
known object and between half data sets (Rosenthal & Henderson, J. Mol. Biol. 333, 721 (2003)).
"""

import numpy as np
from scipy import fft
from scipy.ndimage import distance_transform_edt

from ptycho_adapters.evaluation.arrays import ComplexArray, Mask, RealArray
from ptycho_adapters.evaluation.errors import ImageTooSmallError

# The window reaches 1 this share of the shorter side away from the nearest uncovered pixel or border.
TAPER_SHARE = 1 / 8
MIN_SIDE_PX = 8


def soft_window(valid: Mask) -> RealArray:
    """Return (h, w) weights: a raised cosine of the distance to the nearest invalid pixel or border.

    0 on invalid pixels, 1 from a depth of an eighth of the shorter side on; both images get the same one, so
    the shape of the covered area correlates with nothing.
    """
    depth = distance_transform_edt(np.pad(valid, 1))[1:-1, 1:-1]
    ramp = max(TAPER_SHARE * min(valid.shape), 1.0)
    window = 0.5 - 0.5 * np.cos(np.pi * np.minimum(depth / ramp, 1.0))
    return np.asarray(np.where(valid, window, 0.0), dtype=np.float64)


def ring_correlation(
    image: RealArray, reference: RealArray, valid: Mask, max_frequency: float, floor: float
) -> RealArray:
    """Return Re Σ F₁F₂* / √(Σ|F₁|² Σ|F₂|²) per ring, from ring 0 to `max_frequency`.

    Ring r gathers the frequencies that round to r/min(h, w) cycles/px. Ring 0 is 1 by convention (the
    weighted means are removed). A ring in which only one image has energy correlates 0, a ring in which
    neither has is NaN.

    Args:
        image: (h, w).
        reference: (h, w).
        valid: (h, w), pixels that count.
        max_frequency: cycles/px, at most 0.5; less where the grid is finer than the data.
        floor: amplitude per pixel below which an image is rounding noise.

    Raises:
        ImageTooSmallError: a side under 8 px, or no pixel is valid.

    """
    side = min(image.shape)
    if side < MIN_SIDE_PX or not valid.any():
        raise ImageTooSmallError(f"ring correlation needs {MIN_SIDE_PX} covered px a side, got {image.shape}")
    window = soft_window(valid)
    spectrum, known = _spectrum(image, window), _spectrum(reference, window)
    y, x = (fft.fftfreq(n) for n in image.shape)
    ring = np.rint(np.hypot(y[:, None], x[None, :]) * side).astype(np.intp).ravel()
    count = int(np.floor(max_frequency * side + 1e-9)) + 1
    cross, energy, known_energy, noise = (
        np.bincount(ring, values)[:count]
        for values in (
            (spectrum * known.conj()).real,
            np.abs(spectrum) ** 2,
            np.abs(known) ** 2,
            np.full(ring.size, floor**2 * np.sum(window**2)),
        )
    )
    both = (energy > noise) & (known_energy > noise)
    curve = np.where(both, cross / np.sqrt(np.where(both, energy * known_energy, 1.0)), 0.0)
    curve[(energy <= noise) & (known_energy <= noise)] = np.nan
    if np.isfinite(curve[1:]).any():
        curve[0] = 1.0
    return np.asarray(curve, dtype=np.float64)


def _spectrum(image: RealArray, window: RealArray) -> ComplexArray:
    """Flattened spectrum of the image less its weighted mean, times the window."""
    mean = np.sum(window * image) / np.sum(window)
    return np.asarray(fft.fft2(window * (image - mean)).ravel(), dtype=np.complex128)


def crossing(curve: RealArray, threshold: float) -> tuple[float, bool]:
    """Return the ring, linear between rings, where a curve first falls under a threshold.

    The second value says whether it does: if not, the ring is the last one before the curve ends or becomes
    undefined, a lower bound. NaN if the curve is undefined from the start.
    """
    undefined = np.flatnonzero(np.isnan(curve))
    usable = curve[: undefined[0]] if len(undefined) else curve
    under = np.flatnonzero(usable < threshold)
    if len(usable) < 2:
        return float("nan"), False
    if not len(under):
        return float(len(usable) - 1), False
    ring = int(under[0])
    before, after = usable[ring - 1], usable[ring]
    return float(ring - 1 + (before - threshold) / (before - after)), True
