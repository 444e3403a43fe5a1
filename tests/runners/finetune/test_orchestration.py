"""What is run, kept, resumed, begun anew or refused; the trainings themselves are played by a fake."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.finetune_record import FineTuneRecord
from ptycho_contracts.finding import finding
from ptycho_contracts.run_codes import OUT_OF_MEMORY
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.finetune import run as module
from ptycho_runners.ptychovit.finetune.run import FineTuned, fine_tune, plan_finetune
from ptycho_runners.ptychovit.plan import Plan
from ptycho_runners.ptychovit.request import TrainRequest
from ptycho_runners.rundir import RunDir, locked

Losses = list[float]


class Stage:
    """A training that leaves what a real one leaves, in no time."""

    def __init__(self, histories: dict[int, Losses]) -> None:
        self.histories = histories
        self.started: list[str] = []
        self.moves: tuple[str, ...] = ("amp_decoder.output.bias",)
        self.fails: Callable[[], None] = lambda: None

    def __call__(self, plan: Plan, directory: RunDir, _on_event: Any = None) -> Any:
        self.started.append(directory.path.name)
        assert plan.start is not None
        weights = torch.load(plan.start.checkpoint, weights_only=True)
        for name in self.moves:
            weights[name] = weights[name] + 1
        torch.save(weights, plan.run_dir / "best_model.pth")
        losses = self.histories.get(len(self.started), [1.0])
        kinds = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")
        tracker = {**dict.fromkeys(kinds, losses), "best_val_loss": min(losses)}
        group = {"params": [0], "lr": 0.1, "name": "encoder"}
        optimizer = {"state": {}, "param_groups": [group, group, group]}
        state = {"current_epoch": len(losses), "loss_tracker": tracker, "optimizer_state_dict": optimizer}
        torch.save({**state, "scheduler_state_dict": None, "wandb_run_id": None}, plan.run_dir / "checkpoint.state")
        (plan.run_dir / "config.yaml").write_text(json.dumps(plan.config))
        (plan.run_dir / "events.jsonl").write_text("")
        self.fails()
        return Done(plan.run_dir)


class Done:
    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage({})
    monkeypatch.setattr(module, "execute", made)
    return made


@pytest.fixture
def base(source: TrainRequest, tmp_path: Path) -> TrainRequest:
    return source.model_copy(update={"runs_dir": tmp_path / "runs"})


@pytest.fixture
def tune(base: TrainRequest) -> Callable[..., FineTuned]:
    def call(asked: FineTunePolicy, **changes: Any) -> FineTuned:
        return fine_tune(asked, base, **changes)

    return call


def stop() -> None:
    raise KeyboardInterrupt


def out_of_memory() -> None:
    raise RunError(finding(OUT_OF_MEMORY, "run:/", "too large"))


def states(record: FineTuneRecord) -> list[str]:
    return [stage.state for stage in record.stages]


def stored(base: TrainRequest, name: str = "finetune1.json") -> FineTuneRecord:
    return FineTuneRecord.model_validate_json((base.runs_dir / name).read_text())


@pytest.fixture
def asked(policy: Callable[..., FineTunePolicy], stage: Callable[..., Any]) -> FineTunePolicy:
    return policy(
        stage("decoders", 0), stage("top", 1), stage("all", "all", when="if_justified"), min_improvement=0.1, patience=1
    )


def test_a_justified_stage_is_run_and_says_why(tune: Any, fake: Stage, asked: FineTunePolicy) -> None:
    fake.histories = {1: [1.0], 2: [0.9, 0.5], 3: [0.6]}
    done = tune(asked)
    assert states(done.record) == ["complete"] * 3
    decided = done.record.stages[2].justification
    assert decided is not None
    assert (decided.justified, decided.baseline, decided.best) == (True, 1.0, 0.5)
    assert done.record.stages[2].reason == decided.sentence
    assert done.record.best is not None
    assert (done.record.best.stage, done.record.best.validation_loss) == ("top", 0.5)
    assert done.best_model == done.path.parent / "run2" / "best_model.pth"


def test_a_stage_that_is_not_justified_is_skipped_with_its_numbers(
    tune: Any, fake: Stage, asked: FineTunePolicy
) -> None:
    fake.histories = {1: [1.0], 2: [0.95]}
    entry = tune(asked).record.stages[2]
    assert (entry.state, entry.run) == ("skipped", None)
    assert entry.justification is not None
    assert entry.justification.improvement == pytest.approx(0.05)
    assert fake.started == ["run1", "run2"]


def test_never_is_never_run(tune: Any, fake: Stage, policy: Any, stage: Any) -> None:
    record = tune(policy(stage("decoders", 0), stage("all", "all", when="never"))).record
    assert states(record) == ["complete", "skipped"]
    assert record.stages[1].reason == "when: never"
    assert fake.started == ["run1"]


def test_a_stage_starts_from_the_best_model_of_the_one_before(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest
) -> None:
    fake.histories = {2: [0.5]}
    stages = tune(asked).record.stages
    assert stages[0].source is not None
    assert stages[0].source.path == str(base.initial_weights)
    for before, after in itertools.pairwise(stages):
        assert before.checkpoint is not None
        assert after.source is not None
        assert (after.source.path, after.source.sha256) == (before.checkpoint.path, before.checkpoint.sha256)


def test_what_is_finished_is_kept(tune: Any, fake: Stage, asked: FineTunePolicy) -> None:
    first = tune(asked)
    content = first.path.read_bytes()
    again = tune(asked)
    assert again.path.read_bytes() == content
    assert fake.started == ["run1", "run2"]


def test_another_policy_data_or_seed_is_another_record(
    fake: Stage, policy: Any, stage: Any, base: TrainRequest, data: Any, tmp_path: Path
) -> None:
    one = policy(stage("decoders", 0))
    paths = [fine_tune(one, base).path]
    paths.append(fine_tune(policy(stage("decoders", 0), patience=7), base).path)
    paths.append(fine_tune(one, base.model_copy(update={"seed": 8})).path)
    paths.append(fine_tune(one, base.model_copy(update={"data_path": data.train / "lines_000_dp.hdf5"})).path)
    paths.append(fine_tune(one, base, new=True).path)
    assert [path.name for path in paths] == [f"finetune{k}.json" for k in range(1, 6)]
    assert fine_tune(one, base).path == paths[-1]  # the newest of the same
    assert len(fake.started) == 5


def test_killed_between_stages_goes_on_with_the_next(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest
) -> None:
    def stop_after_first(line: str) -> None:
        if line.startswith("stage decoders: complete"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(asked, say=stop_after_first)
    assert states(stored(base)) == ["complete", "planned", "planned"]
    assert states(tune(asked).record) == ["complete", "complete", "skipped"]
    assert fake.started == ["run1", "run2"]


def test_killed_after_the_run_and_before_the_record_is_adopted(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(module, "frozen_findings", lambda *_: stop())
        with pytest.raises(KeyboardInterrupt):
            tune(asked)
    assert states(stored(base)) == ["running", "planned", "planned"]
    tune(asked)
    assert fake.started == ["run1", "run2"]


def test_a_stage_without_a_checkpoint_begins_anew_and_says_so(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest
) -> None:
    fake.fails = stop
    with pytest.raises(KeyboardInterrupt):
        tune(asked)
    assert states(stored(base))[0] == "running"
    said: list[str] = []
    fake.fails = lambda: None
    record = tune(asked, say=said.append).record
    assert (record.stages[0].run, fake.started[:2]) == ("run2", ["run1", "run2"])
    assert any(line.startswith("stage decoders: begins anew, run1 cannot be resumed: PTY516") for line in said)
    assert stored(base) == record  # under the name that it had


def test_a_failed_stage_is_recorded_and_can_be_tried_again(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest
) -> None:
    fake.fails = out_of_memory
    with pytest.raises(RunError, match="PTY526"):
        tune(asked)
    entry = stored(base).stages[0]
    assert (entry.state, entry.reason, [found.code for found in entry.findings]) == (
        "failed", "PTY526 too large", ["PTY526"]
    )  # fmt: skip
    fake.fails = lambda: None
    entry = tune(asked).record.stages[0]
    assert (entry.state, entry.findings) == ("complete", ())


def test_a_stage_that_moved_a_frozen_part_is_invalid(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest
) -> None:
    fake.moves = ("amp_decoder.output.bias", "encoder.blocks.2.norm1.weight")
    with pytest.raises(RunError, match=r"PTY529 1 tensors of frozen parts changed: encoder\.blocks\.2\.norm1\.weight"):
        tune(asked)
    assert states(stored(base)) == ["failed", "planned", "planned"]
    assert stored(base).best is None
    fake.moves = ()
    assert tune(asked).record.stages[0].run == "run2"  # the run that moved it is not used again


def test_a_source_that_changed_since_is_refused(tune: Any, fake: Stage, asked: FineTunePolicy, base: Any) -> None:
    fake.histories = {2: [0.5]}
    fake.fails = lambda: stop() if len(fake.started) == 3 else None
    with pytest.raises(KeyboardInterrupt):
        tune(asked)
    fake.fails = lambda: None
    (base.runs_dir / "run2" / "best_model.pth").write_bytes(b"other")
    with pytest.raises(RunError, match=r"PTY516 .*run2/best_model.pth is not what stage 'top' left"):
        tune(asked)


def test_a_best_model_that_changed_since_is_refused(
    tune: Any, fake: Stage, asked: FineTunePolicy, base: TrainRequest
) -> None:
    tune(asked).best_model.unlink()
    with pytest.raises(RunError, match=r"PTY516 .*run1/best_model.pth is not what stage 'decoders' left"):
        tune(asked)


def test_a_plan_writes_nothing(asked: FineTunePolicy, base: TrainRequest) -> None:
    planned = plan_finetune(asked, base)
    assert [len(stage.frozen) for stage in planned.stages] == [
        1,
        6,
        0,
    ]  # the embeddings, two blocks, and this checkout's batch norm
    assert planned.ledger().path is None
    assert not base.runs_dir.exists()


def test_refusals_come_before_anything_is_written(base: TrainRequest, policy: Any, stage: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="PTY523"):
        fine_tune(policy(stage("top", 1, encoder_lr=1.0)), base)
    with pytest.raises(RunError, match="PTY515 a fine-tuning needs weights"):
        fine_tune(policy(stage("top", 1)), base.model_copy(update={"initial_weights": None}))
    (tmp_path / "broken.pth").write_bytes(b"no zip")
    broken = base.model_copy(update={"initial_weights": tmp_path / "broken.pth"})
    with pytest.raises(RunError):
        fine_tune(policy(stage("top", 1)), broken)
    assert not base.runs_dir.exists()


def test_two_processes_cannot_share_a_folder(base: TrainRequest, asked: FineTunePolicy, fake: Stage) -> None:
    base.runs_dir.mkdir()
    with locked(base.runs_dir), pytest.raises(RunError, match="PTY506"):
        fine_tune(asked, base)
    assert fake.started == []
