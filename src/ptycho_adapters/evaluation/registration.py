"""Where an array without an origin lies in the truth.

The fields themselves are no good for that: a phase ramp moves their correlation's peak to nothing. Their
neighbour products `f[y+1, x]·f*[y, x]` and `f[y, x+1]·f*[y, x]` turn a ramp and a global phase into one
constant factor, move along with the field, and tell a field from its conjugate.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from ptycho_adapters.evaluation.arrays import ComplexArray, Pair, RealArray
from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.reconstruction import Reconstruction

# Structure below this share of the field's energy is rounding of single precision.
_FLAT_SHARE = 1e-12
# Peaks this close to the best one are its own flank, not a rival.
_PEAK_RADIUS_PX = 5


@dataclass(frozen=True, slots=True)
class Registration:
    """Result of a registration.

    Attributes:
        origin_px: object-array coordinate (y, x) of the array's element [0, 0], to a fraction of a pixel.
        correlation: normalised correlation of the neighbour products there, 0 … 1.
        sureness: 1 − (best rival's correlation)/(correlation): 0 for a tie, 1 without any rival.

    """

    origin_px: Pair
    correlation: float
    sureness: float


def register_origin(recon: Reconstruction, truth: Reconstruction, min_overlap: float = 0.5) -> Registration:
    """Find the origin of a reconstruction by complex cross-correlation with the truth.

    Insensitive to global phase, complex scale and phase ramp. The peak is refined by a parabola per axis;
    the alignment refines it further.

    Args:
        recon: the array to place; its own origin is not looked at.
        truth: the frame; without an origin its element [0, 0] is the object's (0, 0).
        min_overlap: placements overlapping by less than this share of the smaller array are not considered.

    Raises:
        EvaluationError: one of the arrays has no structure to register by.

    """
    score, zero = _correlation_map(recon, truth, min_overlap)
    peak = np.unravel_index(int(np.argmax(score)), score.shape)
    best = float(score[peak])
    rivals = score.copy()
    rivals[tuple(slice(max(p - _PEAK_RADIUS_PX, 0), p + _PEAK_RADIUS_PX + 1) for p in peak)] = 0.0
    offset = [peak[axis] - zero[axis] + _parabola(score, peak, axis) for axis in (0, 1)]
    frame = (0.0, 0.0) if truth.origin_px is None else truth.origin_px
    return Registration(
        origin_px=(float(frame[0] + offset[0]), float(frame[1] + offset[1])),
        correlation=best,
        sureness=1.0 - float(rivals.max()) / best,
    )


def _correlation_map(
    recon: Reconstruction, truth: Reconstruction, min_overlap: float
) -> tuple[RealArray, tuple[int, int]]:
    """Normalised correlation for every placement, and the index of the placement at the truth's [0, 0].

    Means and energies are those of the overlap of each placement (Padfield, IEEE TIP 21, 2706 (2012)), so a
    perfect part of the truth scores 1 wherever it lies.
    """
    size = [fft.next_fast_len(r + t - 1) for r, t in zip(recon.shape, truth.shape, strict=True)]

    def transform(values: ComplexArray | RealArray) -> ComplexArray:
        return np.asarray(fft.fft2(values, s=size), dtype=np.complex128)

    def correlate(of_truth: ComplexArray, of_recon: ComplexArray) -> ComplexArray:
        return np.asarray(fft.ifft2(of_truth * of_recon.conj()), dtype=np.complex128)

    products_r, weight_r = _neighbour_products(recon)
    products_t, weight_t = _neighbour_products(truth)
    seen_r, seen_t = transform(weight_r), transform(weight_t)
    overlap = correlate(seen_t, seen_r).real
    enough = overlap >= min_overlap * min(weight_r.sum(), weight_t.sum())
    overlap = np.where(enough, overlap, 1.0)
    energy_r = correlate(seen_t, transform((np.abs(products_r) ** 2).sum(axis=0))).real
    energy_t = correlate(transform((np.abs(products_t) ** 2).sum(axis=0)), seen_r).real
    cross = np.zeros_like(seen_t)
    for of_truth, of_recon in zip(map(transform, products_t), map(transform, products_r), strict=True):
        sum_t, sum_r = correlate(of_truth, seen_r), correlate(seen_t, of_recon)
        cross += correlate(of_truth, of_recon) - sum_t * sum_r / overlap
        energy_t -= np.abs(sum_t) ** 2 / overlap
        energy_r -= np.abs(sum_r) ** 2 / overlap
    structured = enough
    for energy in (energy_t, energy_r):
        structured = structured & (energy > _FLAT_SHARE * energy.max())
    norm = np.sqrt(np.where(structured, energy_t * energy_r, 1.0))
    score = np.where(structured, np.abs(cross) / norm, 0.0)
    # Placements above or left of the truth are wrapped to the far end: roll them to the front.
    zero = (recon.shape[0] - 1, recon.shape[1] - 1)
    return np.roll(score, zero, axis=(0, 1)), zero


def _neighbour_products(source: Reconstruction) -> tuple[ComplexArray, RealArray]:
    """Products with the neighbour below and to the right (2, h, w), and where both neighbours exist.

    Their mean is subtracted for the sake of rounding only: the correlation removes that of each overlap.
    """
    field = np.where(source.covered, source.field, 0).astype(np.complex128)
    below, right = np.roll(field, -1, axis=0), np.roll(field, -1, axis=1)
    seen = source.covered & np.roll(source.covered, -1, axis=0) & np.roll(source.covered, -1, axis=1)
    seen[-1, :] = seen[:, -1] = False
    if not seen.any():
        raise EvaluationError("too few neighbouring pixels are covered to register the array")
    products = np.stack([below * field.conj(), right * field.conj()])
    mean_free = np.where(seen, products - products[:, seen].mean(axis=1)[:, None, None], 0)
    if np.sum(np.abs(mean_free) ** 2) <= _FLAT_SHARE * np.sum(np.abs(products[:, seen]) ** 2):
        raise EvaluationError("an array without structure cannot be registered: give its origin_px")
    return mean_free, seen.astype(np.float64)


def _parabola(score: RealArray, peak: tuple[np.intp, ...], axis: int) -> float:
    """Vertex, relative to the peak, of the parabola through the peak and its neighbours along one axis."""
    line = score[tuple(slice(None) if a == axis else p for a, p in enumerate(peak))]
    at = int(peak[axis])
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, after = line[at - 1 : at + 2]
    curvature = before - 2 * here + after
    return float(0.5 * (before - after) / curvature) if curvature < 0 else 0.0
