"""What the bridge's examination wrote, beside the truth that the pairs were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.forward import fourier_shift
from ptycho_runners.conformance.data import GeneratedPair, N
from ptycho_runners.conformance.promise import NotTestableError

if TYPE_CHECKING:
    from ptycho_runners.conformance.examination import Examination

CENTRE = slice(N // 4, 3 * N // 4)
"""The middle of a patch, where no way to shift by a fraction of a pixel rings."""

_WHOLE_PX = 1e-6
_MARGIN_PX = 32
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Items:
    """Items of one pair.

    Attributes:
        truth: what they should be.
        quiet: without noise, by name, the first axis is the item; names and shapes as `ExamineJob` states them.
        noisy: the same with noise.
        model: what the model says to the quiet ones.
    """

    truth: GeneratedPair
    quiet: Arrays
    noisy: Arrays
    model: Arrays

    @cached_property
    def patches(self) -> NDArray[np.complex128]:
        """(item, n, n) object patches as the dataset gives them."""
        phase = self.quiet["object_phase"][:, 0].astype(np.float64)
        patches: NDArray[np.complex128] = self.quiet["object_amplitude"][:, 0] * np.exp(1j * phase)
        return patches

    @cached_property
    def starts(self) -> NDArray[np.float64]:
        """(item, 2) first row and column of each patch by the position that the item states itself."""
        starts: NDArray[np.float64] = self.quiet["centre_px"].astype(np.float64) - (N - 1) / 2
        return starts

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(item,) whether the stated position lies on whole pixels."""
        off = np.abs(self.starts - np.round(self.starts)).max(axis=1)
        return np.asarray(off <= _WHOLE_PX)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(item,) whether the patch at the stated position lies inside the canvas."""
        limit = np.array(self.truth.layers.shape[1:]) - N
        return np.asarray(((self.starts >= 0) & (self.starts <= limit)).all(axis=1))


def read_items(examination: Examination) -> tuple[Items, ...]:
    """The items of every pair.

    Raises:
        NotTestableError: the examination failed.
    """
    ran = examination.require_finished(examination.examined, "the examination")
    return tuple(_of_pair(ran.folder, pair) for pair in examination.data.pairs)


def _of_pair(folder: Path, pair: GeneratedPair) -> Items:
    with h5py.File(folder / f"{pair.paths.name}_items.h5") as file:
        quiet, noisy, model = ({n: d[()] for n, d in file[group].items()} for group in ("quiet", "noisy", "model"))
    return Items(pair, quiet, noisy, model)


def crop(layer: NDArray[np.complexfloating], start: NDArray[np.float64]) -> NDArray[np.complex128]:
    """The n × n patch of a canvas from a first row and column; 0 outside, fractions by a Fourier shift."""
    corner = np.floor(start + _WHOLE_PX).astype(int)
    fraction = start - corner
    margin = N + _MARGIN_PX
    padded = np.pad(layer, margin)
    y, x = corner + margin - _MARGIN_PX
    wide = padded[y : y + N + 2 * _MARGIN_PX, x : x + N + 2 * _MARGIN_PX].astype(np.complex128)
    if wide.shape != (N + 2 * _MARGIN_PX,) * 2:
        raise NotTestableError(f"a patch from {start[0]:.1f}, {start[1]:.1f} px does not touch its canvas")
    if (np.abs(fraction) > _WHOLE_PX).any():
        wide = fourier_shift(wide, (-float(fraction[0]), -float(fraction[1]))).astype(np.complex128)
    return wide[_MARGIN_PX : _MARGIN_PX + N, _MARGIN_PX : _MARGIN_PX + N]
