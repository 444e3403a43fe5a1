"""Where an artifact lies, as other programs expect it: relative to the working directory if it is below it."""

from __future__ import annotations

from pathlib import Path, PurePath
from urllib.parse import quote

from ptycho_contracts.finding import Report


def source_of(report: Report) -> str:
    """The path of the artifact, as it was named."""
    return ", ".join(report.source)


def path_of(source: str) -> str:
    """The path with forward slashes, relative to the working directory where it lies below it."""
    path = PurePath(source)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()


def uri_of(source: str) -> str:
    """The same as a URI reference (RFC 3986): relative, or `file:///…` for a path elsewhere."""
    path = path_of(source)
    quoted = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{quoted}" if path.startswith("/") else quoted
