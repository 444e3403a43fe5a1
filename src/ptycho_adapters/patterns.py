"""Lazy diffraction intensities: an array that reads rows of a file when indexed, squaring amplitudes on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from ptycho_contracts.measured.patterns import RowsOfPatterns, values_at
from ptycho_contracts.physics.readings import Stored


class StoredIntensity(BackendArray):
    """Intensities (scan, detector_y, detector_x) of some patterns of an open file.

    Args:
        patterns: The stored patterns.
        numbers: Which of them, ascending, in the order of the scan.
        stored: Whether the file holds amplitudes (squared when read) or intensities (passed on as they are).
    """

    def __init__(self, patterns: RowsOfPatterns, numbers: NDArray[np.intp], stored: Stored) -> None:
        self._patterns = patterns
        self._numbers = numbers
        self._squared = stored == "amplitude"
        self.shape = (len(numbers), *patterns.frame_shape)
        # An amplitude of integer type is squared in float64: integers would overflow without a word.
        floating = patterns.dtype.kind == "f"
        self.dtype = np.dtype(np.float64) if self._squared and not floating else patterns.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._get)

    def _get(self, key: tuple[Any, ...]) -> Any:
        numbers = np.atleast_1d(self._numbers[key[0]])
        values = values_at(self._patterns, numbers).astype(self.dtype, copy=False)
        if self._squared:
            np.multiply(values, values, out=values)
        inner = values[(slice(None), *_outer(key[1:]))]
        return inner[0] if np.isscalar(key[0]) else inner


def _outer(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two independent indexers as numpy understands them together."""
    y, x = key
    if isinstance(y, np.ndarray) and isinstance(x, np.ndarray):
        return np.ix_(y, x)
    return y, x
