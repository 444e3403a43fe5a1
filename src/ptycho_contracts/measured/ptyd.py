"""Geometry, patterns and positions of a PtyPy data file."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.contracts import ptypy_ptyd as ptyd
from ptycho_contracts.measured.geometry import Geometry, number, numeric_shape, possible_energy_eV
from ptycho_contracts.measured.patterns import ChainedPatterns
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source

_CHUNK = re.compile(r"chunks/(\d+)/data")


def ptyd_geometry(source: Source) -> Geometry:
    """What `meta` says; a value of PtyPy's type `None` is none."""
    energy = known_number(source, ptyd.ENERGY_KEV)
    shape = numeric_shape(source, (ptyd.DATA,))
    return Geometry(
        None if energy is None else possible_energy_eV(energy * 1e3),
        known_number(source, ptyd.DISTANCE_M),
        _pixel_m(source),
        (shape[1], shape[2]) if shape is not None and len(shape) == 3 else None,
    )


def known_number(source: Source, member: str) -> float | None:
    """A positive number, unless PtyPy's type says that it stands for no value."""
    return None if says_none(source, member) else number(source, member)


def says_none(source: Source, member: str) -> bool:
    """Whether PtyPy wrote `None` here, which HDF5 holds as a zero."""
    info = source.describe().members.get(member)
    return info is not None and "type" in info.attributes and info.attributes["type"].value == "None"


def _pixel_m(source: Source) -> tuple[float, float] | None:
    shape = numeric_shape(source, (ptyd.PIXEL_M,))
    if shape is None or says_none(source, ptyd.PIXEL_M) or shape not in {(2,), (1,), ()}:
        return None
    values = np.broadcast_to(source.read(ptyd.PIXEL_M).astype(np.float64), 2)
    return (float(values[0]), float(values[1])) if np.all(np.isfinite(values) & (values > 0)) else None


def chunks(source: Source) -> list[int]:
    """Numbers of the chunks that hold patterns, in PtyPy's order."""
    return sorted(int(m[1]) for path in source.describe().members if (m := _CHUNK.fullmatch(path)))


def positions_m(source: Source) -> NDArray[np.float64] | None:
    """(n, 2) positions (row, column) in metres of all chunks; None where one has none of that form."""
    paths = [f"chunks/{k}/positions" for k in chunks(source)]
    if not paths or any((numeric_shape(source, (p,)) or ())[1:] != (2,) for p in paths):
        return None
    return np.concatenate([source.read(path).astype(np.float64) for path in paths])


def patterns_of(source: Source) -> tuple[ChainedPatterns, int]:
    """The patterns of all chunks, and how many they are.

    Raises:
        ValueError: a chunk holds none, or patterns of another shape.
    """
    members = source.describe().members
    paths = [f"chunks/{k}/data" for k in chunks(source)]
    if any(len(members[path].shape) != 3 for path in paths):
        raise ValueError("a chunk holds no patterns (frame, row, column)")
    parts = [StoredPatterns(source, path, members[path].shape) for path in paths]
    counts = [part.count for part in parts]
    return ChainedPatterns(parts, counts), sum(counts)
