"""Grid-lines splits in every order in which PtychoPINN writes them, with the truth that the file does not tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from simulated import gaussian_probe, intensity, scan_corners, structured_object

Layout = Literal["repeated", "interleaved", "image by image"]
PHOTONS = 1e6


@dataclass(frozen=True)
class Split:
    """The arrays of the file, and for each pattern in stored order (row by row, channel by channel) its place."""

    arrays: dict[str, NDArray[Any]]
    object_index: NDArray[np.intp]
    centre_px: NDArray[np.float64]

    def write(self, path: Path) -> Path:
        np.savez(path, allow_pickle=True, **self.arrays)
        return path


def simulate_split(
    n: int = 32,
    objects: int = 1,
    channels: int = 1,
    layout: Layout = "repeated",
    order: NDArray[np.intp] | Literal["known"] | None = None,
    xy: bool = False,
    seed: int = 0,
) -> Split:
    """A split of 36 positions per object.

    Args:
        n: Detector size.
        objects: How many objects.
        channels: Patterns per row; 4 for gridsize 2.
        layout: `repeated` is PtychoPINN's defect with several objects: coordinates p0, p0, p1, p1 … over
            image-major patterns. `interleaved` has such coordinates and patterns to match, `image by image`
            neither.
        order: How the rows of the patterns are permuted under unpermuted coordinates.
        xy: Whether axis 2 of the offsets is (x, y), as in external files.
        seed: Object, scan and noise.
    """
    corners = scan_corners(6, 6, max(5, n // 6), seed + 1).reshape(-1, channels, 2)
    count = len(corners)
    size = int(corners.max()) + n + 5
    truths = np.stack([structured_object((size, size), seed + 10 + k) for k in range(objects)])
    probe = gaussian_probe(n)
    if layout == "interleaved":
        row, image = np.repeat(np.arange(count), objects), np.tile(np.arange(objects), count)
    else:
        row, image = np.tile(np.arange(count), objects), np.repeat(np.arange(objects), count)
    stated = row if layout != "repeated" else np.repeat(np.arange(count), objects)
    permutation = _permutation(order, count * objects)
    row, image = row[permutation], image[permutation]
    places = [(k, y, x) for k, r in zip(image, row, strict=True) for y, x in corners[r]]
    clean = np.stack([intensity(truths[k][y : y + n, x : x + n], probe) for k, y, x in places])
    counts = np.random.default_rng(seed + 2).poisson(clean * PHOTONS / clean.sum(axis=(1, 2)).mean())
    patterns = np.sqrt(counts).astype(np.float32) / 37
    offsets = corners[stated] + (n - 1) / 2
    arrays = {
        "diffraction": np.moveaxis(patterns.reshape(-1, channels, n, n), 1, 3),
        "coords_offsets": np.moveaxis(offsets[..., ::-1] if xy else offsets, 1, 2)[:, None].astype(np.float32),
        "probeGuess": probe.astype(np.complex64),
        "YY_full": truths[..., None].astype(np.complex64),
    }
    centres = np.asarray(corners[row] + (n - 1) / 2, np.float64)
    return Split(arrays, np.repeat(image, channels), centres.reshape(-1, 2))


def _permutation(order: NDArray[np.intp] | Literal["known"] | None, rows: int) -> NDArray[np.intp]:
    """For "known": what `sklearn.utils.shuffle(arange(rows), random_state=0)` gives, by a legacy shuffle."""
    if order is None:
        return np.arange(rows)
    if not isinstance(order, str):
        return order
    indices = np.arange(rows)
    np.random.RandomState(0).shuffle(indices)
    return indices
