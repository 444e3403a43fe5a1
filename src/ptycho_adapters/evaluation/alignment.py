"""Removal of what ptychography cannot know, by well-posed estimates on the complex field.

A reconstruction that explains the data may differ from the truth by a translation, one complex factor and a
linear phase ramp. The three interact (an unremoved ramp hides the translation's peak, a translation tilts the
ratio of the fields), so they are estimated together: a coarse search, then a joint least-squares fit. A
conjugate or mirrored object is another object and stays what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from ptycho_adapters.evaluation.arrays import ComplexArray, Pair, RealArray
from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.harmonize import Patch, Region, cut
from ptycho_adapters.evaluation.reconstruction import Reconstruction

DEFAULT_MAX_SHIFT_PX = 4.0
# A translation is believed only if it removes at least this share of the misfit: a blurred, wrong
# reconstruction always finds one that fits a little better.
MIN_IMPROVEMENT = 0.05
_MAX_STEPS = 20
_TOLERANCE = 1e-5
# A fit that gained less than this share of its misfit twice in succession is at the end of its way.
_LEAST_GAIN = 1e-4
_MAX_STALLED = 2
# Directions weaker than this (no gradient along an axis, a truth that is a pure ramp) stay untouched.
_RANK_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Alignment:
    """What was removed: aligned(r) = scale · exp(−i·ramp·(r − centre)) · recon(r + shift).

    Attributes:
        shift_px: (y, x) displacement of the reconstruction's content against the truth, object pixels.
        scale_re: real part of the least-squares factor that brings the reconstruction to the truth.
        scale_im: its imaginary part.
        ramp_rad_per_px: (y, x) phase ramp of the reconstruction; it is zero at the region's centre.
        shift_removed: False where a translation did not improve the fit or left the search range;
            `shift_px` is then (0, 0). Scale and ramp are always removed.
        shift_reason: why `shift_removed` is what it is.
        max_shift_px: the search range, per axis.
        misfit: Σ|aligned − truth|²/Σ|truth|² over the valid pixels.
        misfit_without_shift: the same with scale and ramp alone removed.

    """

    shift_px: Pair
    scale_re: float
    scale_im: float
    ramp_rad_per_px: Pair
    shift_removed: bool
    shift_reason: str
    max_shift_px: float
    misfit: float
    misfit_without_shift: float
    scale_removed: bool = True
    ramp_removed: bool = True


@dataclass(frozen=True, slots=True)
class _Pose:
    """Translation and ramp of the reconstruction; the scale follows from them."""

    shift: RealArray
    ramp: RealArray


_Sampler = Callable[[_Pose], Patch]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A pose with everything that follows from it."""

    pose: _Pose
    patch: Patch
    scale: complex
    misfit: float


def align(
    recon: Reconstruction, truth: Patch, region: Region, max_shift_px: float = DEFAULT_MAX_SHIFT_PX
) -> tuple[Patch, Alignment]:
    """Bring a reconstruction to the truth on the pixels of a region.

    Args:
        recon: with its origin; the translation corrects that origin, so the field is interpolated once.
        truth: the truth cut to `region`; its invalid pixels are left out of every estimate.
        region: the evaluated region.
        max_shift_px: largest translation per axis to look for; 0 leaves the origin alone.

    Returns:
        the aligned patch on the region, and the record of what was removed.

    Raises:
        EvaluationError: nothing of the region is covered, or the reconstruction is zero in it.

    """
    finite = np.where(recon.covered, recon.field, 0).astype(np.complex128)
    recon = Reconstruction(finite, recon.origin_px, recon.occupancy)

    def sample(pose: _Pose) -> Patch:
        return cut(_without_ramp(recon, region, pose), region, _as_pair(pose.shift))

    ramp = _coarse_ramp(_overlap_product(cut(recon, region), truth))
    still = _refine(sample, truth, _Pose(np.zeros(2), ramp), move=False)
    moved = still
    if max_shift_px > 0:
        start = _coarse_pose(cut(recon, region.grown(int(np.ceil(max_shift_px)))), truth, ramp)
        moved = _refine(sample, truth, start, move=True)
    removed, reason = _judge_shift(still, moved, max_shift_px)
    best = moved if removed else still
    return best.patch, Alignment(
        shift_px=_as_pair(best.pose.shift),
        scale_re=best.scale.real,
        scale_im=best.scale.imag,
        ramp_rad_per_px=_as_pair(best.pose.ramp),
        shift_removed=removed,
        shift_reason=reason,
        max_shift_px=max_shift_px,
        misfit=best.misfit,
        misfit_without_shift=still.misfit,
    )


