"""A reading is one named way to understand a file: which place belongs to which pattern, and in what unit.

Readings are compared by evidence only, never by file name, size or metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.forward import Places

Stored = Literal["amplitude", "intensity"]

# Two places nearer than this are the same scan position measured twice, not rivals of each other.
SAME_PLACE_PX = 0.25


@dataclass(frozen=True)
class Reading:
    """A named hypothesis about a file.

    Attributes:
        name: Short and stable; it goes into manifests.
        places: The place of every pattern, in stored order.
        stored: Whether the stored numbers are amplitudes or intensities.
        changes: What differs from how the file states itself; empty for the statement itself.
        corner: Whether the zero frequency is stored at index [0, 0] instead of n/2.
    """

    name: str
    places: Places
    stored: Stored
    changes: tuple[str, ...] = ()
    corner: bool = False


class Patterns(Protocol):
    """The stored patterns of a file, in its order, as it stores them (amplitude or intensity)."""

    count: int

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some patterns (k, n, n); `rows` ascending."""
        ...

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first pattern, patterns (b, n, n)) in order, one block alive at a time."""
        ...


def to_amplitude(values: NDArray[np.float32], stored: Stored) -> NDArray[np.float32]:
    """Amplitudes of stored values; negative or non-finite values count as nothing measured."""
    clean = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return clean if stored == "amplitude" else np.sqrt(np.maximum(clean, 0), dtype=np.float32)


def distinct(places: Places) -> tuple[Places, NDArray[np.intp]]:
    """The different places among `places`, and for each place its index among them."""
    grid = np.round(places.centre_px / SAME_PLACE_PX).astype(np.int64)
    keys = np.column_stack([places.object_index, grid])
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return places.take(first), inverse.reshape(-1)


def same_reading(a: Reading, b: Reading) -> bool:
    """Whether two readings put every pattern at the same place in the same unit."""
    return (
        (a.stored, a.corner) == (b.stored, b.corner)
        and np.array_equal(a.places.object_index, b.places.object_index)
        and bool(np.all(np.abs(a.places.centre_px - b.places.centre_px) < SAME_PLACE_PX))
    )


def different_readings(readings: list[Reading]) -> list[Reading]:
    """Without those that say the same as an earlier one (image-major order of one object, say)."""
    kept: list[Reading] = []
    for reading in readings:
        if not any(same_reading(reading, other) for other in kept):
            kept.append(reading)
    return kept
