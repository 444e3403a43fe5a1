"""Files opened safely: what they say of themselves, and their numbers in blocks, whatever the container."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.sources.base import Source, SourceError
from ptycho_contracts.sources.faults import unreadable
from ptycho_contracts.sources.sniff import Kind, sniff

__all__ = ["Kind", "Source", "SourceError", "open_source", "sniff"]


def open_source(path: Path | str, role: str | None = None) -> Source:
    """Open a container of arrays by what it holds, not by its name.

    The role is part of every location; by default "npz", "hdf5", "pickle", "pth", or "state" for a torch file
    of that suffix.

    Raises:
        SourceError: The file is absent, damaged, hostile, or holds no arrays (a document).
    """
    path = Path(path)
    kind = sniff(path, role or "file")
    match kind:
        case "npz":
            from ptycho_contracts.sources.npz import NpzSource  # noqa: PLC0415

            return NpzSource(path, role or "npz")
        case "hdf5":
            from ptycho_contracts.sources.hdf5 import Hdf5Source  # noqa: PLC0415

            return Hdf5Source(path, role or "hdf5")
        case "torch-zip":
            from ptycho_contracts.sources.torch_zip import TorchSource  # noqa: PLC0415

            return TorchSource(path, role or ("state" if path.suffix == ".state" else "pth"))
        case "pickle":
            from ptycho_contracts.sources.pickle_file import PickleSource  # noqa: PLC0415

            return PickleSource(path, role or "pickle")
        case "torch-legacy":
            message = (
                "a torch file of before version 1.6, which is a chain of pickles; load it where it was made "
                "and save it again with torch.save"
            )
            raise unreadable(f"{role or 'pth'}:/", f"{path} is {message}")
        case _:
            raise unreadable(f"{role or kind}:/", f"{path} is text and holds no arrays", _text_fix(path))


def _text_fix(path: Path) -> str:
    with path.open("rb") as file:
        line = file.read(200).decode("utf-8-sig", "replace").strip().partition("\n")[0].strip()
    shown = line if len(line) <= 40 else f"{line[:39]}…"
    return (
        f"Look at it (it begins with {shown!r}), and name a file of arrays; if it is a document of a known kind, "
        "`ptycho validate --contract ID` says what is wrong with it."
    )
