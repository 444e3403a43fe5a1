"""A grid-lines split, opened for physics: its model, its patterns, and every order they may have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.grid_lines_orders import grid_lines_readings
from ptycho_contracts.physics.readings import Reading
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source

OFFSETS_KEYS = ("coords_offsets", "coords_start_offsets")
# What made the data comes before a guess of it.
PROBE_KEYS = ("probe_simulated", "probeGuess")


@dataclass(frozen=True)
class GridLinesSplit:
    """What the physics needs of a split.

    Attributes:
        patterns: Stored amplitudes.
        probe: (1, N, N) complex, with the name of the member it comes from in `probe_key`.
        objects: (L, H, W) complex, or None where the file holds none.
        readings: Every named order; the file's own statement first.
        model: Predicts with these objects and this probe; None without objects.
    """

    patterns: StoredPatterns
    probe: NDArray[np.complexfloating]
    probe_key: str
    objects: NDArray[np.complexfloating] | None
    offsets_key: str
    readings: list[Reading]
    model: ForwardModel | None

    def candidates(self) -> Places:
        """Every (object, position) that a pattern can have been taken at, as often as the scan visits it."""
        stated = self.readings[0].places.centre_px
        count = 1 if self.objects is None else len(self.objects)
        positions, visits = np.unique(stated, axis=0, return_counts=True)
        each = np.repeat(positions, -(-visits // count), axis=0)
        index = np.repeat(np.arange(count, dtype=np.intp), len(each))
        return Places(index, np.tile(each, (count, 1)))


def open_grid_lines(source: Source) -> GridLinesSplit:
    """Read objects, probe and offsets of an open split; the patterns stay where they are.

    Raises:
        ValueError: the offsets do not fit the patterns.
    """
    members = source.describe().members
    patterns = StoredPatterns(source, "diffraction", members["diffraction"].shape)
    probe_key = next(key for key in PROBE_KEYS if key in members)
    offsets_key = next(key for key in OFFSETS_KEYS if key in members)
    objects = _objects(source) if "YY_full" in members else None
    probe = source.read(probe_key)[None]
    readings = grid_lines_readings(source.read(offsets_key), 1 if objects is None else len(objects), patterns.channels)
    model = None if objects is None else ForwardModel(objects, probe)
    return GridLinesSplit(patterns, probe, probe_key, objects, offsets_key, readings, model)


def _objects(source: Source) -> NDArray[np.complexfloating]:
    """(L, H, W) from (L, H, W, 1) or (H, W)."""
    stored = source.read("YY_full")
    return stored[..., 0] if stored.ndim == 4 else stored[None]
