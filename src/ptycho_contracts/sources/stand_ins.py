"""Stand-ins of Git LFS and git-annex: what a clone holds where the data themselves were not fetched."""

from __future__ import annotations

import os
from pathlib import Path

from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.finding import Finding, finding

STAND_IN = Code(
    "PTY016",
    Severity.ERROR,
    "stand-in of Git LFS or git-annex instead of the data",
    "The file is the small text, or the link, that Git LFS or git-annex keeps in place of the data.",
    "The repository was cloned without its data; every reader calls such a file damaged.",
    "`git lfs pull` or `git annex get FILE` fetches the data; a CI checkout needs it asked for (`lfs: true`).",
)
# What the pointer files of both begin with; git-annex has its name in the target of its links too.
_LFS = b"version https://git-lfs"
_ANNEX = b"/annex/objects/"
HEAD_BYTES = max(len(_LFS), len(_ANNEX))


def stand_in_text(head: bytes, path: Path, where: str) -> Finding | None:
    """The finding about a file that begins with `head` (at least `HEAD_BYTES` of it), or None for any other file."""
    if head.startswith(_LFS):
        return _stands_in("Git LFS", "git lfs pull", path, where)
    return _of_annex(path, where) if head.startswith(_ANNEX) else None


def stand_in_link(path: Path, where: str) -> Finding | None:
    """The finding about a link into git-annex' store that leads to nothing, or None for any other link."""
    return _of_annex(path, where) if _ANNEX in os.readlink(os.fsencode(path)) else None


def _of_annex(path: Path, where: str) -> Finding:
    return _stands_in("git-annex", f"git annex get {path}", path, where)


def _stands_in(whose: str, command: str, path: Path, where: str) -> Finding:
    message = f"{path} is a stand-in of {whose}; the data were not fetched"
    return finding(STAND_IN, where, message, fix=f"`{command}` fetches them.")
