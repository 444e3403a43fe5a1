"""A short reconstruction: how well can one object and one probe explain these patterns at these positions?

Sequential projections with regularised updates of object and probe (rPIE: Maiden, Johnson and Li, Optica 4, 736,
2017), a few epochs, small arrays. Nobody looks at the picture; only what is left unexplained counts, compared
between hypotheses on the same patterns from the same start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Half steps, and denominators that are half a maximum: slower than the fastest choice, and no hypothesis diverges.
_STEP = 0.5
_REGULARISATION = 0.5
# The object finds its first form under the probe that was guessed.
_OBJECT_ALONE = 2
# A transmission above this is noise running away where the probe hardly lights.
_MOST_TRANSMISSION = 2.0


def unexplained(
    amplitudes: NDArray[np.float32],
    corners_px: NDArray[np.intp],
    probe: NDArray[np.complex64],
    epochs: int,
) -> NDArray[np.float64]:
    """(k,) share of each pattern's energy that the best epoch leaves unexplained.

    Args:
        amplitudes: (k, n, n), zero frequency at [0, 0].
        corners_px: (k, 2) first pixel of each patch, from 0.
        probe: (n, n) to start from, in the scale of the amplitudes.
        epochs: Passes over all patterns.
    """
    from scipy import fft  # noqa: PLC0415 - costs start-up time that header checks never need

    n = amplitudes.shape[-1]
    height, width = corners_px.max(axis=0) + n
    object_ = np.ones((int(height), int(width)), np.complex64)
    energy = np.maximum(np.square(amplitudes, dtype=np.float64).sum(axis=(1, 2)), 1e-30)
    floor = 1e-6 * float(amplitudes.max())
    rng = np.random.default_rng(0)
    best = np.ones(len(amplitudes))
    for epoch in range(epochs):
        left = np.empty(len(amplitudes))
        for k in rng.permutation(len(amplitudes)).tolist():
            y, x = corners_px[k]
            patch = object_[y : y + n, x : x + n]
            wave = patch * probe
            field = fft.fft2(wave)
            modulus = np.abs(field)
            left[k] = np.square(modulus - amplitudes[k]).sum(dtype=np.float64) / energy[k]
            field *= amplitudes[k] / (modulus + floor)
            change = _STEP * (fft.ifft2(field) - wave)
            new_probe = probe + _weighted(patch, change) if epoch >= _OBJECT_ALONE else probe
            patch += _weighted(probe, change)
            probe = new_probe
        np.multiply(object_, np.minimum(1, _MOST_TRANSMISSION / np.maximum(np.abs(object_), 1e-9)), out=object_)
        if np.median(left) < np.median(best):
            best = left
    return best


def _weighted(by: NDArray[np.complex64], change: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """The change of one factor of a product, where the other factor is `by`."""
    power = by.real**2 + by.imag**2
    weight = by.conj() / (_REGULARISATION * power.max() + (1 - _REGULARISATION) * power + 1e-20)
    weighted: NDArray[np.complex64] = weight * change
    return weighted
