"""Stored patterns, turned back as one hypothesis reads them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis
from ptycho_contracts.physics.diagnosis.subject import Subject


class Turned:
    """Patterns turned so that the stored object and the relative probe predict them, zero frequency at n/2.

    They keep their unit.
    """

    def __init__(self, subject: Subject, read: Hypothesis) -> None:
        self._patterns = subject.patterns
        self.count = subject.patterns.count
        self._pixels = read.values.every_pixel(subject.n, read.geometry.object)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some patterns (k, n, n); `rows` ascending."""
        return self._turned(self._patterns.take(rows))

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first pattern, patterns (b, n, n)) in order."""
        for start, block in self._patterns.blocks():
            yield start, self._turned(block)

    def _turned(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        return block.reshape(len(block), -1)[:, self._pixels].reshape(block.shape)
