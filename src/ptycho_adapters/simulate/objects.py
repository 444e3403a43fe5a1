"""Random objects made of lines, as the grid-lines study of PtychoPINN reconstructs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

_BLURS_PX = (0.9, 5.0, 10.0)
_BLUR_WEIGHTS = (0.125, 0.25, 0.625)
"""Widths and shares of the three Gaussians that smooth the lines.

Fitted to the radial amplitude spectrum of the real ``YY_full`` (N=256 and N=64, PtychoPINN 2.0.0)."""


@dataclass(frozen=True, slots=True)
class LineStatistics:
    """What random-line objects look like; the defaults match the real N=256 grid-lines objects.

    Attributes:
        coverage: mean number of lines over a pixel. Lines saturate where they cross (1 - exp(-lines)),
            which gives the symmetric histogram of the real files.
        background: amplitude without any line.
        gain: amplitude that full coverage adds.
        phase_span_rad: phase between amplitude 0 and the greatest amplitude; half of the greatest
            amplitude has phase 0. In the real files the phase is this affine function of the amplitude,
            1.8 rad over the range (correlation 0.99998).

    """

    coverage: float = 0.36
    background: float = 0.5
    gain: float = 10.5
    phase_span_rad: float = 1.82


def random_lines_object(
    size: int, rng: np.random.Generator, statistics: LineStatistics | None = None
) -> NDArray[np.complex64]:
    """Draw a complex object of smoothed random lines.

    The amplitude is about 0.9 to 5 with a mean of 2.9; the phase is an affine function of it, about -0.6
    to 0.9 rad, as in the real files.

    Args:
        size: side in pixels, at least 16.
        rng: source of the lines; the same state gives the same object.
        statistics: coverage, contrast and phase range; the default ones when None.

    Returns:
        complex64 array (size, size).

    Raises:
        ValueError: when size is less than 16.

    """
    if size < 16:
        raise ValueError(f"an object needs at least 16 pixels a side, got {size}")
    statistics = statistics or LineStatistics()
    margin = int(np.ceil(2 * max(_BLURS_PX)))
    lines = _draw_lines(size + 2 * margin, rng, statistics.coverage)
    shade = _smooth(-np.expm1(-lines))[margin : margin + size, margin : margin + size]
    amplitude = statistics.background + statistics.gain * shade
    phase = statistics.phase_span_rad * (amplitude / amplitude.max() - 0.5)
    return np.asarray(amplitude * np.exp(1j * phase), dtype=np.complex64)


def _draw_lines(size: int, rng: np.random.Generator, coverage: float) -> NDArray[np.float64]:
    """Sum of straight lines of unit weight per pixel of length, isotropic and uniform over the square."""
    # A strip as wide as the diagonal holds all lines; each covers size²/strip of the square on average.
    n_lines = max(1, round(coverage * size * np.sqrt(2.0)))
    angle = rng.uniform(0.0, np.pi, n_lines)
    # Offsets over the diagonal make every position equally likely; lines that miss the square are empty.
    offset = rng.uniform(-0.5, 0.5, n_lines) * size * np.sqrt(2.0)
    steep = np.abs(np.cos(angle)) > np.abs(np.sin(angle))
    canvas = _splat(size, angle[~steep], offset[~steep])
    canvas += _splat(size, np.pi / 2 - angle[steep], offset[steep]).T
    return canvas


def _splat(size: int, angle: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw the lines x·cos + y·sin = offset with |sin| ≥ |cos|, one sample per column, split on two rows."""
    x = np.arange(size) - (size - 1) / 2
    y = (offset[:, None] - x * np.cos(angle)[:, None]) / np.sin(angle)[:, None] + (size - 1) / 2
    row = np.floor(y).astype(np.int64)
    inside = (row >= 0) & (row < size - 1)
    flat = (row * size + np.arange(size))[inside]
    lower = (y - row)[inside]
    length = np.broadcast_to(1.0 / np.abs(np.sin(angle))[:, None], y.shape)[inside]
    canvas = np.bincount(flat, length * (1.0 - lower), minlength=size * size)
    canvas += np.bincount(flat + size, length * lower, minlength=size * size)
    return np.asarray(canvas.reshape(size, size), dtype=np.float64)


def _smooth(lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted sum of the lines under the three blurs."""
    blurred = (
        weight * gaussian_filter(lines, blur, mode="nearest")
        for weight, blur in zip(_BLUR_WEIGHTS, _BLURS_PX, strict=True)
    )
    return np.asarray(sum(blurred), dtype=np.float64)
