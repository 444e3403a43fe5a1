"""Files that appear whole or not at all, and their digests.

A reader sees the old file or the new one, never a half. The new content is written beside the target (a
rename is atomic inside one file system only), flushed to the disk, and renamed; the folder is flushed
afterwards, so that the rename itself survives a power cut.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path in the folder of `path` that becomes `path` when the block ends without an exception.

    The folder is created where absent. The temporary name keeps the suffix, because `numpy.savez` and others
    append one where it is missing. On an exception the temporary file is removed and `path` is untouched.

    Raises:
        FileNotFoundError: the block wrote nothing at the path it was given.

    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}-{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write_bytes(path: Path | str, content: bytes) -> None:
    """Write or replace a file of bytes, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def atomic_write_text(path: Path | str, content: str) -> None:
    """Write or replace a UTF-8 text file, whole or not at all."""
    atomic_write_bytes(path, content.encode())


def atomic_write_json(path: Path | str, value: Any) -> None:
    """Write or replace a JSON file, indented and with keys in the given order.

    Raises:
        ValueError: the value holds NaN or infinity, which JSON has no word for.

    """
    atomic_write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def sha256_of(path: Path | str) -> str:
    """The SHA-256 of a file's bytes as 64 hexadecimal digits; memory does not grow with the file."""
    with Path(path).open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Ask the operating system to put a file or a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
