"""Run directories: `run<k>`, numbered without races, locked while in use, marked with what they are.

The lock is the operating system's (`flock`): it ends with the process that holds it, however that ends. So a
directory that is marked `running` and not locked belongs to a process that was killed, and counts as
interrupted. On a file system that cannot lock, the marker alone is believed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import RUN_LOCKED
from ptycho_runners.errors import RunError

State = Literal["running", "complete", "failed", "interrupted"]

_NAME = re.compile(r"run(\d+)")
_LOCK, _STATE = ".lock", "state.json"


class Marker(BaseModel):
    """`state.json` of a run directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State
    since: AwareDatetime
    pid: int
    host: str


class RunDir:
    """A run directory that this process holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = number_of(path)

    def mark(self, state: State) -> None:
        """Publish what the directory is from now on."""
        marker = Marker(state=state, since=datetime.now(UTC), pid=os.getpid(), host=socket.gethostname())
        atomic_write_json(self.path / _STATE, marker.model_dump(mode="json"))


def number_of(path: Path) -> int:
    """The k of a `run<k>`.

    Raises:
        ValueError: the folder is not named so.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name!r} is not the name of a run directory, run<k>")
    return int(match[1])


def is_run(path: Path) -> bool:
    """Whether a path is a folder named `run<k>`."""
    return path.is_dir() and _NAME.fullmatch(path.name) is not None


def runs(parent: Path) -> list[Path]:
    """The run directories in a folder, by number."""
    if not parent.is_dir():
        return []
    return sorted((path for path in parent.iterdir() if is_run(path)), key=number_of)


def next_path(parent: Path) -> Path:
    """Where the next run would go, as a plan shows it; nothing is created, and another process may be faster."""
    taken = runs(parent)
    return parent / f"run{number_of(taken[-1]) + 1 if taken else 1}"


@contextmanager
def new_run(parent: Path) -> Iterator[RunDir]:
    """Create the next `run<k>` in `parent`, hold it and mark it `running`.

    When the block ends the directory is marked `complete`, or by the exception that ended it `interrupted`
    (Ctrl-C, SIGTERM) or `failed`, unless the block marked it itself.
    """
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        path = next_path(parent)
        try:
            path.mkdir()  # atomic: of two processes one succeeds
            break
        except FileExistsError:
            continue
    with held(path) as run:
        yield run


@contextmanager
def held(path: Path) -> Iterator[RunDir]:
    """Hold an existing run directory, as `new_run` does with a new one.

    Raises:
        RunError: RUN_LOCKED where another living process holds it.
    """
    with locked(path), marked(path) as run:
        yield run


@contextmanager
def marked(path: Path) -> Iterator[RunDir]:
    """Mark a directory that this process has locked: `running` now, and what `new_run` says at the end."""
    run = RunDir(path)
    run.mark("running")
    ending: State = "complete"
    try:
        yield run
    except Exception:  # whatever it was: it is marked, and raised on
        ending = "failed"
        raise
    except BaseException:  # KeyboardInterrupt, SystemExit: somebody stopped us
        ending = "interrupted"
        raise
    finally:
        if _marker(path).state == "running":
            run.mark(ending)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of an existing folder until the block ends; marks nothing.

    Raises:
        RunError: RUN_LOCKED where another living process holds it.
    """
    with (folder / _LOCK).open("a+") as lock:
        _lock(lock.fileno(), folder)
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n")
        lock.flush()
        yield


def state_of(path: Path) -> State | None:
    """What a run directory is now; `interrupted` where its process was killed; None where it has no marker."""
    if not (path / _STATE).is_file():
        return None
    try:
        state = _marker(path).state
    except (OSError, ValidationError):
        return "interrupted"
    return "interrupted" if state == "running" and not _is_locked(path) else state


def _marker(path: Path) -> Marker:
    return Marker.model_validate_json((path / _STATE).read_text())


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = (path / _LOCK).read_text().strip() or "a process that has not written its name yet"
        message = f"{path} is in use by {holder}"
        raise RunError(finding(RUN_LOCKED, f"run:/{path.name}", message)) from None
    except OSError:
        return  # this file system cannot lock; the marker still says what the directory is


def _is_locked(path: Path) -> bool:
    """Whether a living process holds the directory; True where that cannot be found out."""
    try:
        with (path / _LOCK).open() as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
