"""Run one process, watch it, and leave nothing of it behind.

The child gets a session and process group of its own, so that whatever it starts can be stopped with it. It
writes its logs straight into files, which are therefore complete up to the moment of any crash. Ctrl-C, SIGTERM
and SIGHUP to us stop the group before they go on. SIGKILL cannot be answered: for that case the child's
standard input is a pipe that nobody writes to, whose end of file says that we are gone. Our bridge watches it
(`SUPERVISED`); another program would have to do the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

SUPERVISED = "PTYCHO_SUPERVISED"
"""Environment variable that tells the child to end with its standard input."""

_POLL_S = 0.05
_GRACE_S = 5.0
_TAIL_LINES = 20
_PASSED_ON = (
    "PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT",
    "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a process ended.

    Attributes:
        returncode: Exit status; negative: the signal that ended it.
        seconds: Wall time.
        timed_out: Whether it was stopped at its time limit.
        stderr_tail: The last lines that it wrote to standard error.
    """

    returncode: int
    seconds: float
    timed_out: bool
    stderr_tail: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.returncode == 0 and not self.timed_out


def minimal_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: what a program needs to start and find its GPU, and `extra`.

    PYTHONPATH and the like stay behind, because the checkout's interpreter must find its own packages, not ours.
    """
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    ours = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg"}
    return passed | ours | dict(extra or {})


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    logs: tuple[Path, Path],
    events: Path | None = None,
    on_event: Callable[[str], None] | None = None,
    timeout_s: float | None = None,
) -> Outcome:
    """Run a command to its end, or to its limit, and report how it ended.

    Args:
        command: Program and arguments, without a shell.
        cwd: Its current directory.
        env: Its whole environment; `SUPERVISED` is added.
        logs: Files for its standard output and standard error, appended to.
        events: File that the child appends lines to; what an earlier process wrote there is not told again.
        on_event: Called with every complete line of `events`, in order, soon after it was written. An exception
            that it raises stops the child and goes on to the caller.
        timeout_s: Seconds after which the child and all it started are stopped.

    Raises:
        OSError: the program cannot be started.
        KeyboardInterrupt: Ctrl-C; the child is stopped by then.
        SystemExit: SIGTERM or SIGHUP came (main thread only), with 128 + signal; the child is stopped by then.
    """
    started = time.monotonic()
    lines = _Tail(events)
    deliver = on_event or (lambda _line: None)
    with _signals_as_exceptions(), _child(command, cwd, env, logs) as child:
        timed_out = False
        while child.poll() is None and not timed_out:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_POLL_S)
            for line in lines.read():
                deliver(line)
            timed_out = timeout_s is not None and time.monotonic() - started > timeout_s
        if timed_out and child.poll() is None:
            stop_group(child)
        else:
            timed_out = False
        for line in lines.read():
            deliver(line)
    return Outcome(child.returncode, time.monotonic() - started, timed_out, tail_of(logs[1]))


def tail_of(path: Path, lines: int = _TAIL_LINES) -> tuple[str, ...]:
    """The last lines of a log that are not empty; none where the file is absent."""
    try:
        with path.open(errors="replace") as stream:
            return tuple(deque((line.rstrip() for line in stream if line.strip()), maxlen=lines))
    except OSError:
        return ()


def stop_group(child: subprocess.Popen[bytes], grace_s: float = _GRACE_S) -> None:
    """Ask the child's process group to end, wait, then kill what is left of it, and collect the child."""
    _signal_group(child, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(grace_s)
    _signal_group(child, signal.SIGKILL)
    child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


@contextmanager
def _child(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], logs: tuple[Path, Path]
) -> Iterator[subprocess.Popen[bytes]]:
    """A started child; when the block ends, however it ends, its whole group is gone."""
    with logs[0].open("ab", 0) as out, logs[1].open("ab", 0) as err:
        child = subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**env, SUPERVISED: "1"},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            stop_group(child)
        else:
            _signal_group(child, signal.SIGKILL)  # the group outlives its leader where a grandchild does
        if child.stdin is not None:
            child.stdin.close()


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack like Ctrl-C does; without this they would skip every `finally`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Tail:
    """The complete lines that a growing file has gained since the last look."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._offset = path.stat().st_size if path is not None and path.exists() else 0

    def read(self) -> list[str]:
        if self._path is None or not self._path.exists():
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            content = stream.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode(errors="replace").splitlines()
