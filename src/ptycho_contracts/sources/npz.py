"""NPZ files: headers without data, rows without the rest, and never a pickle loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.description import FileInfo, MemberInfo, StorageInfo
from ptycho_contracts.engine_codes import FORBIDDEN_PICKLE
from ptycho_contracts.sources.array_source import ArraySource, byte_order, dtype_name, native
from ptycho_contracts.sources.faults import MAX_TEXT_BYTES, fault, unreadable
from ptycho_contracts.sources.npy_header import NpyHeader, read_header
from ptycho_contracts.sources.pickle_values import object_array_string
from ptycho_contracts.sources.zip_archive import MemberStream, ZipArchive

_SUFFIX = ".npy"


class NpzSource(ArraySource):
    """An NPZ file. Every member's header is read and checked against the member's size when it is opened.

    Rows are read from where they lie (stored members) or inflated in ascending order (deflated members, one
    inflater each). A pass in order over a C-ordered member checks its CRC-32. Stored members are read, not
    mapped: a mapped file that another process truncates kills the reader. An array in Fortran order has no
    contiguous rows; it is loaded whole at its first row and kept until another such member is asked for.

    Raises:
        SourceError: FILE_ABSENT, UNREADABLE or RESOURCE_LIMIT (see `ZipArchive` and `read_header`).
    """

    def __init__(self, path: Path | str, role: str = "npz") -> None:
        super().__init__(Path(path), role)
        self._archive = ZipArchive(self.path, role)
        self._streams: dict[str, MemberStream] = {}
        self._loaded: tuple[str, NDArray[Any]] | None = None
        try:
            self._headers = {
                name.removesuffix(_SUFFIX): self._header(name)
                for name in self._archive.members
                if name.endswith(_SUFFIX)
            }
            self._refuse_namesakes()
        except BaseException:
            self.close()
            raise

    def _header(self, name: str) -> NpyHeader:
        return read_header(self._archive.open(name).take, self._archive.members[name].size, self.where(name))

    def _refuse_namesakes(self) -> None:
        """An array `x.npy` and another member `x` would share the key x."""
        for key in self._headers.keys() & self._archive.members.keys():
            if not key.endswith(_SUFFIX):
                raise unreadable(self.where(key), f"the zip holds both {key} and {key}.npy")

    def describe(self) -> FileInfo:
        """Arrays by key; a zip member that is no array (a README) is one of dtype "bytes" under its name."""
        members = {key: self._info(key, header) for key, header in self._headers.items()}
        for name, member in self._archive.members.items():
            if not name.endswith(_SUFFIX):
                members[name] = MemberInfo(dtype="bytes", shape=(member.size,))
        return FileInfo(container="npz", path=str(self.path), members=members)

    def _info(self, key: str, header: NpyHeader) -> MemberInfo:
        member = self._archive.members[key + _SUFFIX]
        storage = StorageInfo(
            filters=("deflate",) if member.deflated else (),
            bytes_stored=member.stored_bytes,
            byte_order=byte_order(header.dtype),
            fortran_order=header.fortran,
        )
        return MemberInfo(dtype=dtype_name(header.dtype), shape=header.shape, storage=storage)

    def layout(self, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of an array."""
        header = self._array(member)
        return header.shape, header.dtype

    def rows(self, member: str, start: int, stop: int) -> NDArray[Any]:
        """Rows `start:stop` of axis 0, clipped like a slice, as a native-order array."""
        header = self._array(member)
        if not header.shape:
            raise ValueError(f"{self.where(member)} is a scalar and has no rows")
        if header.fortran and len(header.shape) > 1:
            return self._whole(member)[start:stop].copy()
        start, stop, _ = slice(start, stop).indices(header.shape[0])
        return self._elements(member, (max(0, stop - start), *header.shape[1:]), start)

    def read(self, member: str) -> NDArray[Any]:
        """The whole member as a native-order array."""
        header = self._array(member)
        if not header.fortran:
            return self._elements(member, header.shape, 0)
        return self._elements(member, header.shape[::-1], 0).T

    def text(self, member: str) -> str:
        """A 0-d string array, a pickled 0-d array holding a string, or a member that is a text file."""
        if member not in self._headers:
            return self._decoded(self._archive.content(self._named(member), MAX_TEXT_BYTES), member)
        header = self._headers[member]
        if header.dtype.hasobject:
            data = self._archive.content(member + _SUFFIX, MAX_TEXT_BYTES)[header.start :]
            return object_array_string(data, self.where(member))
        if header.shape or header.dtype.kind not in "US":
            raise unreadable(self.where(member), f"{header.dtype} of shape {header.shape} is not a text")
        value = self.read(member).item()
        return self._decoded(value, member) if isinstance(value, bytes) else str(value)

    def close(self) -> None:
        """Close the file."""
        self._streams.clear()
        self._loaded = None
        self._archive.close()

    def _named(self, member: str) -> str:
        if member in self._headers or member in self._archive.members:
            return member
        raise KeyError(f"{self.path} has no member {member!r}; it has {', '.join(self._headers)}")

    def _array(self, member: str) -> NpyHeader:
        """The header of a member whose numbers may be read."""
        header = self._headers.get(self._named(member))
        if header is None:
            raise unreadable(self.where(member), "the zip member is not a numpy array")
        if header.dtype.hasobject:
            raise fault(FORBIDDEN_PICKLE, self.where(member), "the array is pickled; its numbers are not read")
        return header

    def _whole(self, member: str) -> NDArray[Any]:
        if self._loaded is None or self._loaded[0] != member:
            self._loaded = (member, self.read(member))
        return self._loaded[1]

    def _elements(self, member: str, shape: tuple[int, ...], first_row: int) -> NDArray[Any]:
        """The elements of `shape` that begin at `first_row`, as they lie in the file."""
        header = self._headers[member]
        array = np.empty(shape, header.dtype)
        row_bytes = array.dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        if array.nbytes:
            stream = self._streams.setdefault(member, self._archive.open(member + _SUFFIX))
            stream.seek(header.start + first_row * row_bytes)
            stream.read_into(array.reshape(-1).view(np.uint8).data)
        return native(array)

    def _decoded(self, raw: bytes, member: str) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise unreadable(self.where(member), f"not UTF-8 text: {error}") from error
