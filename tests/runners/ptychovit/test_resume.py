"""Runs of the reference checkout that were stopped, and go on: no gap, no repeat, nothing else touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.contracts.bridge_event import BridgeEvent
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.checkout import find_checkout
from ptycho_runners.ptychovit.execute import RunRecord, perform, plan_of
from ptycho_runners.ptychovit.request import ResumeRequest, TrainOptions, TrainRequest
from ptycho_runners.rundir import locked, state_of

EPOCHS = 3


class StoppedError(Exception):
    """What the listener raises to end a run after its first checkpoint."""


def stop(event: Any) -> None:
    if event.event == "checkpoint_written":
        raise StoppedError


def digests(folder: Path) -> dict[Path, str]:
    return {path: sha256_of(path) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def manifest_in(run_dir: Path) -> RunManifest:
    return RunManifest.model_validate_json((run_dir / "manifest.json").read_text())


def state_in(run_dir: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run_dir / "checkpoint.state", weights_only=True)
    return state


def codes_of(request: ResumeRequest) -> list[str]:
    with pytest.raises(RunError) as caught:
        perform(request)
    return [found.code for found in caught.value.findings]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory, data: Any) -> TrainRequest:
    model = yaml.safe_load((find_checkout("reference").root / "config.yaml").read_text())["model"]
    model["encoder"] |= {"embed_dim": 16, "depth": 1, "num_heads": 2}
    model["decoder"] |= {"base_channels": 4}
    return TrainRequest(
        runs_dir=tmp_path_factory.mktemp("resumed"),
        data_path=data.train,
        options=TrainOptions(epochs=EPOCHS, batch_size=4, train_split=0.75, encoder_lr=1e-5),
        model=model,
        device="cpu",
        threads=1,
    )


@pytest.fixture(scope="module")
def stopped(request_: TrainRequest) -> Path:
    """A run that ended after its first epoch; copied by those who write into it."""
    with pytest.raises(StoppedError):
        perform(request_, stop)
    return request_.runs_dir / "run1"


@pytest.fixture
def copy(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run7", symlinks=True))


@pytest.fixture(scope="module")
def resumed(stopped: Path, tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    run = shutil.copytree(stopped, tmp_path_factory.mktemp("moved") / "run5", symlinks=True)
    return perform(ResumeRequest(run=run))


def test_the_history_has_no_gap_and_no_repeat(resumed: RunRecord, stopped: Path) -> None:
    before, after = state_in(stopped), state_in(resumed.run_dir)
    assert (before["current_epoch"], after["current_epoch"]) == (1, EPOCHS)
    for name, losses in after["loss_tracker"].items():
        if name != "best_val_loss":
            assert len(losses) == EPOCHS
            assert losses[:1] == before["loss_tracker"][name]
    assert state_of(resumed.run_dir) == "complete"
    told = [
        BridgeEvent.model_validate_json(line).root
        for line in (resumed.run_dir / "events.jsonl").read_text().splitlines()
    ]
    assert [event.epoch for event in told if event.event == "epoch_end"] == list(range(EPOCHS))


def test_a_resumed_run_ends_as_an_uninterrupted_one(resumed: RunRecord, request_: TrainRequest, tmp_path: Path) -> None:
    whole = perform(request_.model_copy(update={"runs_dir": tmp_path}))
    assert state_in(whole.run_dir)["loss_tracker"] == state_in(resumed.run_dir)["loss_tracker"]
    for name in ("best_model.pth", "checkpoint_model.pth"):
        ours, theirs = (torch.load(folder / name, weights_only=True) for folder in (resumed.run_dir, whole.run_dir))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_the_manifest_tells_both_processes(resumed: RunRecord, stopped: Path) -> None:
    first, whole = manifest_in(stopped), manifest_in(resumed.run_dir)
    assert [attempt.outcome for attempt in first.attempts] == ["interrupted"]
    assert [(a.outcome, a.first_epoch) for a in whole.attempts] == [("interrupted", 0), ("complete", 1)]
    assert whole.attempts[1].checkpoint is not None
    assert whole.attempts[1].checkpoint.sha256 == sha256_of(stopped / "checkpoint_model.pth")
    assert (whole.origin, whole.started, whole.inputs) == (None, first.started, first.inputs)
    assert whole.seconds == pytest.approx(sum(attempt.seconds for attempt in whole.attempts))
    assert len(whole.commands) == 2
    assert {"data", "first epoch", "initial_weights"} <= {decision.about for decision in whole.decisions}


def test_a_moved_run_works_where_it_lies_now(resumed: RunRecord, stopped: Path) -> None:
    config = yaml.safe_load((resumed.run_dir / "config.yaml").read_text())
    assert config["paths"]["model_save_path"] == str(resumed.run_dir.parent)
    assert config["trainer"]["run_num"] == 5
    assert config["training"]["resume_from_checkpoint"] is True
    assert str(stopped) not in (resumed.run_dir / "job.json").read_text()
    assert str(stopped) not in (resumed.run_dir / "config.yaml").read_text()


def test_a_complete_run_goes_on_only_for_more_epochs(resumed: RunRecord, tmp_path: Path) -> None:
    run = Path(shutil.copytree(resumed.run_dir, tmp_path / "run1", symlinks=True))
    before = digests(run)
    assert codes_of(ResumeRequest(run=run)) == ["PTY521"]
    assert codes_of(ResumeRequest(run=run, epochs=EPOCHS - 1)) == ["PTY521"]
    assert digests(run) == before
    assert state_of(run) == "complete"
    longer = perform(ResumeRequest(run=run, epochs=EPOCHS + 1))
    assert state_in(run)["current_epoch"] == EPOCHS + 1
    assert [attempt.first_epoch for attempt in longer.manifest.attempts] == [0, 1, EPOCHS]


def test_a_plan_writes_nothing_and_says_why(copy: Path) -> None:
    before = digests(copy)
    plan = plan_of(ResumeRequest(run=copy, epochs=9, overrides={"training.batch_size": 2}))
    assert digests(copy) == before
    assert (plan.run_dir, plan.first_epoch, plan.resumes) == (copy, 1, True)
    reasons = {decision.about: decision.reason for decision in plan.decisions}
    assert "another number of steps" in reasons["training.batch_size"]
    assert "digests" in reasons["data"]


def test_other_data_is_refused_before_anything_starts(copy: Path, data: Any, tmp_path: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    changed, missing = manifest["inputs"][0], manifest["inputs"][1]
    for entry, name in ((changed, "other_dp.hdf5"), (missing, "gone_para.hdf5")):
        entry["path"] = str(tmp_path / name)
    shutil.copy(data.test_dp, tmp_path / "other_dp.hdf5")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    before = digests(copy)
    assert codes_of(ResumeRequest(run=copy)) == ["PTY522", "PTY522"]
    assert digests(copy) == before
    assert state_of(copy) == "failed"  # as the stopped run was


def test_torn_files_are_told_together_and_stay_as_they_are(copy: Path) -> None:
    for name in ("checkpoint_model.pth", "checkpoint.state"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[: len(content) // 2])
    (copy / "config.yaml").write_text("model: [")
    before = digests(copy)
    assert codes_of(ResumeRequest(run=copy)) == ["PTY002"] * 3
    assert digests(copy) == before


def test_a_run_of_before_its_first_epoch_says_to_start_anew(copy: Path) -> None:
    for name in ("checkpoint_model.pth", "checkpoint.state", "best_model.pth"):
        (copy / name).unlink()
    with pytest.raises(RunError) as caught:
        perform(ResumeRequest(run=copy))
    assert [found.code for found in caught.value.findings] == ["PTY516", "PTY516"]
    assert "start anew" in (caught.value.finding.fix or "")


def test_a_run_in_use_is_refused(copy: Path) -> None:
    with locked(copy):
        (copy / "state.json").write_text((copy / "state.json").read_text().replace("failed", "running"))
        assert codes_of(ResumeRequest(run=copy)) == ["PTY506"]
        with pytest.raises(RunError, match="PTY506"):
            plan_of(ResumeRequest(run=copy))


@pytest.mark.parametrize("name", ["runs", "run"])
def test_what_is_no_run_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert codes_of(ResumeRequest(run=tmp_path / name)) == ["PTY515"]
    assert codes_of(ResumeRequest(run=tmp_path / "run3")) == ["PTY515"]


def test_a_crash_between_renames_is_settled_and_a_lost_best_model_is_set_aside(copy: Path) -> None:
    for name in ("checkpoint_model.pth", "checkpoint.state"):
        (copy / name).rename(copy / f"{name}.next")
    (copy / "best_model.pth").write_bytes(b"no model")
    plan = plan_of(ResumeRequest(run=copy))  # reads what the crash left, and leaves it
    assert plan.first_epoch == 1
    assert (copy / "checkpoint.state.next").is_file()
    record = perform(ResumeRequest(run=copy))
    assert state_in(copy)["current_epoch"] == EPOCHS
    assert not list(copy.glob("*.next"))
    assert (copy / "best_model.pth.unusable").read_bytes() == b"no model"
    assert "set aside" in {d.about: d.reason for d in record.manifest.decisions}["best_model.pth"]
    assert torch.load(copy / "best_model.pth", weights_only=True)


def test_a_fine_tuned_run_keeps_its_origin(resumed: RunRecord, request_: TrainRequest, tmp_path: Path) -> None:
    weights = resumed.run_dir / "best_model.pth"
    tuned = request_.model_copy(update={"runs_dir": tmp_path, "initial_weights": weights, "model": None})
    with pytest.raises(StoppedError):
        perform(tuned, stop)
    record = perform(ResumeRequest(run=tmp_path / "run1"))
    origin = record.manifest.origin
    assert origin is not None
    assert (origin.relation, origin.run, origin.checkpoint.sha256) == (
        "fine-tuned",
        str(resumed.run_dir),
        sha256_of(weights),
    )
    losses = state_in(resumed.run_dir)["loss_tracker"]["validation_loss"]
    assert origin.epoch == losses.index(min(losses)) + 1


class TestForeign:
    """A run directory as upstream leaves it: none of our files."""

    @pytest.fixture
    def foreign(self, copy: Path) -> Path:
        for path in copy.iterdir():
            if path.name not in {"best_model.pth", "checkpoint_model.pth", "checkpoint.state", "config.yaml"}:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return copy

    def set_data(self, foreign: Path, **paths: str | None) -> None:
        config = yaml.safe_load((foreign / "config.yaml").read_text())
        config["data"] |= paths
        (foreign / "config.yaml").write_text(yaml.safe_dump(config))

    def test_it_needs_a_checkout_and_goes_on(self, foreign: Path, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        numbers = str(data.normalization)
        self.set_data(
            foreign,
            data_path="train",
            test_path="test",
            normalization_dict_path=numbers,
            test_normalization=numbers,
        )
        monkeypatch.chdir(data.train.parent)
        assert codes_of(ResumeRequest(run=foreign)) == ["PTY515"]
        record = perform(ResumeRequest(run=foreign, checkout="reference", device="cpu", threads=1))
        assert state_in(foreign)["current_epoch"] == EPOCHS
        decisions = {decision.about: decision.choice for decision in record.manifest.decisions}
        assert decisions["data"] == "not proven the same"
        assert record.manifest.origin is not None
        assert record.manifest.origin.relation == "resumed"
        again = plan_of(ResumeRequest(run=foreign, epochs=EPOCHS + 1))  # it is one of ours now
        assert {d.about: d.choice for d in again.decisions}["data"] == "the same"

    def test_an_unset_normalization_is_refused(self, foreign: Path, data: Any) -> None:
        self.set_data(foreign, data_path=str(data.train), test_path=str(data.test_dp), normalization_dict_path=None)
        assert codes_of(ResumeRequest(run=foreign, checkout="reference")) == ["PTY501"]

    def test_absent_data_are_refused(self, foreign: Path, data: Any) -> None:
        numbers = str(data.normalization)
        self.set_data(foreign, data_path="nowhere", normalization_dict_path=numbers, test_normalization=numbers)
        assert codes_of(ResumeRequest(run=foreign, checkout="reference")) == ["PTY515"]
