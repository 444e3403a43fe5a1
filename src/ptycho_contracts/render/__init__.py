"""One result, several renderings: a file for each, found by the format's name.

A module here whose name does not begin with `_` is a format; its `render(result)` returns the whole text. `jsonl` can
also be written line by line, while the artifacts are examined.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ptycho_contracts.finding import Finding
    from ptycho_contracts.result import Result

FORMATS: tuple[str, ...] = tuple(
    sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
)


def render(result: Result, format: str, *, colour: bool = False) -> str:
    """The result in one of `FORMATS`, without a newline at the end, in characters that UTF-8 can encode.

    Args:
        result: What was found.
        format: The name of a format.
        colour: Whether `text` goes to a terminal that shows ANSI colours; nothing to the other formats.

    Raises:
        ValueError: no such format.
    """
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, not {format!r}")
    module = importlib.import_module(f"{__name__}.{format}")
    text: str = module.render(result, colour=colour) if format == "text" else module.render(result)
    return encodable(text)


def render_finding(found: Finding) -> str:
    """One finding for a terminal: where and what, then what was expected and found, and the fix."""
    from ptycho_contracts.render._words import detail_lines, visible  # noqa: PLC0415 - the formats are listed without it

    head = f"{found.severity.upper()} {found.code} {found.location}: {found.message}"
    return encodable("\n".join([visible(head), *detail_lines(found)]))


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot encode (a file name in another encoding) written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
