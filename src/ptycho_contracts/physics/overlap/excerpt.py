"""The part of a measurement on which hypotheses compete: neighbours that overlap, on a small detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.readings import Patterns, Stored, to_amplitude
from ptycho_contracts.physics.unusable import left_out, unusable

MOST_PATTERNS = 160
MOST_SIDE_PX = 64


@dataclass(frozen=True)
class Excerpt:
    """Patterns of neighbouring positions.

    Attributes:
        amplitudes: (k, m, m) float32, zero frequency at [0, 0].
        positions_px: (k, 2) float64 (y, x), in the excerpt's object pixels.
        corner: Whether the zero frequency was stored at [0, 0].
        notes: What was left out, in words.
    """

    amplitudes: NDArray[np.float32]
    positions_px: NDArray[np.float64]
    corner: bool
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Side of a pattern."""
        return int(self.amplitudes.shape[-1])


def excerpt(patterns: Patterns, centre_px: NDArray[np.float64], stored: Stored) -> Excerpt:
    """Patterns around the middle of the scan, cropped to low frequencies: a coarser object, the same field of view.

    Those that hold NaN or negative values are left out, unless most do.

    Args:
        patterns: As stored, square.
        centre_px: (n, 2) positions (y, x), from any origin.
        stored: What the values are.
    """
    middle = np.median(centre_px, axis=0)
    near = np.argsort(np.abs(centre_px - middle).max(axis=1), kind="stable")[:MOST_PATTERNS]
    rows = np.sort(near).astype(np.intp)
    values = patterns.take(rows)
    out, notes = left_out(rows[unusable(values)], len(rows))
    kept = ~np.isin(rows, out)
    amplitudes = to_amplitude(values[kept], stored)
    corner = _zero_at_corner(amplitudes)
    centred = np.fft.fftshift(amplitudes, axes=(1, 2)) if corner else amplitudes
    n = centred.shape[-1]
    side = min(n, MOST_SIDE_PX)
    low = n // 2 - side // 2
    cropped = centred[:, low : low + side, low : low + side]
    return Excerpt(
        np.ascontiguousarray(np.fft.ifftshift(cropped, axes=(1, 2)), np.float32),
        centre_px[rows[kept]] * (side / n),
        corner,
        notes,
    )


def _zero_at_corner(amplitudes: NDArray[np.float32]) -> bool:
    """Whether the mean pattern lies around the corner of the array rather than around its middle."""
    mean = np.square(amplitudes, dtype=np.float64).mean(axis=0)
    n = mean.shape[0]
    wave = np.cos(2 * np.pi * (np.arange(n) - n // 2) / n)
    return bool((mean * (wave[:, None] + wave[None, :])).sum() < 0)
