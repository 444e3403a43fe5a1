"""Whole runs of the fake checkout: what a user gets, and what stays where it goes wrong."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.execute import RunRecord, perform
from ptycho_runners.ptychovit.request import TrainOptions, TrainRequest
from ptycho_runners.rundir import state_of


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def request_(root: Path, data: Any, fake_checkout: Path) -> TrainRequest:
    return TrainRequest(
        checkout=str(fake_checkout),
        runs_dir=root,
        data_path=data.train,
        test_dp=data.test_dp,
        normalization=data.normalization,
        options=TrainOptions(epochs=2, batch_size=4, train_split=0.75),
        device="cpu",
        threads=1,
        timeout_s=120,
    )


@pytest.fixture(scope="module")
def seen() -> list[str]:
    return []


@pytest.fixture(scope="module")
def record(request_: TrainRequest, seen: list[str]) -> RunRecord:
    return perform(request_, lambda event: seen.append(event.event))


def manifest_in(run_dir: Path) -> RunManifest:
    return RunManifest.model_validate_json((run_dir / "manifest.json").read_text())


def test_a_training_leaves_a_complete_run_with_its_manifest(record: RunRecord, seen: list[str]) -> None:
    assert state_of(record.run_dir) == "complete"
    manifest = manifest_in(record.run_dir)
    assert manifest == record.manifest
    assert (manifest.kind, manifest.outcome, manifest.findings) == ("ptychovit-train", "complete", ())
    assert {Path(digest.path).name for digest in manifest.outputs} == set(record.outputs)
    for digest in (*manifest.inputs, *manifest.outputs):
        assert sha256_of(record.run_dir / digest.path) == digest.sha256
    assert manifest.code is not None
    assert manifest.code.generation == "flat"
    assert "checkout torch" in manifest.versions
    assert seen[0] == "run_start"
    assert seen[-1] == "finished"


def test_a_nan_loss_is_told_as_such(request_: TrainRequest, tmp_path: Path) -> None:
    faulty = request_.model_copy(update={"runs_dir": tmp_path, "overrides": {"fake.nan_validation": [0, 1]}})
    with pytest.raises(RunError, match="PTY525"):
        perform(faulty)
    assert state_of(tmp_path / "run1") == "failed"
    assert [found.code for found in manifest_in(tmp_path / "run1").findings] == ["PTY525"]


def test_a_run_over_its_limit_is_stopped_and_told(request_: TrainRequest, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="PTY511"):
        perform(request_.model_copy(update={"runs_dir": tmp_path, "timeout_s": 0.2}))
    assert state_of(tmp_path / "run1") == "failed"
    assert manifest_in(tmp_path / "run1").outcome == "failed"


def test_ctrl_c_leaves_an_interrupted_run_with_checkpoint_and_manifest(request_: TrainRequest, tmp_path: Path) -> None:
    def interrupt_after_checkpoint(event: Any) -> None:
        if event.event == "checkpoint_written":
            threading.Thread(target=_press_ctrl_c).start()

    hanging = {"runs_dir": tmp_path, "overrides": {"fake.hang_in_epoch": 1}}
    with pytest.raises(KeyboardInterrupt):
        perform(request_.model_copy(update=hanging), interrupt_after_checkpoint)
    assert state_of(tmp_path / "run1") == "interrupted"
    assert manifest_in(tmp_path / "run1").outcome == "interrupted"
    assert (tmp_path / "run1" / "checkpoint_model.pth").stat().st_size > 0


def _press_ctrl_c() -> None:
    time.sleep(0.2)
    signal.raise_signal(signal.SIGINT)


def test_a_refused_request_leaves_no_directory(request_: TrainRequest, tmp_path: Path) -> None:
    leaking = {"runs_dir": tmp_path / "runs", "test_dp": request_.data_path / "lines_000_dp.hdf5"}
    with pytest.raises(RunError) as caught:
        perform(request_.model_copy(update=leaking))
    assert "PTY507" in {found.code for found in caught.value.findings}
    assert list(tmp_path.iterdir()) == []


def test_an_absent_interpreter_is_refused(request_: TrainRequest, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="PTY515 /no/python is no program"):
        perform(request_.model_copy(update={"runs_dir": tmp_path / "runs", "python": "/no/python"}))
    assert list(tmp_path.iterdir()) == []
