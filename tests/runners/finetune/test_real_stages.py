"""Stages on a real checkout: what must stay stays bit for bit, what is trained moves, and a kill loses one epoch."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from ptycho_contracts import validate
from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_runners.cli import app
from ptycho_runners.ptychovit.finetune.run import FineTuned, fine_tune
from ptycho_runners.ptychovit.request import TrainRequest
from ptycho_runners.rundir import state_of

DECODERS, EVERYTHING, TOP = range(3)
PARTS = {DECODERS: ("amp_decoder", "ph_decoder", "log_scale"), EVERYTHING: ("",)}
PARTS[TOP] = ("encoder.blocks.2.", "encoder.norm.", *PARTS[DECODERS])


@pytest.fixture(scope="module")
def asked(policy: Callable[..., FineTunePolicy], stage: Callable[..., Any]) -> FineTunePolicy:
    return policy(
        stage("decoders", 0, epochs=2),
        stage("everything", "all", when="if_justified"),
        stage("top", 1, block_lr_decay=0.5),
        min_improvement=0.0,  # the first stage never ends worse than it began
        patience=2,
    )


@pytest.fixture(scope="module")
def done(source: TrainRequest, asked: FineTunePolicy, tmp_path_factory: pytest.TempPathFactory) -> FineTuned:
    return fine_tune(asked, source.model_copy(update={"runs_dir": tmp_path_factory.mktemp("runs")}))


def weights(done: FineTuned, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a stage started from, and what it left, read by torch itself."""
    entry = done.record.stages[index]
    assert entry.source is not None
    assert entry.checkpoint is not None
    folder = done.path.parent
    before, after = (torch.load(folder / digest.path, weights_only=True) for digest in (entry.source, entry.checkpoint))
    assert before.keys() == after.keys()
    return before, after


@pytest.mark.parametrize("index", [DECODERS, EVERYTHING, TOP])
def test_frozen_tensors_are_bit_identical_and_all_others_moved(done: FineTuned, index: int) -> None:
    before, after = weights(done, index)
    moved = {name for name in before if before[name].numpy().tobytes() != after[name].numpy().tobytes()}
    assert moved == {name for name in before if name.startswith(PARTS[index])}


def test_batch_norm_counts_only_where_it_is_trained(done: FineTuned) -> None:
    def counted(name: str, index: int) -> int:
        before, after = weights(done, index)
        return int(after[f"{name}.num_batches_tracked"]) - int(before[f"{name}.num_batches_tracked"])

    assert [counted("encoder.batch_norm", index) for index in (DECODERS, EVERYTHING, TOP)] == [0, 1, 0]
    assert [counted("amp_decoder.stages.0.0.block.1", index) for index in (EVERYTHING, TOP)] == [1, 1]


def test_rates_and_frozen_parts_reach_the_optimizer(done: FineTuned) -> None:
    groups = []
    for entry in done.record.stages:
        assert entry.run is not None
        state = torch.load(done.path.parent / entry.run / "checkpoint.state", weights_only=True)
        groups.append({g["name"]: g["lr"] for g in state["optimizer_state_dict"]["param_groups"]})
    three = {"encoder": 1e-3, "amp_decoder": 5e-3, "ph_decoder": 5e-3}
    assert groups == [three, three, {**three, "encoder.blocks.2": 1e-3}]


def test_decisions_and_lineage_are_in_record_and_manifests(done: FineTuned) -> None:
    assert [entry.state for entry in done.record.stages] == ["complete"] * 3
    decided = done.record.stages[EVERYTHING].justification
    assert decided is not None
    assert decided.justified
    for entry in done.record.stages:
        assert entry.run is not None
        assert entry.source is not None
        manifest = RunManifest.model_validate_json((done.path.parent / entry.run / "manifest.json").read_text())
        decision = next(d for d in manifest.decisions if d.about == "finetune.stage")
        assert (decision.choice, decision.reason) == (entry.name, entry.reason)
        assert manifest.origin is not None
        assert (manifest.origin.relation, manifest.origin.checkpoint.sha256) == ("fine-tuned", entry.source.sha256)
        assert entry.validation_seeded is True


def test_the_record_fulfils_its_contract_and_names_the_best(done: FineTuned) -> None:
    report = validate(done.path)
    assert (report.contract, report.errors) == ("finetune-record", ())
    losses = {entry.best_loss: entry for entry in done.record.stages}
    assert done.record.best is not None
    best = losses[min(loss for loss in losses if loss is not None)]
    assert done.record.best.stage == best.name
    assert best.checkpoint is not None
    assert sha256_of(done.best_model) == best.checkpoint.sha256


def command(source: TrainRequest, policy: Path, runs: Path) -> list[str]:
    made = ["ptychovit", "finetune", str(source.data_path), source.checkout, "--from", str(source.initial_weights)]
    made += ["--policy", str(policy), "--test", str(source.test_dp), "--normalization", str(source.normalization)]
    return [*made, "--output", str(runs), "--device", "cpu", "--threads", "1", "--seed", str(source.seed)]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", "from ptycho_runners.cli import main; main()"]
    return subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_killed_command_goes_on_as_if_nothing_had_happened(
    done: FineTuned, asked: FineTunePolicy, source: TrainRequest, tmp_path: Path
) -> None:
    only_first = {**asked.model_dump(mode="json"), "stages": [asked.stages[0].model_dump(mode="json")]}
    policy, runs = tmp_path / "first_finetune.yaml", tmp_path / "runs"
    policy.write_text(yaml.safe_dump(only_first))
    first = start(command(source, policy, runs))
    checkpoint = runs / "run1" / "checkpoint.state"
    while not checkpoint.exists() and first.poll() is None:
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    told = first.communicate()[0]
    assert state_of(runs / "run1") == "interrupted", told
    again = start(command(source, policy, runs))
    told = again.communicate()[0]
    assert again.returncode == 0, told
    assert "stage decoders: resumes run1" in told
    assert re.search(r"decoders +complete +run1 +2 ", told), told
    kept = CliRunner().invoke(app, [*command(source, policy, runs), "--dry-run"]).output
    assert "stage decoders: 2 epochs, when: always; complete" in kept
    assert [path.name for path in runs.glob("*.json")] == ["finetune1.json"]
    last = "run1/checkpoint_model.pth"
    whole, resumed = (torch.load(folder / last, weights_only=True) for folder in (done.path.parent, runs))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
