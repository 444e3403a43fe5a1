"""What the sources of arrays share: blocks made of rows, and how dtypes are named."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.description import FileInfo, Scalar
from ptycho_contracts.finding import Finding
from ptycho_contracts.sources.base import rows_per_block


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name without byte order; texts of any length are "str" or "bytes", what is pickled "object"."""
    return "object" if dtype.hasobject else {"U": "str", "S": "bytes"}.get(dtype.kind, dtype.name)


def byte_order(dtype: np.dtype[Any]) -> Literal["little", "big"]:
    """The order of the bytes of one number; "little" where the question does not arise."""
    if dtype.byteorder in "<>":
        return "big" if dtype.byteorder == ">" else "little"
    return "little" if np.little_endian or dtype.byteorder == "|" else "big"


def native(array: NDArray[Any]) -> NDArray[Any]:
    """`array` in this machine's byte order, itself where it already is."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def json_number(value: Any) -> Scalar:
    """A Python or numpy scalar as strict JSON has it: NaN and the infinities are strings, complex is null."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"
    return plain if isinstance(plain, bool | int | float) else None


class ArraySource(ABC):
    """A `Source` whose blocks are made of `rows`. Not for use by several threads at once."""

    def __init__(self, path: Path, role: str) -> None:
        self.path = path
        self.role = role
        self.findings: tuple[Finding, ...] = ()

    @abstractmethod
    def describe(self) -> FileInfo:
        """The headers; touches no array data."""

    @abstractmethod
    def rows(self, member: str, start: int, stop: int) -> NDArray[Any]:
        """Rows `start:stop` of axis 0, clipped like a slice, as a native-order array.

        Raises:
            KeyError: No such member.
            ValueError: The member has no axis 0.
            SourceError: The data are damaged or not numbers.
        """

    @abstractmethod
    def read(self, member: str) -> NDArray[Any]:
        """The whole member as a native-order array; raises what `rows` raises."""

    @abstractmethod
    def text(self, member: str) -> str:
        """The member as a string, pickled or not, without executing anything."""

    @abstractmethod
    def close(self) -> None:
        """Give the file back; reading afterwards fails."""

    @abstractmethod
    def layout(self, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of a member, from its header.

        Raises:
            KeyError: No such member.
        """

    def blocks(self, member: str, rows: int | None = None) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first row, block) along axis 0 in order, each at most `rows` rows or about `BLOCK_BYTES`.

        A 0-d array comes as one block at row 0, an array without rows as no block.
        """
        shape, _ = self.layout(member)
        if not shape:
            yield 0, self.read(member)
            return
        step = self.block_rows(member, rows)
        for first in range(0, shape[0], step):
            yield first, self.rows(member, first, first + step)

    def block_rows(self, member: str, rows: int | None) -> int:
        """How many rows one block of `blocks` has."""
        shape, dtype = self.layout(member)
        return rows_per_block(shape, dtype.itemsize, rows)

    def where(self, member: str = "") -> str:
        """The location of a member, or of the file, as findings spell it."""
        return f"{self.role}:/{member}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
