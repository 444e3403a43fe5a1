"""Trainings that are killed without warning, and go on as if nothing had happened.

A training of the reference checkout is killed with SIGKILL at instants that are drawn from a seed, resumed, and in
the end compared with one that was never interrupted: on a CPU with one thread every weight, moment and loss is the
same, bit by bit, so no epoch was left out and none was trained twice. The seed is printed; PTYCHO_KILL_SEED sets it.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit import execute
from ptycho_runners.ptychovit.execute import perform
from ptycho_runners.ptychovit.request import ResumeRequest, TrainOptions, TrainRequest
from ptycho_runners.rundir import state_of

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

EPOCHS = 6
MODEL: dict[str, Any] = {
    "encoder_type": "custom",
    "encoder": {"patch_size": 32, "embed_dim": 128, "depth": 3, "num_heads": 4, "mlp_ratio": 4, "dropout": 0.1},
    "decoder": {"base_channels": 4, "num_stages": 5, "use_batchnorm": True, "dropout": 0.1},
    "refine_steps": 1,
}
WRITES = (
    "..best_model.pth.*.tmp.partial",
    "best_model.pth.next",
    ".checkpoint_model.pth.next.partial",
    "checkpoint_model.pth.next",
    ".checkpoint.state.next.partial",
    "checkpoint.state.next",
)
"""Files that exist only while an epoch is put on the disk, in the order in which they appear."""
LEFTOVERS = ("*.next", ".*.partial", ".*.tmp")
HISTORIES = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")


@dataclass(frozen=True)
class Instant:
    """When to kill: some time after the end of a number of epochs, or once a file is seen after it."""

    epochs: int
    delay_s: float
    file: str | None = None

    def __str__(self) -> str:
        return f"epoch {self.epochs} + " + (self.file or f"{self.delay_s:.2f} s")


class Killer(threading.Thread):
    """Kills the bridge of a run directory, and all that it started, at an instant; each at most once."""

    def __init__(self, run_dir: Path, instant: Instant) -> None:
        super().__init__(daemon=True)
        self.run_dir, self.instant, self.ended = run_dir, instant, threading.Event()
        self.lines_before = len(self.events())

    def events(self) -> list[dict[str, Any]]:
        """What the bridge said so far; the last line may be torn."""
        path = self.run_dir / "events.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def run(self) -> None:
        while not self.ended.wait(0.002):
            said = self.events()[self.lines_before :]
            if said and finished(said) >= self.instant.epochs:
                self.wait_for_the_instant()
                os.killpg(said[0]["pid"], signal.SIGKILL)
                return

    def wait_for_the_instant(self) -> None:
        """A machine that is suddenly faster must not have finished the training before it is killed."""
        if self.instant.file is None:
            deadline = time.monotonic() + self.instant.delay_s
            while time.monotonic() < deadline and finished(self.events()) < EPOCHS - 1:
                time.sleep(0.002)
        else:
            while not self.ended.is_set() and not any(self.run_dir.glob(self.instant.file)):
                pass


def finished(events: list[dict[str, Any]]) -> int:
    """How many epochs are on the disk."""
    return max((event["epoch"] + 1 for event in events if event["event"] == "checkpoint_written"), default=0)


@dataclass(frozen=True)
class Death:
    """What a kill left on the disk."""

    instant: Instant
    history: int
    leftovers: tuple[str, ...]

    @property
    def inside_a_write(self) -> bool:
        """Whether files of a checkpoint, not of a picture, were left half way."""
        return any(fnmatch(name, pattern) for name in self.leftovers for pattern in WRITES)

    def __str__(self) -> str:
        where = ", ".join(self.leftovers) or "no"
        return f"| {self.instant!s:<52} | {self.history:>2} | {where:<70} |"


def request_for(runs_dir: Path, data: Any) -> TrainRequest:
    return TrainRequest(
        runs_dir=runs_dir,
        data_path=data.train,
        options=TrainOptions(epochs=EPOCHS, batch_size=2, learning_rate=1e-3, train_split=0.5, max_probe_modes=1),
        model=MODEL,
        device="cpu",
        threads=1,
        seed=11,
    )


@dataclass(frozen=True)
class Uninterrupted:
    """The training that all others must equal."""

    run_dir: Path
    epoch_s: float


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, data: Any) -> Uninterrupted:
    times = []
    record = perform(
        request_for(tmp_path_factory.mktemp("uninterrupted"), data),
        lambda event: times.append(event.time) if event.event == "checkpoint_written" else None,
    )
    return Uninterrupted(record.run_dir, (times[-1] - times[0]).total_seconds() / (EPOCHS - 1))


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("PTYCHO_KILL_SEED", secrets.randbits(32)))
    print(f"\nPTYCHO_KILL_SEED={seed}")
    return random.Random(seed)


def load(run_dir: Path, name: str) -> Any:
    return torch.load(run_dir / name, weights_only=True)


def same(one: Any, other: Any) -> bool:
    """Whether two checkpoints hold the same, bit by bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(torch.equal(one, other)) if isinstance(one, torch.Tensor) else one == other


def leftovers(run_dir: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for pattern in LEFTOVERS for path in run_dir.glob(pattern)))


