"""What every source offers: describe from headers alone, then numbers in blocks when asked.

Opening is safe for hostile files: nothing is executed or followed, sizes and ratios are limited. What cannot
be opened raises `SourceError`, which carries findings; what can be opened but holds something suspicious
(an external link, a pickled member) reports it in `Source.findings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.description import FileInfo
from ptycho_contracts.finding import Finding

# A block is read at once; 16 MiB keeps a pass flat in memory and large enough to stream at disk speed.
BLOCK_BYTES = 16 * 2**20


class SourceError(Exception):
    """A file cannot be read at all; `findings` say why, each with its code."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__("; ".join(f.message for f in findings))


class Source(Protocol):
    """One open file."""

    path: Path
    role: str
    findings: tuple[Finding, ...]

    def describe(self) -> FileInfo:
        """The headers; touches no array data."""
        ...

    def layout(self, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of a member, from its header."""
        ...

    def blocks(self, member: str, rows: int | None = None) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first row, block) along axis 0 in order, each at most `rows` rows or about `BLOCK_BYTES`.

        A 0-d array comes as one block at row 0. Only one block is alive at a time.
        """
        ...

    def rows(self, member: str, start: int, stop: int) -> NDArray[Any]:
        """Rows `start:stop` of axis 0 as a native-order array; cheap when read in ascending order."""
        ...

    def read(self, member: str) -> NDArray[Any]:
        """The whole member, for small arrays (positions, probe, object)."""
        ...

    def text(self, member: str) -> str:
        """The member as a string, pickled or not, without executing anything."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def rows_per_block(shape: tuple[int, ...], itemsize: int, rows: int | None = None) -> int:
    """How many rows of axis 0 fit a block (at least one)."""
    if rows is not None:
        return max(1, rows)
    row_bytes = itemsize
    for size in shape[1:]:
        row_bytes *= size
    return max(1, BLOCK_BYTES // max(1, row_bytes))
