"""What kind of file a path leads to, judged by its first bytes, never by its name."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO, Literal

from ptycho_contracts.sources.faults import existing_file, unreadable
from ptycho_contracts.sources.zip_archive import ZIP_ERRORS

Kind = Literal["npz", "torch-zip", "torch-legacy", "hdf5", "pickle", "json", "yaml"]

_HEAD = 4096
_HDF5 = b"\x89HDF\r\n\x1a\n"
# torch before 1.6 began its files with a pickled magic number.
_TORCH_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
# How protocols 0 and 1 begin a dict, a list or a tuple: container, then where it goes in the memo.
_OLD_PICKLES = (b"(dp", b"(lp", b"}q", b"]q")


def sniff(path: Path | str) -> Kind:
    """The kind of a file by its content.

    Raises:
        SourceError: FILE_ABSENT; UNREADABLE for a directory, an empty file, or a file of no known kind.
    """
    path = existing_file(Path(path), "file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return _zip_kind(file)
        if _is_hdf5(file):
            return "hdf5"
    if head.startswith(_TORCH_LEGACY):
        return "torch-legacy"
    if (head[0] == 0x80 and head[1:2] in b"\x02\x03\x04\x05") or head.startswith(_OLD_PICKLES):
        return "pickle"
    return _text_kind(head, path)


def _is_hdf5(file: BinaryIO) -> bool:
    """Whether the signature lies at the start or, behind a user block, at 512, 1024, 2048 … bytes."""
    end = file.seek(0, 2)
    offset = 0
    while offset + len(_HDF5) <= end:
        file.seek(offset)
        if file.read(len(_HDF5)) == _HDF5:
            return True
        offset = max(512, offset * 2)
    return False


def _zip_kind(file: BinaryIO) -> Kind:
    """Archives of torch hold `<name>/data.pkl`; where the directory is lost, the first member decides."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except ZIP_ERRORS:
        file.seek(26)
        length = int.from_bytes(file.read(2), "little")
        file.seek(30)
        names = [file.read(length).decode("utf-8", "replace")]
    return "torch-zip" if any(name.endswith("/data.pkl") for name in names) else "npz"


def _text_kind(head: bytes, path: Path) -> Kind:
    text = head.decode("utf-8-sig", "ignore" if len(head) == _HEAD else "strict") if _is_text(head) else ""
    if not text.strip():
        raise unreadable("file:/", f"{path} is no NPZ, HDF5, torch, pickle, JSON or YAML file")
    return "json" if text.lstrip()[0] in "{[" else "yaml"


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 without control characters; the last character may be cut off."""
    if any(byte < 32 and byte not in b"\t\n\r\x0c" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) == _HEAD and error.start > _HEAD - 4
    return True
