"""The far-field forward model and the frames of positions, written from their definitions alone.

intensity = Σ_modes |F(patch · probe)|² with an un-normalised Fourier transform whose zero frequency lies at index N/2;
y is the row, x the column. A patch whose centre (index (N−1)/2) lies at c covers the canvas coordinates
c − (N−1)/2 … c + (N−1)/2; between pixels the object is band-limited, outside its canvas it is 0.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Complex: TypeAlias = NDArray[np.complex128]
Real: TypeAlias = NDArray[np.float64]

NAMED_FRAMES = ("ptychovit", "geometric-centre", "half-size", "pty-chi-2.1")
CORNER_FRAMES = ("array-corner", "patch-corner")

REACH = 8  # pixels on either side that a sub-pixel sample is made of
KAISER_BETA = 9.0


def origin_px(frame: str, size: int, window: int) -> float:
    """Array coordinate of position 0 along an axis of `size` object pixels, for patches of `window` pixels.

    The four named frames are those of PtychoViT, Ptychodus ≥ 1.6, Ptychodus ≤ 1.5.1 and pty-chi ≥ 2.1;
    `round` is half-to-even, as theirs is.
    """
    origins = {
        "ptychovit": round(size / 2) + 0.5,
        "geometric-centre": (size - 1) / 2,
        "half-size": size / 2,
        "pty-chi-2.1": round(size / 2) - 0.5,
        "array-corner": 0.0,
        "patch-corner": (window - 1) / 2,
    }
    return origins[frame]


def origin_of(frame: str, shape: tuple[int, ...], window: int) -> Real:
    """Origin (y, x) in px on an object whose last two axes are the canvas."""
    return np.array([origin_px(frame, size, window) for size in shape[-2:]])


def interpolation_weights(fraction: Real) -> Real:
    """Windowed-sinc weights (k, 2·REACH) of the samples floor − REACH + 1 … floor + REACH; they sum to 1."""
    distance = np.arange(1 - REACH, REACH + 1) - fraction[:, None]
    taper = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - (distance / REACH) ** 2, 0, None)))
    weights = np.sinc(distance) * taper
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def patches(object_: Complex, centres: Real, window: int) -> Complex:
    """The patches (k, window, window) of an object (H, W) at centres (k, 2) in px."""
    start = centres - (window - 1) / 2
    first = np.floor(start).astype(int)
    span = np.arange(window + 2 * REACH - 1) + 1 - REACH
    fraction = start - first
    samples = _weigh(_windows(object_, first, span), interpolation_weights(fraction[:, 0]), 1, window)
    return _weigh(samples, interpolation_weights(fraction[:, 1]), 2, window)


def _windows(object_: Complex, first: NDArray[np.int_], span: NDArray[np.int_]) -> Complex:
    """What lies on the canvas at first + span along both axes, 0 outside it."""
    height, width = object_.shape
    rows, columns = first[:, :1] + span, first[:, 1:] + span
    taken = object_[np.clip(rows, 0, height - 1)[:, :, None], np.clip(columns, 0, width - 1)[:, None, :]]
    inside_y, inside_x = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    return np.where(inside_y[:, :, None] & inside_x[:, None, :], taken, 0)


def _weigh(samples: Complex, weights: Real, axis: int, window: int) -> Complex:
    moved = np.moveaxis(samples, axis, 1)
    total = np.zeros((len(moved), window, moved.shape[2]), complex)
    for index in range(2 * REACH):
        total += moved[:, index : index + window] * weights[:, index, None, None]
    return np.moveaxis(total, 1, axis)


def far_field(exit_waves: Complex) -> Real:
    """|F|² of the last two axes, un-normalised, zero frequency at index N/2."""
    spectrum = scipy.fft.fft2(exit_waves, axes=(-2, -1))
    half = exit_waves.shape[-1] // 2
    return np.roll(np.abs(spectrum) ** 2, (half, half), axis=(-2, -1))


def near_field(exit_waves: Complex, fresnel_number: float) -> Real:
    """Intensity after a short free-space path; `fresnel_number` = λz / (N·pixel²), far below 1."""
    size = exit_waves.shape[-1]
    frequency = scipy.fft.fftfreq(size)
    phase = np.exp(-1j * np.pi * fresnel_number * size * (frequency[:, None] ** 2 + frequency**2))
    arrived = scipy.fft.ifft2(scipy.fft.fft2(exit_waves, axes=(-2, -1)) * phase, axes=(-2, -1))
    return np.asarray(np.abs(arrived) ** 2)


def intensities(object_: Complex, probe: Complex, centres: Real) -> Real:
    """Expected far-field patterns (k, N, N) of an object (H, W) under a probe (M, N, N)."""
    at = patches(object_, centres, probe.shape[-1])
    return np.asarray(sum(far_field(at * mode) for mode in probe))
