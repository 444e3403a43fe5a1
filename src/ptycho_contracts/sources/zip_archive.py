"""Zip files by their directory, with the limits that keep a hostile one harmless. Nothing is extracted.

`zipfile` parses the central directory; reading is ours, because rows of a stored member are read where they
lie, a deflated member is inflated forwards only once, and what the local headers claim is compared with the
directory (two readers that believe different headers see different files).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from ptycho_contracts.sources.faults import existing_file, over_limit, swells, unreadable

# A state dict of a large model has some thousand storages.
MAX_MEMBERS = 20_000
# What `zipfile` raises for a damaged directory.
ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, OSError, struct.error)
_LOCAL = struct.Struct("<4s5H3L2H")
_PIECE = 2**18
# A gap up to this (the header of an array) is read, not jumped: the CRC then covers the whole member.
_HOP = 2**14


@dataclass(frozen=True)
class ZipMember:
    """One member: where its bytes lie, how many, and their CRC-32."""

    name: str
    deflated: bool
    start: int
    stored_bytes: int
    size: int
    crc: int


class ZipArchive:
    """The members of a zip file by name, proven to lie one behind the other inside the file.

    Raises:
        SourceError: FILE_ABSENT; UNREADABLE where the zip is damaged, encrypted, otherwise compressed, or
            ambiguous (names given twice, overlapping members, headers that disagree); RESOURCE_LIMIT beyond
            the limits of count and compression.
    """

    def __init__(self, path: Path, role: str) -> None:
        self.role = role
        self._file = existing_file(path, role).open("rb")
        try:
            self.members = {member.name: member for member in self._directory()}
        except BaseException:
            self._file.close()
            raise

    def open(self, name: str) -> MemberStream:
        """A new stream over one member; streams share the file but not the position."""
        return MemberStream(self._file, self.members[name], f"{self.role}:/{name}")

    def content(self, name: str, limit: int) -> bytes:
        """The whole member, which may have at most `limit` bytes."""
        size = self.members[name].size
        if size > limit:
            raise over_limit(f"{self.role}:/{name}", f"{name} has {size} bytes; at most {limit} are read")
        return self.open(name).take(size)

    def close(self) -> None:
        """Close the file, and with it every stream."""
        self._file.close()

    @property
    def file_bytes(self) -> int:
        """Size of the zip file."""
        return self._file.seek(0, 2)

    def _directory(self) -> list[ZipMember]:
        where = f"{self.role}:/"
        try:
            with zipfile.ZipFile(self._file) as archive:
                infos = archive.infolist()
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            ValueError,
            OverflowError,
            OSError,
            struct.error,
        ) as e:
            raise unreadable(where, f"not a complete zip file ({e}); it may be truncated") from e
        _refuse_oddities(infos, self.file_bytes, where)
        members = [self._member(info) for info in infos if not info.is_dir()]
        _refuse_overlap(members, self.file_bytes, where)
        return members

    def _member(self, info: zipfile.ZipInfo) -> ZipMember:
        where = f"{self.role}:/{info.filename}"
        self._file.seek(max(0, info.header_offset))
        raw = self._file.read(_LOCAL.size)
        if len(raw) < _LOCAL.size or raw[:4] != b"PK\x03\x04":
            raise unreadable(where, "the zip member does not begin where the directory says; the file is damaged")
        _, _, flags, method, _, _, _, _, _, name_bytes, extra_bytes = _LOCAL.unpack(raw)
        if flags & 0x41:
            raise unreadable(where, "the zip member is encrypted")
        if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or method != info.compress_type:
            raise unreadable(where, f"the zip member is compressed by method {method}; only deflate is read")
        local_name = self._file.read(name_bytes).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        if local_name != info.orig_filename:
            raise unreadable(where, f"the zip directory names it {info.filename!r}, its header {local_name!r}")
        deflated = method == zipfile.ZIP_DEFLATED
        if not deflated and info.compress_size != info.file_size:
            raise unreadable(where, "a stored zip member must be as large as its content")
        start = info.header_offset + _LOCAL.size + name_bytes + extra_bytes
        return ZipMember(info.filename, deflated, start, info.compress_size, info.file_size, info.CRC)


def _refuse_oddities(infos: list[zipfile.ZipInfo], file_bytes: int, where: str) -> None:
    if len(infos) > MAX_MEMBERS:
        raise over_limit(where, f"{len(infos)} zip members; at most {MAX_MEMBERS} are read")
    total = sum(info.file_size for info in infos)
    if swells(total, file_bytes):
        raise over_limit(where, f"{file_bytes} bytes claim to expand to {total}: the mark of a zip bomb")
    seen: set[str] = set()
    for info in infos:
        name = info.orig_filename
        if name in seen:
            raise unreadable(where, f"two zip members are named {name!r}; readers would disagree on which counts")
        seen.add(name)
        parts = name.split("/")
        if not name.isprintable() or "\\" in name or name.startswith("/") or ".." in parts or not name:
            raise unreadable(where, f"a zip member has the name {name!r}, which no writer of arrays gives")


def _refuse_overlap(members: list[ZipMember], file_bytes: int, where: str) -> None:
    end = 0
    for member in sorted(members, key=lambda m: m.start):
        if member.start < end:
            raise unreadable(where, f"zip member {member.name!r} overlaps the one before it")
        end = member.start + member.stored_bytes
    if end > file_bytes:
        raise unreadable(where, "a zip member ends beyond the end of the file; the file is truncated")


class MemberStream:
    """The bytes of one member from any position, cheap in ascending order.

    A deflated member is inflated forwards; a step back begins again. The CRC-32 is compared whenever the
    bytes have been read in order from the first to the last; bytes read out of order are not checked.
    """

    def __init__(self, file: BufferedReader, member: ZipMember, where: str) -> None:
        self._file = file
        self._member = member
        self._where = where
        self._rewind()

    def _rewind(self) -> None:
        self._position = 0
        self._crc: int | None = 0
        self._inflated = _Inflated(self._file, self._member) if self._member.deflated else None

    def seek(self, position: int) -> None:
        """Go to byte `position` of the member's content, at most its size."""
        if position < self._position:
            self._rewind()
        if self._inflated is None and position - self._position > _HOP:
            self._position, self._crc = position, None
        scratch = memoryview(bytearray(min(_PIECE, position - self._position)))
        while self._position < position:
            self._fill(scratch[: position - self._position])

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        buffer = bytearray(count)
        self.read_into(memoryview(buffer))
        return bytes(buffer)

    def read_into(self, buffer: memoryview) -> None:
        """Fill `buffer` (bytes) from the current position.

        Raises:
            SourceError: UNREADABLE where the bytes end early, do not inflate, or have another CRC.
        """
        filled = 0
        while filled < len(buffer):
            filled += self._fill(buffer[filled : filled + _PIECE])

    def _fill(self, room: memoryview) -> int:
        """How many further bytes, at least 1, were put at the beginning of `room`; the CRC is kept up to date."""
        try:
            count = self._stored(room) if self._inflated is None else self._inflated.next(room)
        except (OSError, zlib.error) as error:
            raise unreadable(self._where, f"the zip member cannot be read: {error}") from error
        self._position += count
        if not count or self._position > self._member.size:
            raise unreadable(self._where, "the zip member has not its declared size; the file is damaged")
        if self._crc is not None:
            self._crc = zlib.crc32(room[:count], self._crc)
            if self._position == self._member.size and self._crc != self._member.crc:
                raise unreadable(self._where, "the checksum (CRC-32) differs: the data were altered or damaged")
        return count

    def _stored(self, room: memoryview) -> int:
        self._file.seek(self._member.start + self._position)
        return self._file.readinto(room)


class _Inflated:
    """Deflated bytes of a member, inflated from the first to the last."""

    def __init__(self, file: BufferedReader, member: ZipMember) -> None:
        self._file = file
        self._next_byte = member.start
        self._end = member.start + member.stored_bytes
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def next(self, room: memoryview) -> int:
        """How many further bytes were put at the beginning of `room`; none only where the stream has ended."""
        while not self._inflate.eof:
            raw = self._inflate.unconsumed_tail or self._raw()
            piece = self._inflate.decompress(raw, len(room))
            if piece or not raw:
                room[: len(piece)] = piece
                return len(piece)
        return 0

    def _raw(self) -> bytes:
        self._file.seek(self._next_byte)
        raw = self._file.read(min(_PIECE // 4, self._end - self._next_byte))
        self._next_byte += len(raw)
        return raw
