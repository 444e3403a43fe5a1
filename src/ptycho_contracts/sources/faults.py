"""How sources complain, and the limits that they share."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.codes import Code
from ptycho_contracts.engine_codes import FILE_ABSENT, RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.stand_ins import HEAD_BYTES, stand_in_link, stand_in_text

# Below this size an expansion harms nobody: an all-zero mask of a real scan may compress 1000:1.
HARMLESS_BYTES = 2**30
# Sparse photon counts deflate up to about 100:1, deflate itself ends near 1030:1.
MAX_RATIO = 200
# A text, a header or a pickled string beyond this is not one.
MAX_TEXT_BYTES = 64 * 2**20


def fault(
    code: Code,
    where: str,
    message: str,
    *,
    expected: str | None = None,
    found: str | None = None,
    fix: str | None = None,
) -> SourceError:
    """A `SourceError` of one finding at `where` (`role:/member`)."""
    return SourceError(finding(code, where, message, expected=expected, found=found, fix=fix))


def unreadable(where: str, message: str, fix: str | None = None) -> SourceError:
    """The container at `where` is damaged or of another kind."""
    return fault(UNREADABLE, where, message, fix=fix)


def over_limit(where: str, message: str) -> SourceError:
    """What `where` claims is beyond the limits."""
    return fault(RESOURCE_LIMIT, where, message)


def swells(logical_bytes: int, stored_bytes: int) -> bool:
    """Whether reading would fill memory out of all proportion to what lies on the disk."""
    return logical_bytes > HARMLESS_BYTES and logical_bytes > MAX_RATIO * max(1, stored_bytes)


def existing_file(path: Path, role: str) -> Path:
    """`path`, if it is a regular file that is not empty.

    Raises:
        SourceError: FILE_ABSENT where nothing is there or it may not be read, STAND_IN for what Git LFS and git-annex
            keep in place of data, UNREADABLE for a directory, a pipe, a device or an empty file.
    """
    where = f"{role}:/"
    try:
        if not path.exists():
            raise SourceError(_absent(path, where))
        if not path.is_file():
            raise unreadable(where, *_no_file(path))
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        fix = "Give yourself the right to read it (`ls -l` shows who has it), or leave it out."
        raise fault(FILE_ABSENT, where, f"{path} cannot be opened: {error.strerror or error}", fix=fix) from error
    except ValueError as error:  # a NUL in the name
        raise fault(FILE_ABSENT, where, f"{str(path)!r} is not a path: {error}") from error
    if not head:
        raise unreadable(where, f"{path} is empty")
    if (stand_in := stand_in_text(head, path, where)) is not None:
        raise SourceError(stand_in)
    return path


def _absent(path: Path, where: str) -> Finding:
    """That nothing can be opened at a path, which may be a link that leads nowhere."""
    if not path.is_symlink():
        return finding(FILE_ABSENT, where, f"{path} does not exist")
    target = path.readlink()
    message = f"{path} is a link to {target}, where nothing is"
    broken = finding(FILE_ABSENT, where, message, found="a broken link", fix="Mend the link, or put the file there.")
    return stand_in_link(path, where) or broken


def _no_file(path: Path) -> tuple[str, str]:
    """What is there instead of a file, and what to do about it."""
    if path.is_dir():
        fix = "Name the files in it; only a run directory of a PtychoViT checkout is taken as a whole."
        return f"{path} is a directory, not a file", fix
    kind = "a pipe" if path.is_fifo() else "a device"
    return f"{path} is {kind}, not a file", "Write what comes out of it to a file, and name that."
