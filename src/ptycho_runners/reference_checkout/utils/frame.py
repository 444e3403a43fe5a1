"""Where a pattern looks: positions in metres to patches of the object array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MARGIN_PX = 8
"""Pixels around a patch that a sub-pixel shift may ring in before they are cut off."""


def positions_px(
    y_m: NDArray[np.floating], x_m: NDArray[np.floating], pixel_m: float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Positions in the frame of the array.

    p = (y_m, x_m)/pixel + (round(H/2)+0.5, round(W/2)+0.5), rounded half to even: the 0-based coordinate
    of patch index (n-1)/2.

    Args:
        y_m: metres, (n,), down the rows.
        x_m: metres, (n,), along the columns.
        pixel_m: side of an object pixel.
        shape: (H, W) of the object.

    Returns:
        float64 (n, 2), [y, x].

    Raises:
        ValueError: when the pixel size is not positive or a position is not finite.

    """
    if not 0 < pixel_m < np.inf:
        raise ValueError(f"pixel_height_m must be positive and finite, got {pixel_m}")
    metres = np.stack([y_m, x_m], axis=-1).astype(np.float64)
    if not np.isfinite(metres).all():
        raise ValueError("probe positions must be finite")
    origin = np.array([round(side / 2) + 0.5 for side in shape])
    return np.asarray(metres / pixel_m + origin)


def extract_patch(field: NDArray[np.complexfloating], centre_px: NDArray[np.float64], n: int) -> NDArray:
    """Cut the patch around a position; what lies outside the array is 0.

    The start p - (n-1)/2 is floored, the rest is a Fourier shift.

    Args:
        field: complex (H, W).
        centre_px: (2,), [y, x], of patch index (n-1)/2.
        n: side of the patch.

    Returns:
        complex64 (n, n).

    Raises:
        ValueError: when the patch does not touch the array, for positions in a wrong unit lie there.

    """
    start = np.asarray(centre_px) - (n - 1) / 2
    corner = np.floor(start).astype(int)
    fraction = start - corner
    if (corner >= field.shape).any() or (corner + n <= 0).any():
        raise ValueError(
            f"a patch at {tuple(map(float, centre_px))} px does not touch the object of {field.shape} px: "
            "are the positions in metres, and is pixel_height_m right?"
        )
    if not fraction.any():
        return _window(field, corner, n).astype(np.complex64)
    wide = _window(field, corner - _MARGIN_PX, n + 2 * _MARGIN_PX)
    inner = slice(_MARGIN_PX, _MARGIN_PX + n)
    return _shift(wide, fraction)[inner, inner].astype(np.complex64)


def _window(field: NDArray, corner: NDArray[np.int_], n: int) -> NDArray:
    """The n × n window from a corner, 0 outside the array."""
    window = np.zeros((n, n), field.dtype)
    low, high = np.maximum(corner, 0), np.minimum(corner + n, field.shape)
    to = low - corner
    size = high - low
    if (size > 0).all():
        window[to[0] : to[0] + size[0], to[1] : to[1] + size[1]] = field[low[0] : high[0], low[1] : high[1]]
    return window


def _shift(window: NDArray, fraction: NDArray[np.float64]) -> NDArray:
    """Content moved towards index 0 by a fraction of a pixel, (y, x)."""
    rows, columns = (np.fft.fftfreq(side) for side in window.shape)
    ramp = np.exp(2j * np.pi * (rows[:, None] * fraction[0] + columns[None, :] * fraction[1]))
    return np.asarray(np.fft.ifft2(np.fft.fft2(window) * ramp))