def _as_pair(values: RealArray) -> Pair:
    return float(values[0]), float(values[1])


def _without_ramp(recon: Reconstruction, region: Region, pose: _Pose) -> Reconstruction:
    """Return the reconstruction less the ramp of a pose, which is zero at the region's displaced centre.

    Before the interpolation, not after it: a steep ramp carries the field to frequencies that no kernel
    passes unharmed, and around uncovered pixels it is no neighbourhood to fill from.
    """
    if recon.origin_px is None:
        raise EvaluationError("a reconstruction without origin_px cannot be aligned: register it first")
    centre = region.y + (region.height - 1) / 2, region.x + (region.width - 1) / 2
    y, x = (
        np.arange(size, dtype=np.float64) + origin - middle - shift
        for size, origin, middle, shift in zip(recon.shape, recon.origin_px, centre, _as_pair(pose.shift), strict=True)
    )
    return Reconstruction(recon.field / _plane_wave(y, x, pose.ramp), recon.origin_px, recon.occupancy)


def _judge_shift(still: _Fit, moved: _Fit, max_shift_px: float) -> tuple[bool, str]:
    if max_shift_px <= 0:
        return False, "not looked for"
    if np.abs(moved.pose.shift).max() > max_shift_px:
        return False, "the best translation lies outside the search range"
    if moved.misfit > (1 - MIN_IMPROVEMENT) * still.misfit:
        return False, "a translation does not improve the fit"
    return True, "a translation improves the fit"


def _overlap_product(patch: Patch, truth: Patch) -> ComplexArray:
    """Ratio of the fields, weighted by the truth's energy: recon · truth*, zero where either is invalid."""
    valid = patch.valid & truth.valid
    return np.asarray(np.where(valid, patch.field * truth.field.conj(), 0), dtype=np.complex128)


def _coarse_ramp(product: ComplexArray) -> RealArray:
    """Return the ramp (rad/px) at the peak of the ratio's spectrum, padded twofold."""
    size = [2 * n for n in product.shape]
    spectrum = np.abs(fft.fft2(product, s=size))
    peak = np.unravel_index(int(np.argmax(spectrum)), spectrum.shape)
    return np.array([2 * np.pi * fft.fftfreq(n)[p] for n, p in zip(size, peak, strict=True)])


def _coarse_pose(wide: Patch, truth: Patch, ramp: RealArray) -> _Pose:
    """Return the whole-pixel translation, with its ramp, of the highest coherence with the truth.

    Ramp and translation are found in turn until the translation stands still.
    """
    margin = (wide.field.shape[0] - truth.field.shape[0]) // 2
    shift = (0, 0)
    for _ in range(3):
        found = _coarse_shift(wide, truth, ramp, margin)
        ramp = _coarse_ramp(_overlap_product(_window(wide, found, margin, truth), truth))
        if found == shift:
            break
        shift = found
    return _Pose(np.array(shift, dtype=np.float64), ramp)


def _window(wide: Patch, shift: tuple[int, int], margin: int, truth: Patch) -> Patch:
    at = tuple(slice(margin + s, margin + s + n) for s, n in zip(shift, truth.field.shape, strict=True))
    return Patch(wide.field[at], wide.valid[at])


def _coarse_shift(wide: Patch, truth: Patch, ramp: RealArray, margin: int) -> tuple[int, int]:
    reference = np.where(truth.valid, truth.field, 0) * _plane_wave(*_axes(truth.field.shape), ramp)
    truth_energy = np.abs(reference) ** 2
    searched = replace(wide, field=np.where(wide.valid, wide.field, 0))
    energy = replace(wide, field=(np.abs(searched.field) ** 2).astype(np.complex128))

    def coherence(shift: tuple[int, int]) -> float:
        here = _window(searched, shift, margin, truth)
        recon_energy = np.sum(_window(energy, shift, margin, truth).field * truth.valid).real
        norm = recon_energy * np.sum(truth_energy * here.valid)
        return float(np.abs(np.vdot(reference, here.field)) ** 2 / norm) if norm > 0 else 0.0

    span = range(-margin, margin + 1)
    # The smallest translation wins a tie, so that a field without structure stays in place.
    by_size = sorted(((y, x) for y in span for x in span), key=lambda s: s[0] ** 2 + s[1] ** 2)
    return max(by_size, key=coherence)


