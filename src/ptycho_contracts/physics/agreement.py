"""How well a predicted pattern explains a stored one, and how surely better than another prediction.

Scale-free: stored patterns have unknown units. For amplitudes a (stored) and m (predicted) on K pixels, the
residual is `e = 1 − (a·m)²/(|a|²|m|²)`, the share of the stored energy that no multiple of m explains.

Plain correlation does not discriminate: on PtychoPINN's files a wrong neighbouring position still correlates
0.98–0.998. What counts is whether one prediction explains the pattern *better* than another, in units of what
noise can do. With noise of variance σ² = e/K per pixel (amplitudes of Poisson counts have constant variance),
the difference of the residuals of two predictions m, m′ has, if m is right, mean |m−m′|² ≈ e′−e and standard
deviation 2σ|m−m′|, so

    z = (e′ − e) / (2 · sqrt(e/K) · sqrt(e′ − e)) = sqrt(K · (e′ − e) / e) / 2

standard deviations separate the two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Five standard deviations: one false "sure" in 3.5 million comparisons with Gaussian noise.
SURE_Z = 5.0
# What the forward model itself leaves unexplained (float32, a finite probe) must not count as certainty.
RESIDUAL_FLOOR = 1e-7
# Model errors are not white, so a relative gap of residuals is demanded beside the z-score.
SURE_RATIO = 1.05
_CLIP_Z = 3.0
# Sampled patterns are never as much alike as their clipped z-scores; keeps t finite.
_LEAST_SPREAD = 0.5


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows scaled to length 1; rows of zeros stay zero."""
    length = np.sqrt(np.einsum("...k,...k->...", vectors, vectors, dtype=np.float64))
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    unit_rows = np.empty(vectors.shape, np.float32)
    # Multiplied in float64 and rounded once, through numpy's small buffer instead of an array of twice the size.
    np.multiply(vectors, scale[..., None], out=unit_rows, casting="same_kind")
    return unit_rows


def residuals(stored: NDArray[np.float32], predicted: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 − (a·m)² of unit rows, broadcast over leading axes."""
    overlap = np.einsum("...k,...k->...", stored, predicted, dtype=np.float64)
    clipped: NDArray[np.float64] = np.clip(1.0 - overlap**2, 0.0, 1.0)
    return clipped


def surely_better(mine: NDArray[np.float64], other: NDArray[np.float64], pixels: int) -> NDArray[np.bool_]:
    """Where residual `mine` is better than `other` by more than noise and model errors explain."""
    floor = np.maximum(mine, RESIDUAL_FLOOR)
    clear_ratio = other > SURE_RATIO * floor
    return clear_ratio & (z_score(mine, other, pixels) > SURE_Z)


def z_score(mine: NDArray[np.float64], other: NDArray[np.float64], pixels: int) -> NDArray[np.float64]:
    """Standard deviations by which `mine` is the better residual; negative where it is the worse.

    The noise is that of the better of the two, since the worse one is not noise but a wrong prediction.
    """
    gap = other - mine
    noise = np.maximum(np.minimum(mine, other), RESIDUAL_FLOOR)
    return np.sign(gap) * np.sqrt(pixels * np.abs(gap) / noise) / 2


def consistent_gap(mine: NDArray[np.float64], other: NDArray[np.float64], pixels: int) -> float:
    """Student's t of the patterns' z-scores for `mine` over `other`, each z clipped to ±3.

    A fraction of a pixel changes each pattern less than one pattern's noise can prove, but all in one direction.
    Clipping makes every pattern one voice: where two readings are equally wrong, model errors give large z-scores
    of either sign, which cancel.
    """
    z = np.clip(z_score(mine, other, pixels), -_CLIP_Z, _CLIP_Z)
    spread = max(float(z.std(ddof=1)) if len(z) > 1 else 0.0, _LEAST_SPREAD)
    return float(z.mean() / spread * np.sqrt(len(z)))
