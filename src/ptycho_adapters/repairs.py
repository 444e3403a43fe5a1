"""A Scan with the mistakes of its file undone: what the diagnosis proved, applied to every part.

Patterns stay lazy. Positions become places in the object as it truly lies, so nothing of the file's own idea of
axes, signs, origins or order is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from ptycho_contracts.physics.diagnosis.changes import Change
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis, Op, Values
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.readings import Stored


def repaired(scan: xr.Dataset, subject: Subject, proven: Hypothesis, changes: tuple[Change, ...]) -> xr.Dataset:
    """The scan as it is meant.

    Args:
        scan: Read from the file as it states itself.
        subject: The same file as the diagnosis saw it.
        proven: The reading that explains its patterns.
        changes: The mistakes that the diagnosis names; the scale of the probe is read from here.
    """
    geometry = proven.geometry
    centres = _true_centres(subject, geometry)
    scale = next((change.numbers[0] for change in changes if change.kind == "probe-scale"), 1.0)
    changed = scan.assign(
        position_y=("scan", np.ascontiguousarray(centres[:, 0])),
        position_x=("scan", np.ascontiguousarray(centres[:, 1])),
        intensity=_patterns(scan["intensity"], proven.values, subject.stored),
        probe=(scan["probe"].dims, _scaled(_undone(scan["probe"].values, geometry.probe), 1 / scale)),
    )
    object_ = _undone(scan["object"].values, geometry.object)
    changed = changed.drop_vars("object").assign(object=(scan["object"].dims, object_))
    pixels = {k: float(scan.attrs[k]) / geometry.scale for k in ("pixel_size_y_m", "pixel_size_x_m") if k in scan.attrs}
    return changed.assign_attrs(pixels)


def _true_centres(subject: Subject, geometry: Geometry) -> NDArray[np.float64]:
    """Patch centres in array coordinates of the object as it truly lies."""
    stored = np.array(subject.canvas)
    turn = geometry.object.turn
    true = stored[::-1] if turn.exchanges_axes else stored
    centres = geometry.centres_px(subject, np.arange(subject.patterns.count, dtype=np.intp))
    back = (centres - (stored - 1) / 2) @ turn.inverse.array.T + (true - 1) / 2
    return np.asarray(back, np.float64)


def _undone(values: NDArray[Any], op: Op) -> NDArray[Any]:
    """A complex array (…, h, w) before `op` was done to it."""
    plain = values.conj() if op.conjugated else values
    return np.ascontiguousarray(op.turn.inverse.of(plain))


def _scaled(values: NDArray[Any], factor: float) -> NDArray[Any]:
    return values if factor == 1.0 else (values * factor).astype(values.dtype)


def _patterns(intensity: xr.DataArray, values: Values, stated: Stored) -> xr.Variable:
    """The intensities, lazy, with every pattern as the forward model predicts it."""
    n = intensity.shape[-1]
    pixels = values.every_pixel(n, Op())
    moved = None if np.array_equal(pixels, np.arange(n * n)) else pixels
    unit = None if values.unit == stated else np.sqrt if stated == "amplitude" else np.square
    if moved is None and unit is None:
        return intensity.variable
    lazy = indexing.LazilyIndexedArray(_Mended(intensity.variable, moved, unit))
    return xr.Variable(intensity.dims, lazy)


class _Mended(BackendArray):
    """Patterns that are rearranged, and squared or rooted, when they are read.

    Args:
        stored: (scan, n, n), lazy.
        pixels: (n²,) flat pixel of the stored pattern for each of the true one; None where nothing moves.
        unit: Applied to the values, in float64: what the reader took for an intensity was none.
    """

    def __init__(
        self,
        stored: xr.Variable,
        pixels: NDArray[np.intp] | None,
        unit: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None,
    ) -> None:
        self._stored = stored
        self._pixels = pixels
        self._unit = unit
        self.shape = stored.shape
        # An integer that is squared needs float64: float32 is exact up to 2²⁴ only.
        self.dtype = np.dtype(np.float64) if unit is not None and stored.dtype.kind != "f" else stored.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._get)

    def _get(self, key: tuple[Any, ...]) -> Any:
        rows = key[0]
        one = isinstance(rows, int | np.integer)
        block = self._stored[slice(int(rows), int(rows) + 1) if one else rows].values
        if self._pixels is not None:
            block = block.reshape(len(block), -1)[:, self._pixels].reshape(block.shape)
        if self._unit is not None:
            block = self._unit(block.astype(np.float64)).astype(self.dtype)
        inner = block[(slice(None), *key[1:])]
        return inner[0] if one else inner
