"""One region, one frame, one grid: what makes reconstructions of different arms comparable.

Coordinates are those of the object array: pixel i has its *centre* at i, so it spans i − ½ … i + ½.
"""

from dataclasses import dataclass

import numpy as np

from ptycho_adapters.evaluation.arrays import AnyComplex, ComplexArray, Mask, Pair, RealArray
from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.interpolation import SparseMatrix, apply, footprint_matrix, kernel_matrix
from ptycho_adapters.evaluation.reconstruction import Reconstruction

# A probe's faint tails light pixels that no pattern determines.
LIT_SHARE = 0.95
CANONICAL_SIZE = 256
# A pixel with less than this of its weight on uncovered ones is valid: an estimated origin that means an
# integer misses it by a little, and shall not cost a row of pixels.
_MAX_UNSEEN = 0.01


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of whole object pixels: first row and column, height and width."""

    y: int
    x: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise EvaluationError(f"the evaluated region is empty: {self.height} × {self.width} px")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    def grown(self, margin_px: int) -> "Region":
        """Return the region with `margin_px` more pixels on every side."""
        return Region(self.y - margin_px, self.x - margin_px, self.height + 2 * margin_px, self.width + 2 * margin_px)


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A field on the pixels of a region, and which of them are valid (both (h, w))."""

    field: ComplexArray
    valid: Mask


def region_of_scan(
    positions_px: RealArray, patch_size_px: int, object_shape: tuple[int, int], lit_px: float | None = None
) -> Region:
    """Return the region that a scan lets us judge.

    The bounding box of the patch centres, grown on each side by what the probe lights beyond a centre, and by a
    quarter patch at most: the pixels whose centre lies in that box and inside the object.

    Args:
        positions_px: (n, 2) patch centres (y, x), 0-based object pixels; the centre of a patch of n pixels
            is its index (n − 1)/2.
        patch_size_px: side of a patch, N.
        object_shape: (h, w) of the object array.
        lit_px: half the width of the light, see `lit_half_width_px`; None: a quarter patch, 0: the box itself.

    Raises:
        EvaluationError: the positions are not (n, 2) finite numbers, or no pixel is left.

    """
    positions = np.asarray(positions_px, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2 or not (len(positions) and np.isfinite(positions).all()):
        raise EvaluationError(f"positions are (n, 2) finite numbers, got shape {positions.shape}")
    margin = patch_size_px / 4 if lit_px is None else min(lit_px, patch_size_px / 4)
    first = np.maximum(np.ceil(positions.min(axis=0) - margin), 0).astype(int)
    last = np.minimum(np.floor(positions.max(axis=0) + margin), np.array(object_shape) - 1).astype(int)
    height, width = (last - first + 1).tolist()
    return Region(int(first[0]), int(first[1]), height, width)


def lit_half_width_px(probe: AnyComplex) -> float:
    """Return half the side of the centred square that holds `LIT_SHARE` of the probe's energy.

    Args:
        probe: (mode, n, n) complex.

    """
    energy = np.sum(np.abs(probe.astype(np.complex128)) ** 2, axis=0)
    rows, columns = (np.abs(np.arange(size) - (size - 1) / 2) for size in energy.shape)
    distance = np.maximum(rows[:, None], columns[None, :])
    half_widths = np.unique(distance)
    held = np.array([energy[distance <= half].sum() for half in half_widths])
    return float(half_widths[np.searchsorted(held, LIT_SHARE * held[-1])])


def cut(source: Reconstruction, region: Region, shift_px: Pair = (0.0, 0.0)) -> Patch:
    """Return a reconstruction on the pixels of a region, `shift_px` (y, x) further into it.

    Whole-pixel offsets copy, fractional ones interpolate real and imaginary part. A pixel is valid where the
    (up to four) pixels around its coordinate exist and are covered; uncovered ones are filled from the
    nearest covered before interpolation, so that what a tool left there does not ring into the covered part.

    Raises:
        EvaluationError: the reconstruction has no origin.

    """
    if source.origin_px is None:
        raise EvaluationError("a reconstruction without origin_px cannot be cut: register it first")
    start = (region.y, region.x)
    filled = _filled(source.field, source.covered)
    covered = source.covered.astype(np.float64)
    positions = [
        np.arange(length, dtype=np.float64) + (first - origin + shift)
        for length, first, origin, shift in zip(region.shape, start, source.origin_px, shift_px, strict=True)
    ]
    rows, columns = (_cut_axis(size, at) for size, at in zip(source.shape, positions, strict=True))
    seen = apply(rows[1], columns[1], covered)
    return Patch(apply(rows[0], columns[0], filled), seen >= 1 - _MAX_UNSEEN)


def _cut_axis(size: int, positions: RealArray) -> tuple[SparseMatrix, SparseMatrix]:
    """Kernel and footprint of one axis; where the source ends, its nearest pixel only fills the array."""
    inside = np.clip(positions, 0, size - 1)
    return kernel_matrix(size, inside), footprint_matrix(size, positions)


def _filled(field: AnyComplex, valid: Mask) -> ComplexArray:
    """Return the field with invalid pixels replaced by their nearest valid one."""
    values = np.asarray(field, dtype=np.complex128)
    if valid.all() or not valid.any():
        return values
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415  (most arrays are fully covered)

    nearest = distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)], dtype=np.complex128)


def resample_pair(recon: Patch, truth: Patch, shape: tuple[int, int]) -> tuple[Patch, Patch]:
    """Return both patches on another grid over the same area, with one common validity mask.

    Pixel-centre convention: output pixel i of n covers the input from i·f to (i + 1)·f pixel edges, so its
    centre lies at (i + ½)·f − ½, f = size/n. Shrinking (f > 1) widens the kernel by f: that is the
    anti-alias filter. Growing does not filter. Both patches pass through the same operator, and the pixels
    invalid in either are filled from the same neighbours in both, so equal patches stay equal.
    """
    common = recon.valid & truth.valid
    axes = [_resample_axis(size, count) for size, count in zip(common.shape, shape, strict=True)]
    (rows, row_support), (columns, column_support) = axes
    valid = apply(row_support, column_support, (~common).astype(np.float64)) <= _MAX_UNSEEN
    resampled = [Patch(apply(rows, columns, _filled(p.field, common)), valid) for p in (recon, truth)]
    return resampled[0], resampled[1]


def _resample_axis(size: int, count: int) -> tuple[SparseMatrix, SparseMatrix]:
    factor = size / count
    positions = (np.arange(count, dtype=np.float64) + 0.5) * factor - 0.5
    stretch = max(factor, 1.0)
    inside = np.clip(positions, 0, size - 1)
    return kernel_matrix(size, positions, stretch), footprint_matrix(size, inside, stretch)
