"""The header in front of a numpy array: read with numpy's own readers, within limits, never blindly."""

from __future__ import annotations

import io
import math
import struct
import tokenize
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ptycho_contracts.sources.faults import unreadable

_MAX_HEADER = 10_000
_MAX_EMPTY = 2**32
# What numpy's header readers let through for hostile text, found by fuzzing them.
_REFUSALS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    SyntaxError,
    OverflowError,
    RecursionError,
    tokenize.TokenError,
    MemoryError,
)


@dataclass(frozen=True)
class NpyHeader:
    """What an npy header says; `start` is the byte at which the data begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    start: int

    @property
    def data_bytes(self) -> int:
        """Bytes of the array's data; meaningless for objects, which are pickled."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(take: Callable[[int], bytes], size: int, where: str) -> NpyHeader:
    """Parse the header of an npy member of `size` bytes, of which `take(n)` gives the next n.

    Raises:
        SourceError: UNREADABLE where it is no npy header, or where header and size contradict each other.
    """
    if size < 10:
        raise unreadable(where, "too short for a numpy array")
    magic = take(8)
    if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise unreadable(where, "the member does not begin like a numpy array")
    prefix = struct.Struct("<H" if magic[6] == 1 else "<I")
    if size < 8 + prefix.size:
        raise unreadable(where, "too short for a numpy array")
    (length,) = prefix.unpack(take(prefix.size))
    start = 8 + prefix.size + length
    if length > _MAX_HEADER or start > size:
        raise unreadable(where, f"its numpy header claims {length} bytes")
    shape, fortran, dtype = _parse(take(length), magic[6], where)
    header = NpyHeader(shape, dtype, fortran, start)
    if not dtype.hasobject and header.data_bytes != size - start:
        raise unreadable(
            where, f"shape {shape} of {dtype} needs {header.data_bytes} bytes, but {size - start} are stored"
        )
    return header


def _parse(text: bytes, version: int, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and dtype. Version 3 is version 2 in UTF-8, which numpy reads in private only."""
    try:
        if version == 3:
            text = text.decode("utf-8").encode("latin1", "backslashreplace")
        reader, prefix = (npy.read_array_header_1_0, "<H") if version == 1 else (npy.read_array_header_2_0, "<I")
        stream = io.BytesIO(struct.pack(prefix, len(text)) + text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers written by Python 2, deprecated spellings of dtypes
            shape, fortran, dtype = reader(stream, max_header_size=_MAX_HEADER * 10)
    except _REFUSALS as error:
        raise unreadable(where, f"its numpy header cannot be parsed: {error}") from error
    if any(isinstance(n, bool) or n < 0 for n in shape) or len(shape) > 32 or _absurd(shape, dtype):
        raise unreadable(where, f"its numpy header claims the shape {shape}")
    return tuple(shape), bool(fortran), dtype


def _absurd(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether numpy could not hold the shape, or an array of no bytes claims rows without end."""
    elements = math.prod(max(1, n) for n in shape)
    return elements * max(1, dtype.itemsize) >= 2**63 or (
        elements > _MAX_EMPTY and math.prod(shape) * dtype.itemsize == 0
    )
