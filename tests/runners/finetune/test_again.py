"""The interrupted run of the same request goes on; any other request, state or refusal begins anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ptycho_adapters.normalization import write_normalization
from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_contracts.sources.pickle_file import read_number_dict
from ptycho_runners.ptychovit import again as module
from ptycho_runners.ptychovit.again import perform_or_resume
from ptycho_runners.ptychovit.execute import plan_of
from ptycho_runners.ptychovit.plan import Plan
from ptycho_runners.ptychovit.request import ResumeRequest, TrainOptions, TrainRequest
from ptycho_runners.rundir import RunDir, State


class Runner:
    """Plays `execute` and `perform`; keeps what was asked."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.resumed: list[str] = []
        self.ends: State = "interrupted"

    def execute(self, plan: Plan, directory: RunDir, _on_event: Any) -> None:
        self.begun.append(directory.path.name)
        manifest = RunManifest(
            kind="ptychovit-train", outcome="running", started=datetime.now(UTC), seconds=0, versions={},
            decisions=plan.decisions,
        )  # fmt: skip
        atomic_write_json(directory.path / "manifest.json", manifest.model_dump(mode="json"))
        directory.mark(self.ends)

    def perform(self, request: ResumeRequest, _on_event: Any) -> None:
        self.resumed.append(request.run.name)
        assert (request.device, request.threads) == ("cpu", 1)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    made = Runner()
    monkeypatch.setattr(module, "execute", made.execute)
    monkeypatch.setattr(module, "perform", made.perform)
    monkeypatch.setattr(
        module, "plan_of", lambda request, *more: isinstance(request, ResumeRequest) or plan_of(request, *more)
    )
    return made


@pytest.fixture
def request_(data: Any, tmp_path: Path) -> TrainRequest:
    return TrainRequest(
        runs_dir=tmp_path / "runs", data_path=data.train, test_dp=data.test_dp, normalization=data.normalization,
        options=TrainOptions(epochs=2, train_split=0.5), device="cpu", threads=1,
    )  # fmt: skip


def ask(request: TrainRequest, **changes: Any) -> list[str]:
    said: list[str] = []
    resume = changes.pop("resume", True)
    perform_or_resume(request.model_copy(update=changes), None, said.append, resume=resume)
    return said


def test_an_interrupted_run_of_the_same_request_is_resumed(runner: Runner, request_: TrainRequest) -> None:
    assert ask(request_) == []
    assert ask(request_, timeout_s=5.0) == ["run1 was interrupted; it is resumed from its last finished epoch"]
    assert (runner.begun, runner.resumed) == (["run1"], ["run1"])


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"options": TrainOptions(epochs=3, train_split=0.5)}, {"overrides": {"a.b": 1}}, {"resume": False}],
)
def test_another_request_begins_anew(runner: Runner, request_: TrainRequest, changes: dict[str, Any]) -> None:
    ask(request_)
    assert ask(request_, **changes) == []
    assert (runner.begun, runner.resumed) == (["run1", "run2"], [])


def test_other_data_under_the_same_name_begin_anew(runner: Runner, request_: TrainRequest, tmp_path: Path) -> None:
    assert request_.normalization is not None
    numbers, own = read_number_dict(request_.normalization, "pkl"), tmp_path / "n.pkl"
    for factor in (1, 2):
        write_normalization(own, {name: factor * value for name, value in numbers.items()})
        ask(request_, normalization=own)
    assert runner.begun == ["run1", "run2"]


@pytest.mark.parametrize("state", ["complete", "failed"])
def test_only_an_interrupted_run_goes_on(runner: Runner, request_: TrainRequest, state: State) -> None:
    runner.ends = state
    ask(request_)
    ask(request_)
    assert (runner.begun, runner.resumed) == (["run1", "run2"], [])


def test_only_the_newest_run_counts(runner: Runner, request_: TrainRequest) -> None:
    ask(request_)
    runner.ends = "complete"
    ask(request_, resume=False)
    ask(request_)
    assert (runner.begun, runner.resumed) == (["run1", "run2", "run3"], [])


def test_a_refused_resume_begins_anew_and_says_why(
    runner: Runner, request_: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(request_)
    monkeypatch.undo()
    monkeypatch.setattr(module, "execute", runner.execute)
    (said,) = ask(request_)
    assert said.startswith("run1 was interrupted and cannot be resumed, so the training begins anew: PTY516")
    assert runner.begun == ["run1", "run2"]