def kill(perform_it: Callable[[], Any], run_dir: Path, instant: Instant) -> Death:
    """Have a run killed. Nothing cleans up after it, as if our own process had died at the same time."""
    killer = Killer(run_dir, instant)
    killer.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "settle_checkpoint", lambda _folder: None)
        with pytest.raises(RunError, match="signal 9"):
            perform_it()
    killer.ended.set()
    killer.join()
    saved = (run_dir / "checkpoint.state").exists()
    history = load(run_dir, "checkpoint.state")["loss_tracker"]["training_loss"] if saved else []
    return Death(instant, len(history), leftovers(run_dir))


def train_with_kills(request: TrainRequest, instants: list[Instant]) -> list[Death]:
    """A training that is killed at each instant in turn, resumed after each, and left to finish after the last."""
    run_dir = request.runs_dir / "run1"
    deaths = [kill(lambda: perform(request), run_dir, instants[0])]
    deaths += [kill(lambda: perform(ResumeRequest(run=run_dir)), run_dir, instant) for instant in instants[1:]]
    perform(ResumeRequest(run=run_dir))
    return deaths


def assert_as_if_never_interrupted(run_dir: Path, uninterrupted: Uninterrupted) -> None:
    state = load(run_dir, "checkpoint.state")
    assert state["current_epoch"] == EPOCHS
    assert [len(state["loss_tracker"][name]) for name in HISTORIES] == [EPOCHS] * len(HISTORIES)
    for name in ("best_model.pth", "checkpoint_model.pth", "checkpoint.state"):
        assert same(load(run_dir, name), load(uninterrupted.run_dir, name)), name
    assert pickle.loads((run_dir / "metrics.pickle").read_bytes()) == state["loss_tracker"]  # noqa: S301
    assert leftovers(run_dir) == ()


def report(deaths: list[Death]) -> None:
    print(f"| {'killed after':<52} | epochs on the disk | left of a write |")
    for death in deaths:
        print(death)


def instant_in_time(chance: random.Random, epochs: int, uninterrupted: Uninterrupted) -> Instant:
    return Instant(epochs, chance.uniform(0, uninterrupted.epoch_s))


def test_a_training_killed_three_times_equals_one_that_was_not(
    tmp_path: Path, data: Any, uninterrupted: Uninterrupted, chance: random.Random
) -> None:
    instants = [
        instant_in_time(chance, 1, uninterrupted),
        Instant(2, 0, chance.choice(WRITES[2:5])),
        instant_in_time(chance, 4, uninterrupted),
    ]
    deaths = train_with_kills(request_for(tmp_path, data), instants)
    report(deaths)
    assert_as_if_never_interrupted(tmp_path / "run1", uninterrupted)
    assert deaths[1].inside_a_write


def test_killed_before_the_first_finished_epoch_there_is_nothing_to_resume(tmp_path: Path, data: Any) -> None:
    request = request_for(tmp_path, data)
    death = kill(lambda: perform(request), tmp_path / "run1", Instant(0, 0, WRITES[2]))
    assert death.history == 0
    assert death.inside_a_write
    with pytest.raises(RunError, match="PTY516") as caught:
        perform(ResumeRequest(run=tmp_path / "run1"))
    assert "start anew" in str(caught.value.finding.fix)


SUPERVISOR = """
import sys
from ptycho_runners.ptychovit.execute import perform
from ptycho_runners.ptychovit.request import TrainRequest
perform(TrainRequest.model_validate_json(sys.argv[1]), lambda event: print(event.model_dump_json(), flush=True))
"""


def test_a_supervisor_that_is_killed_leaves_nothing_running_and_a_run_to_resume(
    tmp_path: Path, data: Any, uninterrupted: Uninterrupted
) -> None:
    command = [sys.executable, "-c", SUPERVISOR, request_for(tmp_path, data).model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        said = (json.loads(line) for line in supervisor.stdout)
        bridge = next(event["pid"] for event in said if event["event"] == "run_start")
        next(event for event in said if event["event"] == "checkpoint_written")
        supervisor.kill()
    deadline = time.monotonic() + 20
    while group_is_alive(bridge) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not group_is_alive(bridge)
    assert state_of(tmp_path / "run1") == "interrupted"
    perform(ResumeRequest(run=tmp_path / "run1"))
    assert_as_if_never_interrupted(tmp_path / "run1", uninterrupted)


def group_is_alive(leader: int) -> bool:
    """Whether any process of the group is left that is not a zombie waiting for its parent."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    groups = [line.split() for line in listed.splitlines()]
    return any(int(group) == leader and not state.startswith("Z") for group, state in groups)


@pytest.mark.slow
def test_trainings_killed_at_twenty_instants_equal_one_that_was_not(
    tmp_path: Path, data: Any, uninterrupted: Uninterrupted, chance: random.Random
) -> None:
    drawn = [instant_in_time(chance, chance.randint(1, EPOCHS - 2), uninterrupted) for _ in range(10)]
    files = [*WRITES, *chance.choices(WRITES, k=4)]
    drawn += [Instant(chance.randint(1, EPOCHS - 2), 0, file) for file in files]
    deaths = []
    for number, instant in enumerate(drawn):
        runs_dir = tmp_path / str(number)
        deaths += train_with_kills(request_for(runs_dir, data), [instant])
        assert_as_if_never_interrupted(runs_dir / "run1", uninterrupted)
        shutil.rmtree(runs_dir)
    report(deaths)
    inside = sum(death.inside_a_write for death in deaths)
    print(
        f"{len(deaths)} of {len(drawn)} resumed to the full history, {inside} of them killed inside a checkpoint write"
    )
    assert inside >= 5
