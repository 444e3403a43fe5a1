"""Examine artifacts one after another or in a pool of processes, each of which may die without ending the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from ptycho_contracts.contract import contract_plugins
from ptycho_contracts.engine_codes import CRASHED, WORKER_DIED
from ptycho_contracts.finding import Depth, Finding, Report, Unexamined, finding
from ptycho_contracts.plugins import PtychoPluginWarning
from ptycho_contracts.validation import validate

# A process of the pool costs about as much as this many headers of small files.
_HEADERS_WORTH_A_POOL = 150
_MOST_JOBS = 8


@dataclass(frozen=True)
class Task:
    """How every artifact of a run is examined."""

    contract: str | None = None
    depth: Depth = "header"


def jobs_for(count: int, depth: Depth) -> int:
    """How many processes examine `count` artifacts fastest: one where starting others costs more than it saves."""
    if depth == "header" and count < _HEADERS_WORTH_A_POOL:
        return 1
    return max(1, min(_usable_cpus(), _MOST_JOBS, count))


def examine(paths: Sequence[Path], task: Task, jobs: int = 1) -> Generator[tuple[int, Report], None, None]:
    """The index and the report of every artifact, as they are finished.

    With `jobs` above 1, each process examines one artifact at a time; one that dies (a damaged header can crash the
    HDF5 library) is PTY902 about the file that it was reading, and another takes its place.
    """
    if jobs == 1:
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
        self._context = _context()
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
            return index, _unexamined(self._paths[index], self._task, _died(self._paths[index], worker.process))

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _context() -> SpawnContext | ForkServerContext:
    """Processes forked from a small server inherit no threads of ours, and the server imports our modules once."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "ptycho_contracts.sources.hdf5"])
    return context


def _serve(connection: Connection) -> None:
    """What a process of the pool does: receive a path, answer with its report, until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    warnings.simplefilter("ignore", PtychoPluginWarning)  # the parent tells it
    while True:
        try:
            path, task = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(examine_one(Path(path), task))


def _end(worker: _Worker) -> None:
    """End a process that waits, reads or is dead already."""
    worker.connection.close()
    worker.process.terminate()
    worker.process.join()


def _died(path: Path, process: BaseProcess) -> Finding:
    code = process.exitcode
    how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return finding(
        WORKER_DIED, "file:/", f"the process that examined {path.name} ended with {how}", expected="a report", found=how
    )
