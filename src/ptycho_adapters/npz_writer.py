"""Writing NPZ files in a stream, stored and not deflated, so that memory does not grow with the patterns."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray


class ArrayStream:
    """One array under construction, written block by block along axis 0."""

    def __init__(self, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._file = file
        self._left = shape[0]
        self._row = shape[1:]
        self._dtype = dtype
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)

    def write(self, block: NDArray[Any]) -> None:
        """Append rows.

        Raises:
            ValueError: their shape is not that of the array, or there are more than announced.
        """
        if block.shape[1:] != self._row or len(block) > self._left:
            raise ValueError(f"rows {block.shape} do not fit: {self._left} rows of {self._row} are left")
        self._left -= len(block)
        self._file.write(np.ascontiguousarray(block, self._dtype).data.cast("B"))

    def check_complete(self) -> None:
        """Raise ValueError where rows are missing."""
        if self._left:
            raise ValueError(f"{self._left} rows were announced and not written")


class NpzWriter:
    """An NPZ file under construction."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    @contextmanager
    def stream(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[ArrayStream]:
        """An array of announced shape, to be filled in the block."""
        with self._zip.open(f"{name}.npy", "w", force_zip64=True) as file:
            stream = ArrayStream(file, shape, dtype)
            yield stream
            stream.check_complete()

    def array(self, name: str, value: NDArray[Any]) -> None:
        """A whole array."""
        with self._zip.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, np.asanyarray(value), allow_pickle=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
