"""The orders in which PtychoPINN's grid-lines files are found: named hypotheses, decided by evidence.

PtychoPINN 2.0.0 writes splits whose patterns and coordinates disagree in known ways: train.npz is permuted by
`sklearn.utils.shuffle(arange(n), random_state=0)` while its coordinates are not, and with several objects the
patterns are image-major while the coordinates repeat each position per object. Axis 2 of the offsets is
[y, x] in synthetic files and [x, y] in external ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.forward import Places
from ptycho_contracts.physics.readings import Reading

SHUFFLE_SEED = 0
# Names of readings: of the file's own statement, and of one of the changes that others are put together of.
AS_STORED = "as stored"
OFFSETS_ARE_XY = "offsets are x, y"


def known_shuffle(count: int) -> NDArray[np.intp]:
    """Row of the original order that lies at each row of a shuffled file.

    `sklearn.utils.shuffle(x, random_state=0)` takes rows in the order of a legacy `RandomState(0)` shuffle of
    arange(n); numpy keeps that stream unchanged for ever.
    """
    order = np.arange(count)
    np.random.RandomState(SHUFFLE_SEED).shuffle(order)
    return order.astype(np.intp)


def offsets_table(offsets: NDArray[np.floating], channels: int) -> NDArray[np.float64]:
    """(n, C, 2) from any stored form of the offsets: (n, 1, 2, C), (n, 2), (n, 2, 1, 1); axes as stored."""
    n = offsets.shape[0]
    if offsets.ndim == 4 and offsets.shape[1:3] == (1, 2):
        table = np.moveaxis(offsets[:, 0], 1, 2)
    else:
        table = offsets.reshape(n, 1, 2)
    if table.shape[1] != channels:
        raise ValueError(f"offsets have {table.shape[1]} channels and the patterns {channels}")
    return np.ascontiguousarray(table, dtype=np.float64)


def grid_lines_readings(offsets: NDArray[np.floating], objects: int, channels: int) -> list[Reading]:
    """Every named hypothesis, the file's own statement first; patterns are counted row by row, channel by channel.

    Args:
        offsets: As stored.
        objects: How many objects the file holds.
        channels: Patterns per row (gridsize²).
    """
    table = offsets_table(offsets, channels)
    readings = []
    for axes, swap in (("", False), (OFFSETS_ARE_XY, True)):
        ordered = table[..., ::-1] if swap else table
        for shuffled in (False, True):
            for layout, (rows, index) in _layouts(ordered, objects).items():
                changes = tuple(c for c in (layout, "known shuffle" if shuffled else "", axes) if c)
                order = known_shuffle(len(table)) if shuffled else np.arange(len(table))
                places = _places(ordered[rows[order]], index[order])
                readings.append(Reading(" + ".join(changes) or AS_STORED, places, "amplitude", changes))
    return readings


def _places(table: NDArray[np.float64], index: NDArray[np.intp]) -> Places:
    channels = table.shape[1]
    return Places(np.repeat(index, channels), table.reshape(-1, 2))


def _layouts(table: NDArray[np.float64], objects: int) -> dict[str, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """For each way in which rows may run over objects: (coordinate row, object) of the pattern row.

    The first is what the coordinates themselves state: repeated per position they interleave the objects,
    otherwise they run image by image.
    """
    n = len(table)
    rows = np.arange(n, dtype=np.intp)
    if objects == 1:
        return {"": (rows, np.zeros(n, np.intp))}
    image = np.minimum(rows * objects // n, objects - 1)
    interleaved = (rows, rows % objects)
    image_major = (rows, image)
    within = rows - image * (n // objects)
    repeated = (np.minimum(within * objects, n - 1), image)
    if coordinates_repeat(table, objects):
        return {
            "": interleaved,
            "image-major patterns under repeated coordinates": repeated,
            "image by image": image_major,
        }
    return {"": image_major, "interleaved objects": interleaved}


def coordinates_repeat(table: NDArray[np.float64], objects: int) -> bool:
    """Whether each position stands `objects` times in a row (p0, p0, p1, p1, …)."""
    n = len(table)
    if objects < 2 or n % objects:
        return False
    grouped = table.reshape(n // objects, objects, -1)
    return bool(np.all(grouped == grouped[:, :1]))
