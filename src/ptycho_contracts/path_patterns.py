"""Patterns of paths, as projects write them: `raw/**`, `*.cxi`, `scan_0[1-3]`.

`*` and `?` stay within one folder, `**` crosses folders, `[…]` is a class of characters. A pattern without a slash
holds at any depth, and a pattern that fits a folder fits everything below it; both as in `.gitignore`.
"""

from __future__ import annotations

import re
from functools import cache


def matches(pattern: str, path: str) -> bool:
    """Whether a path (relative, with forward slashes), or a folder that it lies in, fits the pattern."""
    return _compiled(pattern).match(path) is not None


def checked(pattern: str) -> str:
    """The pattern itself.

    Raises:
        ValueError: it is empty, or a class in it (`[z-a]`) means nothing.
    """
    try:
        _compiled(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern of paths: {error}") from None
    if not pattern.strip("/"):
        raise ValueError("an empty pattern fits nothing")
    return pattern


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    anchored = pattern.strip("/")
    prefix = "" if "/" in anchored else "(?:.*/)?"
    return re.compile(f"{prefix}{_regex(anchored)}(?:/.*)?\\Z", re.DOTALL)


_PIECES = re.compile(r"(\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\])")
_SAID = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _regex(pattern: str) -> str:
    return "".join(_piece(part) for part in _PIECES.split(pattern))


def _piece(part: str) -> str:
    if part in _SAID:
        return _SAID[part]
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        inner = part[1:-1].replace("\\", r"\\")
        return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    return re.escape(part)
