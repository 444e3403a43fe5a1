"""Run directories: numbered without races, locked, and honest about what they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_runners import rundir
from ptycho_runners.errors import RunError


def test_forty_concurrent_runs_get_forty_numbers(tmp_path: Path) -> None:
    def one(_: int) -> int:
        with rundir.new_run(tmp_path) as run:
            return run.number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(one, range(40)))
    assert sorted(numbers) == list(range(1, 41))
    assert [rundir.state_of(path) for path in rundir.runs(tmp_path)] == ["complete"] * 40


@settings(deadline=None)  # the disk is shared
@given(st.sets(st.integers(0, 10**6), max_size=8))
def test_the_next_number_is_above_every_taken_one(taken: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in taken:
            (Path(folder) / f"run{number}").mkdir()
        (Path(folder) / "running").mkdir()
        following = rundir.number_of(rundir.next_path(Path(folder)))
        assert following == max(taken, default=0) + 1
        assert len(rundir.runs(Path(folder))) == len(taken)


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted"), (SystemExit, "interrupted")]
)
def test_what_ended_the_block_is_what_the_directory_says(
    tmp_path: Path, error: type[BaseException], state: str
) -> None:
    states = []

    def work() -> None:
        with rundir.new_run(tmp_path) as run:
            states.append(rundir.state_of(run.path))
            raise error

    with pytest.raises(error):
        work()
    assert states == ["running"]
    assert rundir.state_of(tmp_path / "run1") == state


def test_a_mark_of_the_block_is_kept(tmp_path: Path) -> None:
    with rundir.new_run(tmp_path) as run:
        run.mark("failed")
    assert rundir.state_of(run.path) == "failed"


def test_a_held_directory_is_refused_with_its_holder(tmp_path: Path) -> None:
    with (
        rundir.new_run(tmp_path) as run,
        pytest.raises(RunError, match=f'PTY506.*"pid": {os.getpid()}'),
        rundir.held(run.path),
    ):
        pass


def test_a_locked_folder_is_refused_and_then_free_and_unmarked(tmp_path: Path) -> None:
    with rundir.locked(tmp_path), pytest.raises(RunError, match="PTY506"), rundir.locked(tmp_path):
        pass
    with rundir.locked(tmp_path):
        assert rundir.state_of(tmp_path) is None


def test_a_killed_run_is_interrupted_and_can_be_held_again(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from ptycho_runners import rundir\n"
        "with rundir.new_run(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    source = str(Path(rundir.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code, tmp_path], env={**os.environ, "PYTHONPATH": source}, check=False)
    path = tmp_path / "run1"
    assert json.loads((path / "state.json").read_text())["state"] == "running"
    assert rundir.state_of(path) == "interrupted"
    with rundir.held(path) as run:
        assert rundir.state_of(run.path) == "running"
    assert rundir.state_of(path) == "complete"


def test_a_folder_without_a_marker_has_no_state(tmp_path: Path) -> None:
    assert rundir.state_of(tmp_path) is None


def test_a_marker_that_cannot_be_read_is_no_complete_run(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    assert rundir.state_of(tmp_path) == "interrupted"


def test_who_comes_second_takes_the_next_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process makes run1 between our look and our mkdir."""
    look = rundir.next_path

    def overtaken(parent: Path) -> Path:
        path = look(parent)
        if path.name == "run1":
            path.mkdir()
        return path

    monkeypatch.setattr(rundir, "next_path", overtaken)
    with rundir.new_run(tmp_path) as run:
        assert run.number == 2
    assert rundir.state_of(tmp_path / "run1") is None
