"""The supervisor: live logs and events, limits, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ptycho_runners import process
from ptycho_runners.bridge import bridge

# Starts a grandchild that ignores SIGTERM, writes both process ids, and waits.
FAMILY = """
import os, subprocess, sys, time
from pathlib import Path
ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
grandchild = subprocess.Popen([sys.executable, "-c", ignore])
time.sleep(0.2)
Path("pids.tmp").write_text(f"{os.getpid()} {grandchild.pid}")
os.replace("pids.tmp", "pids")
"""
WAIT = "import time; time.sleep(60)"


def start(folder: Path, code: str, **options: object) -> process.Outcome:
    keywords = {"env": process.minimal_environment(), "logs": (folder / "out", folder / "err"), **options}
    return process.run([sys.executable, "-c", code], cwd=folder, **keywords)  # type: ignore[arg-type]


def until(condition: Callable[[], bool], limit_s: float = 10.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_in(folder: Path) -> list[int]:
    assert until((folder / "pids").exists)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_a_good_child_is_reported_with_its_logs(tmp_path: Path) -> None:
    outcome = start(tmp_path, "import sys; print('seen'); sys.stderr.write('told\\n')")
    assert outcome.ok
    assert outcome.returncode == 0
    assert (tmp_path / "out").read_text() == "seen\n"
    assert outcome.stderr_tail == ("told",)


def test_a_failing_child_is_reported_with_its_last_words(tmp_path: Path) -> None:
    outcome = start(tmp_path, "print('\\n'.join(map(str, range(50)))); raise ValueError('the cause')")
    assert not outcome.ok
    assert outcome.returncode == 1
    assert outcome.stderr_tail[-1] == "ValueError: the cause"


def test_logs_are_complete_up_to_a_kill(tmp_path: Path) -> None:
    outcome = start(tmp_path, "import os, signal; print('before'); os.kill(os.getpid(), signal.SIGKILL)")
    assert outcome.returncode == -signal.SIGKILL
    assert (tmp_path / "out").read_text() == "before\n"


def test_events_arrive_while_the_child_runs_in_order_and_whole(tmp_path: Path) -> None:
    code = """
import pathlib, time
with open("events", "a") as stream:
    for k in range(3):
        stream.write(f"event "); stream.flush(); time.sleep(0.1)
        stream.write(f"{k}\\n"); stream.flush()
while not pathlib.Path("answer").exists():
    time.sleep(0.02)
"""
    seen: list[str] = []

    def answer(line: str) -> None:
        seen.append(line)
        if len(seen) == 3:
            (tmp_path / "answer").touch()  # the child waits for this, so delivery was not at its end

    outcome = start(tmp_path, code, events=tmp_path / "events", on_event=answer, timeout_s=20)
    assert outcome.ok
    assert seen == ["event 0", "event 1", "event 2"]


def test_the_limit_stops_child_and_grandchild(tmp_path: Path) -> None:
    outcome = start(tmp_path, FAMILY + WAIT, timeout_s=1.0)
    child, grandchild = pids_in(tmp_path)
    assert outcome.timed_out
    assert not outcome.ok
    assert until(lambda: not alive(child) and not alive(grandchild))


def test_a_grandchild_does_not_outlive_a_child_that_ended_well(tmp_path: Path) -> None:
    outcome = start(tmp_path, FAMILY)
    _, grandchild = pids_in(tmp_path)
    assert outcome.ok
    assert until(lambda: not alive(grandchild))


def test_an_exception_of_the_listener_stops_the_child_and_goes_on(tmp_path: Path) -> None:
    def refuse(line: str) -> None:
        raise LookupError(line)

    with pytest.raises(LookupError, match="now"):
        start(
            tmp_path,
            FAMILY + "open('events', 'w').write('now\\n');" + WAIT,
            events=tmp_path / "events",
            on_event=refuse,
        )
    assert until(lambda: not any(alive(pid) for pid in pids_in(tmp_path)))


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, None), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_when_we_are_stopped_nothing_stays(tmp_path: Path, number: signal.Signals, status: int | None) -> None:
    """Ctrl-C, SIGTERM and SIGHUP unwind; of SIGKILL a child that watches its standard input, the bridge, learns."""
    watch = f"import sys; sys.path.insert(0, {str(Path(bridge.__file__).parent)!r})\n"
    child = FAMILY + watch + "import bridge; bridge.die_with_supervisor()\n" + WAIT
    (tmp_path / "supervisor.py").write_text(
        f"import sys\nfrom pathlib import Path\nfrom ptycho_runners.process import minimal_environment, run\n"
        f"run([sys.executable, '-c', {child!r}], cwd=Path.cwd(), env=minimal_environment(),\n"
        f"    logs=(Path('out'), Path('err')))\n"
    )
    source = str(Path(process.__file__).parents[1])
    supervisor = subprocess.Popen(
        [sys.executable, "supervisor.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": source},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    family = pids_in(tmp_path)
    time.sleep(0.3)  # the bridge's watch begins after the ids are written
    supervisor.send_signal(number)
    returned = supervisor.wait(20)
    assert returned != 0
    assert status is None or returned == status
    assert until(lambda: not any(alive(pid) for pid in family))


def test_the_environment_is_explicit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    environment = process.minimal_environment({"OMP_NUM_THREADS": "2"})
    assert "PYTHONPATH" not in environment
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["OMP_NUM_THREADS"] == "2"


def test_an_absent_program_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        process.run(["no-such-program"], cwd=tmp_path, env={}, logs=(tmp_path / "out", tmp_path / "err"))
