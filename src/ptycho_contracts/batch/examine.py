"""Examine artifacts in a pool of processes, each of which may die or hang without harm to the others.

Damaged headers crash the HDF5 library or keep it busy for ever, so that the process that decides opens no file itself.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from ptycho_contracts.contract import contract_plugins
from ptycho_contracts.engine_codes import CRASHED, OUT_OF_TIME, WORKER_DIED
from ptycho_contracts.finding import Depth, Finding, Report, Unexamined, finding
from ptycho_contracts.plugins import PtychoPluginWarning
from ptycho_contracts.validation import validate

# A process of the pool costs about as much as this many headers of small files.
_HEADERS_WORTH_A_POOL = 150
_MOST_JOBS = 8
# Headers of a large file on a slow disk take seconds; numbers take as long as they take.
_HEADER_LIMIT_S = 120.0
# Imported before processes are copied, so that not each of them has to.
_HEAVIEST = "ptycho_contracts.sources.hdf5"
_HAS_TIMER = hasattr(signal, "setitimer")


@dataclass(frozen=True)
class Task:
    """How every artifact of a run is examined; `limit_s` is the time for each, 0 for any."""

    contract: str | None = None
    depth: Depth = "header"
    limit_s: float = 0.0


def jobs_for(count: int, depth: Depth) -> int:
    """How many processes examine `count` artifacts fastest: one where starting others costs more than it saves."""
    if depth == "header" and count < _HEADERS_WORTH_A_POOL:
        return 1
    return max(1, min(_usable_cpus(), _MOST_JOBS, count))


def limit_for(depth: Depth) -> float:
    """After how many seconds an artifact is given up where nobody says it; 0 for never."""
    return _HEADER_LIMIT_S if depth == "header" else 0.0


def examine(paths: Sequence[Path], task: Task, jobs: int = 1) -> Generator[tuple[int, Report], None, None]:
    """The index and the report of every artifact, as they are finished.

    Each process examines one artifact at a time; one that dies is PTY902 about the file that it was reading, one that
    takes too long PTY017, and another takes its place. A single job is done in this process, without either, where
    starting another costs more than the job: anywhere but on Linux, or where threads are running.
    """
    if jobs == 1 and not _forks_safely():
        for index, path in enumerate(paths):
            yield index, examine_one(path, task)
    else:
        yield from _Pool(paths, task, jobs).reports()


def examine_one(path: Path, task: Task) -> Report:
    """The report about one artifact; an exception of ours is a finding in it."""
    try:
        return validate(path, task.contract, task.depth)
    except Exception as error:  # noqa: BLE001 - a thousand other files wait for their turn
        message = f"examining {path.name} failed with {type(error).__name__}: {error}"
        return _unexamined(path, task, finding(CRASHED, "file:/", message))


def _unexamined(path: Path, task: Task, reason: Finding) -> Report:
    left = Unexamined(check="everything", reason=f"the examination itself failed ({reason.code})")
    return Report(
        source=(str(path),),
        contract=None,
        contract_version=None,
        depth=task.depth,
        findings=(reason,),
        unexamined=(left,),
    )


def _usable_cpus() -> int:
    """Processors that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    index: int | None = None  # of the artifact that it is reading


class _Pool:
    """Processes with a pipe each, so that it is known which artifact a dead one was reading."""

    def __init__(self, paths: Sequence[Path], task: Task, jobs: int) -> None:
        self._paths = paths
        self._task = task
        self._waiting = deque(range(len(paths)))
        self._workers = [self._started() for _ in range(min(jobs, len(paths)))]
        contract_plugins()  # meanwhile: what is wrong with a plug-in is told once, by this process

    def reports(self) -> Generator[tuple[int, Report], None, None]:
        try:
            while busy := self._busy():
                ready = wait(list(busy))
                for worker in [w for connection, w in busy.items() if connection in ready]:
                    yield self._finish(worker)
        finally:
            for worker in self._workers:
                _end(worker)

    def _busy(self) -> dict[Connection, _Worker]:
        """Give work to who has none; everyone who has."""
        for worker in self._workers:
            if worker.index is None and self._waiting:
                worker.index = self._waiting.popleft()
                with suppress(OSError):  # a process that died while it waited is noticed when its answer is read
                    worker.connection.send((str(self._paths[worker.index]), self._task))
        return {w.connection: w for w in self._workers if w.index is not None}

    def _finish(self, worker: _Worker) -> tuple[int, Report]:
        assert worker.index is not None
        index, worker.index = worker.index, None
        try:
            return index, worker.connection.recv()
        except (EOFError, OSError):
            _end(worker)
            self._workers[self._workers.index(worker)] = self._started()
            path = self._paths[index]
            return index, _unexamined(path, self._task, _died(path, self._task, worker.process))

    def _started(self) -> _Worker:
        context = _context()
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, ours), daemon=True)
        with _interruption_waits(), warnings.catch_warnings():
            # Python 3.12 and later count the threads of numerical libraries, which are ready for being copied.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            process.start()
        theirs.close()
        return _Worker(process, ours)


def _forks_safely() -> bool:
    """Whether this process may be copied; those of numerical libraries besides, its threads would be missing then."""
    return sys.platform == "linux" and threading.active_count() == 1


def _context() -> ForkContext | ForkServerContext | SpawnContext:
    """How a process is started: as a copy of this one, or of a small server; either has imported our modules."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    if _forks_safely():
        importlib.import_module(_HEAVIEST)
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, _HEAVIEST])
    return context


@contextmanager
def _interruption_waits() -> Iterator[None]:
    """Hold Ctrl-C back while a process is started: a copy of this one would answer it with a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, other_end: Connection) -> None:
    """What a process of the pool does: receive a path, answer with its report, until nobody asks."""
    other_end.close()  # a copy of the parent has it too, and would never see that the parent is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    warnings.simplefilter("ignore", PtychoPluginWarning)  # the parent tells it
    while True:
        try:
            path, task = connection.recv()
        except (EOFError, OSError):
            return
        with _limited(task.limit_s):
            report = examine_one(Path(path), task)
        connection.send(report)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Let the system end this process when the time is over; nothing gentler stops a library that hangs."""
    if not _HAS_TIMER:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def _end(worker: _Worker) -> None:
    """End a process that waits, reads or is dead already."""
    worker.connection.close()
    worker.process.kill()
    worker.process.join()


def _died(path: Path, task: Task, process: BaseProcess) -> Finding:
    code = process.exitcode or 0
    if _HAS_TIMER and code == -signal.SIGALRM:
        message = f"{path.name} was not examined within {task.limit_s:g} seconds; its reader was stopped"
        return finding(OUT_OF_TIME, "file:/", message)
    how = f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
    return finding(WORKER_DIED, "file:/", f"the reader crashed on {path.name}: its process ended with {how}")
