"""Assembly: complex patches put back onto the object canvas at their positions, with occupancy.

Patches overlap, and their edges are the worst part of them: the probe hardly lit them. Hence two margins, see
`Stitching`: one is cut off before a patch is moved by the sub-pixel part of its position, the other after it,
because a Fourier shift is periodic and bends the edges.

Unlike upstream, the complex field is averaged, not amplitude and phase apart (phases do not average across
±π), a pixel that no patch covers says so by occupancy 0, and margins that would leave nothing are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

# Below this a position counts as lying on whole pixels; such patches are placed exactly as they are.
_WHOLE_PX = 1e-4
# Patches shifted at once: enough for the FFT, few enough for the memory.
_BATCH = 32

Blocks = Iterable[tuple[int, NDArray[np.complexfloating]]]


class Stitching(BaseModel):
    """The margins of a patch; the defaults are those of PtychoViT (flat generation, February 2026).

    Of its patches of 256 px it thus places the central 64 × 64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    crop_px: NonNegativeInt = Field(default=64, description="cut off each edge before the sub-pixel shift")
    pad_px: NonNegativeInt = Field(default=32, description="guard band, dropped from each edge after the shift")

    @property
    def margin_px(self) -> int:
        """What each edge loses in all."""
        return self.crop_px + self.pad_px


