"""How sources complain, and the limits that they share."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.codes import Code
from ptycho_contracts.engine_codes import FILE_ABSENT, RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.finding import finding
from ptycho_contracts.sources.base import SourceError

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
        SourceError: FILE_ABSENT where nothing is there or it may not be read, UNREADABLE for a directory, a
            device or an empty file.
    """
    where = f"{role}:/"
    try:
        if not path.exists():
            raise fault(FILE_ABSENT, where, f"{path} does not exist")
        if not path.is_file():
            kind = "a directory" if path.is_dir() else "a device"
            fix = "Name the files in it; only a run directory of a PtychoViT checkout is taken as a whole."
            raise unreadable(where, f"{path} is {kind}, not a file", fix)
        with path.open("rb") as file:
            if not file.read(1):
                raise unreadable(where, f"{path} is empty")
    except OSError as error:
        raise fault(FILE_ABSENT, where, f"{path} cannot be opened: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise fault(FILE_ABSENT, where, f"{str(path)!r} is not a path: {error}") from error
    return path
