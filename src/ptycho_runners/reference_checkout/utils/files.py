"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let a function write a temporary file beside the target, flush it and put it in place.

    Args:
        path: target.
        write: called with the temporary path.

    Raises:
        OSError: when the folder cannot be written.

    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """Remove the temporary files of a process that died while it wrote."""
    for temporary in folder.glob(".*.tmp"):
        temporary.unlink(missing_ok=True)


def save_tensors(value: Any, path: Path) -> None:
    """Save with torch; `torch.load(path, weights_only=True)` reads tensors, containers and numbers back."""
    write_whole(path, lambda temporary: torch.save(value, temporary))


def load_tensors(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint's file without running anything that a pickle could hold.

    Args:
        path: a state dict, or `checkpoint.state`.
        device: where the tensors go.

    Returns:
        the stored dict.

    Raises:
        FileNotFoundError: when the file is absent.

    """
    if not path.is_file():
        raise FileNotFoundError(f"Checkpoint not found at {path}")
    content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return content


def save_pickle(value: Any, path: Path) -> None:
    """Save plain containers of numbers as a pickle."""
    write_whole(path, lambda temporary: temporary.write_bytes(pickle.dumps(value)))


def copy_file(source: Path, path: Path) -> None:
    """Copy a file."""
    write_whole(path, lambda temporary: shutil.copyfile(source, temporary))
