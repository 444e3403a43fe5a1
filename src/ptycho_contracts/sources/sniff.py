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
# What people name by mistake: how it begins, what it is, what to do.
_CONVERT = "No reader for it is here; write its arrays to NPZ or HDF5."
_UNPACK = "Unpack it first, and name the file that was packed."
_FOREIGN = (
    (b"\x93NUMPY", "one array of numpy without a name (.npy)", "Store it by name: `np.savez(FILE, NAME=np.load(…))`."),
    (b"MATLAB 5.0", "a MATLAB file of before version 7.3", "In MATLAB, `save(FILE, '-v7.3')` writes it as HDF5."),
    (b"II*\0", "a TIFF image", _CONVERT),
    (b"MM\0*", "a TIFF image", _CONVERT),
    (b"\x89PNG", "a PNG image", _CONVERT),
    (b"\x1f\x8b", "compressed by gzip", _UNPACK),
    (b"BZh", "compressed by bzip2", _UNPACK),
    (b"\xfd7zXZ", "compressed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
)


def sniff(path: Path | str, role: str = "file") -> Kind:
    """The kind of a file by its content.

    Args:
        path: The file.
        role: First part of the locations of findings.

    Raises:
        SourceError: FILE_ABSENT; STAND_IN; UNREADABLE for a directory, an empty file, or a file of no known kind.
    """
    path = existing_file(Path(path), role)
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
    if not _is_text(head):
        raise unreadable(f"{role}:/", *_foreign(head, path))
    return "json" if head.decode("utf-8-sig", "ignore").lstrip()[:1] in ("{", "[") else "yaml"


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


def _foreign(head: bytes, path: Path) -> tuple[str, str | None]:
    """What a file of no known kind is, as far as its first bytes say it, and what to do then."""
    for beginning, kind, fix in _FOREIGN:
        if head.startswith(beginning):
            return f"{path} is {kind}", fix
    if not head.strip(b"\0"):
        return f"{path} begins with {len(head)} zero bytes: room was made for it, but nothing was written", None
    return f"{path} is no NPZ, HDF5, torch, pickle, JSON or YAML file", None


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 that says something, without control characters; the last may be cut off."""
    if not head.strip() or any(byte < 32 and byte not in b"\t\n\r\x0c" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) == _HEAD and error.start > _HEAD - 4
    return True
