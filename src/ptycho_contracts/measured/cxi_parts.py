"""Patterns, probe and object of a CXI file, and where its patches lie on the object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.contracts import cxi
from ptycho_contracts.measured.geometry import number
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source


def pattern_member(source: Source) -> str | None:
    """The first place where patterns are, or None."""
    members = source.describe().members
    return next((member for member in cxi.PATTERNS if member in members), None)


def patterns_of(source: Source) -> tuple[StoredPatterns, NDArray[np.intp]] | None:
    """The patterns, and which of them belongs to each position; None where there are none.

    Raises:
        ValueError: a position belongs to a pattern that is not there.
    """
    members = source.describe().members
    member = pattern_member(source)
    if member is None:
        return None
    patterns = StoredPatterns(source, member, members[member].shape)
    if cxi.FRAME_INDEX in members or cxi.POSITION_INDEXES not in members:
        return patterns, np.arange(patterns.count)
    # Ptychodus numbers the patterns of a file from 0 on.
    numbers = source.read(cxi.POSITION_INDEXES).astype(np.intp)
    if numbers.min() < 0 or numbers.max() >= patterns.count:
        raise ValueError(f"a position belongs to pattern {numbers.max()}, and there are {patterns.count}")
    return patterns, numbers


def frame_numbers(source: Source) -> NDArray[np.integer] | None:
    """The number of the detector frame of each position; None where the file has none."""
    members = source.describe().members
    if cxi.FRAME_INDEX in members and pattern_member(source) is not None:
        return source.read(cxi.FRAME_INDEX)
    if cxi.POSITION_INDEXES not in members:
        return None
    indexes = source.read(cxi.POSITION_INDEXES)
    return indexes if pattern_member(source) is None else indexes.astype(np.intp)


def probe_member(source: Source) -> str | None:
    """Where the probe is: `image_1` where an object is `image_2` (Ptychodus' habit), else the illumination."""
    members = source.describe().members
    member = cxi.PROBE if cxi.PROBE in members and cxi.OBJECT in members else cxi.ILLUMINATION
    return member if member in members else None


def probe_modes(source: Source) -> NDArray[Any] | None:
    """(mode, h, w) of OPR row 0, or None."""
    member = probe_member(source)
    if member is None:
        return None
    stored = source.read(member)
    modes: NDArray[Any] = stored.reshape((1,) * (4 - stored.ndim) + stored.shape)[0]
    return modes


def object_layers(source: Source) -> NDArray[Any] | None:
    """(layer, H, W), or None."""
    if cxi.OBJECT not in source.describe().members:
        return None
    stored = source.read(cxi.OBJECT)
    return stored if stored.ndim == 3 else stored[None]


def object_pixel_m(source: Source) -> tuple[float | None, float | None]:
    """(height, width) of an object pixel as Ptychodus finds it: stored, or by the size of the object; or None."""
    height, width = (number(source, member) for member in cxi.OBJECT_PIXELS_M)
    members = source.describe().members
    if height is None and cxi.OBJECT_SIZE_M in members and cxi.OBJECT in members:
        size = source.read(cxi.OBJECT_SIZE_M).astype(np.float64)
        rows, columns = members[cxi.OBJECT].shape[-2:]
        height, width = (float(size[1] / rows) or None, float(size[0] / columns) or None)
    return (None, None) if height is None or width is None else (height, width)


def position_on_object_m(source: Source, positions_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(scan, 2) positions from the middle of the object: the stored centre is taken off, as Ptychodus 1.7 does."""
    members = source.describe().members
    centre = [float(source.read(m).reshape(-1)[0]) if m in members else 0.0 for m in cxi.CENTRE_M]
    from_middle: NDArray[np.float64] = positions_m - np.array(centre)
    return from_middle
