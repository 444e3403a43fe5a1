"""The eight ways to turn a square array onto itself, as matrices that act on (y, x) about the array's centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Turn:
    """A symmetry of the square: an element at index i of an array moves to `matrix @ (i − centre) + centre`."""

    matrix: tuple[tuple[int, int], tuple[int, int]]

    @property
    def array(self) -> NDArray[np.intp]:
        """The matrix (2, 2), acting on (y, x)."""
        return np.array(self.matrix, np.intp)

    @property
    def exchanges_axes(self) -> bool:
        """Whether rows become columns."""
        return self.matrix[0][0] == 0

    @property
    def inverse(self) -> Turn:
        """What undoes it."""
        return _turn(self.array.T)

    @property
    def signs(self) -> tuple[int, int]:
        """Of each axis of the turned array: −1 where it runs against the axis that it came from."""
        (a, b), (c, d) = self.matrix
        return a + b, c + d

    def __matmul__(self, other: Turn) -> Turn:
        """First `other`, then this."""
        return _turn(self.array @ other.array)

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """`values` (…, h, w) turned over the last two axes."""
        turned = np.swapaxes(values, -1, -2) if self.exchanges_axes else values
        flipped = tuple(axis for axis, sign in zip((-2, -1), self.signs, strict=True) if sign < 0)
        return np.flip(turned, flipped) if flipped else turned


def _turn(matrix: NDArray[np.intp]) -> Turn:
    (a, b), (c, d) = matrix.tolist()
    return Turn(((a, b), (c, d)))


AS_IT_IS = Turn(((1, 0), (0, 1)))
TRANSPOSED = Turn(((0, 1), (1, 0)))
FLIPPED_Y = Turn(((-1, 0), (0, 1)))
FLIPPED_X = Turn(((1, 0), (0, -1)))
ROTATED_180 = Turn(((-1, 0), (0, -1)))
TURNS: dict[str, Turn] = {
    "": AS_IT_IS,
    "transposed": TRANSPOSED,
    "flipped-y": FLIPPED_Y,
    "flipped-x": FLIPPED_X,
    "rotated-180": ROTATED_180,
    "rotated-90": Turn(((0, -1), (1, 0))),
    "rotated-270": Turn(((0, 1), (-1, 0))),
    "anti-transposed": Turn(((0, -1), (-1, 0))),
}
NAMES = {turn: name for name, turn in TURNS.items()}