@dataclass(frozen=True, eq=False)
class Assembled:
    """Patches on the canvas.

    Attributes:
        field: (h, w) complex64, the weighted mean of the patches; 0 where none lies.
        occupancy: (h, w) float32, how many patches cover each pixel.
        origin_px: (2,) float64, canvas coordinate (y, x) of element [0, 0].
        off_canvas_px: How many pixels of patches fell outside the canvas and were discarded.
    """

    field: NDArray[np.complex64]
    occupancy: NDArray[np.float32]
    origin_px: NDArray[np.float64]
    off_canvas_px: int

    def trimmed(self) -> Assembled:
        """The bounding box of the covered pixels; its origin says where it lies."""
        rows = np.flatnonzero(self.occupancy.any(axis=1))
        columns = np.flatnonzero(self.occupancy.any(axis=0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        origin_px = self.origin_px + np.array([rows[0], columns[0]])
        return Assembled(self.field[box], self.occupancy[box], origin_px, self.off_canvas_px)


def assemble(
    patches: NDArray[np.complexfloating] | Blocks,
    centre_px: NDArray[np.floating],
    canvas: tuple[int, int],
    stitching: Stitching,
    weight: NDArray[np.floating] | None = None,
) -> Assembled:
    """Average patches on the canvas; memory does not grow with their number when they come in blocks.

    Args:
        patches: (k, n, n) complex, or blocks (number of the first, (b, n, n)) in order.
        centre_px: (k, 2) canvas coordinates (y, x), 0-based, of the patches' centres, index (n−1)/2.
        canvas: (rows, columns) of the object.
        stitching: The margins that are not placed.
        weight: (n, n) real, ≥ 0, how much each pixel of a patch counts, the illumination `Σ|probe|²` for example;
            pixels of weight 0 are not placed. None: all count alike, as upstream.

    Raises:
        ValueError: the margins leave nothing to place; shapes or counts do not fit; patches or positions are not
            finite; no patch touches the canvas.
    """
    centres = _finite_centres(centre_px)
    total: _Canvas | None = None
    done = 0
    for start, block in _batches(patches):
        if start != done or start + len(block) > len(centres):
            raise ValueError(f"patches {start} to {start + len(block) - 1} do not follow {done} of {len(centres)}")
        if total is None:
            _check_margins(block.shape, stitching)
            total = _Canvas(canvas, _inner_weight(weight, block.shape[-1], stitching.margin_px))
        _check_finite(block, start)
        _add(total, block, centres[start : start + len(block)], stitching)
        done += len(block)
    if total is None or done != len(centres):
        raise ValueError(f"{done} patches came for {len(centres)} positions")
    return total.mean()


def _finite_centres(centre_px: NDArray[np.floating]) -> NDArray[np.float64]:
    centres = np.asarray(centre_px, np.float64)
    if centres.ndim != 2 or centres.shape[1] != 2 or not np.isfinite(centres).all():
        raise ValueError(f"positions are finite and (k, 2), not {centres.shape} with what is in them")
    return centres


def _batches(patches: NDArray[np.complexfloating] | Blocks) -> Iterator[tuple[int, NDArray[np.complexfloating]]]:
    """Blocks of at most `_BATCH` patches."""
    blocks: Blocks = [(0, patches)] if isinstance(patches, np.ndarray) else patches
    for start, block in blocks:
        for first in range(0, len(block), _BATCH):
            yield start + first, block[first : first + _BATCH]


def _check_margins(shape: tuple[int, ...], stitching: Stitching) -> None:
    if len(shape) != 3 or shape[1] != shape[2]:
        raise ValueError(f"patches are (k, n, n), not {shape}")
    if 2 * stitching.margin_px >= shape[1]:
        raise ValueError(
            f"cropping {stitching.crop_px} px and dropping {stitching.pad_px} px per edge leaves nothing of a patch "
            f"of {shape[1]} px"
        )


def _check_finite(block: NDArray[np.complexfloating], start: int) -> None:
    broken = np.flatnonzero(~np.isfinite(block).all(axis=(1, 2)))
    if len(broken):
        raise ValueError(f"patch {start + int(broken[0])} is not finite")


def _inner_weight(weight: NDArray[np.floating] | None, n: int, margin: int) -> NDArray[np.float64]:
    """The weight of the pixels that are placed."""
    if weight is None:
        return np.ones((n - 2 * margin,) * 2)
    if weight.shape != (n, n) or not np.isfinite(weight).all() or weight.min() < 0:
        raise ValueError(f"a weight is finite, not negative and {(n, n)}, not {weight.shape}")
    inner: NDArray[np.float64] = weight[margin : n - margin, margin : n - margin].astype(np.float64)
    if not inner.any():
        raise ValueError("the weight is 0 on every pixel that the margins leave")
    inner /= inner.max()
    return inner


class _Canvas:
    """Running sums on the canvas."""

    def __init__(self, shape: tuple[int, int], weight: NDArray[np.float64]) -> None:
        self._weight = weight
        self._counts = weight > 0
        self._field = np.zeros(shape, np.complex128)
        self._weights = np.zeros(shape, np.float64)
        self._occupancy = np.zeros(shape, np.float32)
        self._off_canvas_px = 0

    def add(self, patch: NDArray[np.complexfloating], corner: tuple[int, int]) -> None:
        """Add a patch whose element [0, 0] lies at this pixel; what lies outside is counted and discarded."""
        place, part = [], []
        for first, size, length in zip(corner, patch.shape, self._field.shape, strict=True):
            low, high = min(max(first, 0), length), max(min(first + size, length), 0)
            place.append(slice(low, max(low, high)))
            part.append(slice(low - first, max(low, high) - first))
        here, inside = tuple(place), tuple(part)
        weight = self._weight[inside]
        self._field[here] += patch[inside] * weight
        self._weights[here] += weight
        self._occupancy[here] += self._counts[inside]
        self._off_canvas_px += patch.size - weight.size

    def mean(self) -> Assembled:
        """The weighted mean where there is any weight."""
        if not self._occupancy.any():
            raise ValueError(
                f"no patch touches the canvas {self._field.shape}: its positions are stated in another frame or unit"
            )
        np.divide(self._field, self._weights, out=self._field, where=self._weights > 0)
        return Assembled(self._field.astype(np.complex64), self._occupancy, np.zeros(2), self._off_canvas_px)


def _add(
    canvas: _Canvas, block: NDArray[np.complexfloating], centres: NDArray[np.float64], stitching: Stitching
) -> None:
    """Crop, move by the sub-pixel part, drop the guard band, place."""
    crop_px, pad_px = stitching.crop_px, stitching.pad_px
    kept = slice(crop_px, block.shape[1] - crop_px)
    cropped = block[:, kept, kept]
    corners = centres - (cropped.shape[1] - 1) / 2
    whole = np.floor(corners + 0.5).astype(np.int64)
    moved = _shifted(cropped, corners - whole, pad_px)
    inner = slice(pad_px, cropped.shape[1] - pad_px)
    for patch, (y, x) in zip(moved[:, inner, inner], (whole + pad_px).tolist(), strict=True):
        canvas.add(patch, (y, x))


def _shifted(
    patches: NDArray[np.complexfloating], fraction_px: NDArray[np.float64], pad_px: int
) -> NDArray[np.complexfloating]:
    """Each patch moved by its fraction (y, x) of a pixel towards larger indices; itself on whole pixels.

    The guard band fades into the patch's mean, so that opposite edges meet smoothly and do not ring inwards.
    """
    rows = np.flatnonzero(np.abs(fraction_px).max(axis=1) > _WHOLE_PX)
    if len(rows) == 0:
        return patches
    fade = _fade(patches.shape[1], pad_px)
    part = patches[rows].astype(np.complex128)
    mean = part.mean(axis=(1, 2), keepdims=True)
    spectrum = np.fft.fft2((part - mean) * (fade[:, None] * fade))
    frequency = np.fft.fftfreq(patches.shape[1])
    ramp_y, ramp_x = (np.exp(-2j * np.pi * fraction_px[rows, axis, None] * frequency) for axis in (0, 1))
    moved = patches.astype(np.complex128)
    moved[rows] = np.fft.ifft2(spectrum * ramp_y[:, :, None] * ramp_x[:, None, :]) + mean
    return moved


def _fade(size: int, pad_px: int) -> NDArray[np.float64]:
    """1 on what is kept and one pixel around it, falling to the edges as a raised cosine."""
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    fade: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.minimum(1.0, from_edge / max(pad_px - 1, 0.5)))
    return fade