def _axes(shape: tuple[int, ...]) -> tuple[RealArray, RealArray]:
    """Coordinates of rows and of columns relative to the centre of an array."""
    y, x = (np.arange(n, dtype=np.float64) - (n - 1) / 2 for n in shape)
    return y, x


def _plane_wave(y: RealArray, x: RealArray, ramp: RealArray) -> ComplexArray:
    return np.asarray(np.outer(np.exp(1j * ramp[0] * y), np.exp(1j * ramp[1] * x)), dtype=np.complex128)


def _fit(sample: _Sampler, truth: Patch, pose: _Pose) -> _Fit:
    """Remove the least-squares scale from what a pose leaves, and say what remains."""
    patch = sample(pose)
    valid = patch.valid & truth.valid
    seen, wanted = patch.field[valid], truth.field[valid]
    energy = np.vdot(seen, seen).real
    reference = np.vdot(wanted, wanted).real
    if energy == 0 or reference == 0:
        raise EvaluationError(
            "nothing to compare: "
            + ("no pixel of the region is covered" if not valid.any() else "a field is zero in the region")
        )
    scale = complex(np.vdot(seen, wanted) / energy)
    misfit = float(np.sum(np.abs(scale * seen - wanted) ** 2) / reference)
    return _Fit(pose, Patch(scale * patch.field, valid), scale, misfit)


def _refine(sample: _Sampler, truth: Patch, pose: _Pose, move: bool) -> _Fit:
    """Least-squares fit of ramp and, with `move`, translation from a start within a pixel of the answer.

    Gauss–Newton with the truth's derivatives (Baker & Matthews, IJCV 56, 221 (2004), inverse compositional):
    they are free of the reconstruction's noise and the same in every step.
    """
    directions = _directions(truth, move)
    fit = best = _fit(sample, truth, pose)
    stalled = 0
    for _ in range(_MAX_STEPS):
        step = _solve(directions, fit, truth)
        tilt, move_by = step[2:4], np.clip(step[4:6], -1, 1) if move else np.zeros(2)
        fit = _fit(sample, truth, _Pose(fit.pose.shift - move_by, fit.pose.ramp + tilt))
        stalled = 0 if fit.misfit < (1 - _LEAST_GAIN) * best.misfit else stalled + 1
        best = min(best, fit, key=lambda candidate: candidate.misfit)
        # A tilt counts by the phase (rad) that it adds across the array.
        largest = max(np.abs(move_by).max(), np.abs(tilt * truth.field.shape).max())
        if largest < _TOLERANCE or stalled == _MAX_STALLED:
            break
    return best


def _directions(truth: Patch, move: bool) -> ComplexArray:
    """How the truth changes with scale (real, imaginary), ramp (y, x) and translation (y, x): (k, h, w)."""
    y, x = _axes(truth.field.shape)
    field = truth.field
    columns = [field, 1j * field, 1j * y[:, None] * field, 1j * x * field]
    if move and min(field.shape) > 1:
        columns += [np.gradient(field, axis=0), np.gradient(field, axis=1)]
    elif move:
        columns += [np.zeros_like(field)] * 2
    return np.stack(columns)


def _solve(directions: ComplexArray, fit: _Fit, truth: Patch) -> RealArray:
    valid = fit.patch.valid
    columns = directions[:, valid]
    residual = fit.patch.field[valid] - truth.field[valid]
    normal = (columns.conj() @ columns.T).real
    size = np.sqrt(np.diag(normal))
    size[size == 0] = 1.0
    right = (columns.conj() @ residual).real / size
    solution = np.linalg.lstsq(normal / np.outer(size, size), right, rcond=_RANK_TOLERANCE)[0]
    return np.asarray(solution / size, dtype=np.float64)
