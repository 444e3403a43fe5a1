"""`ptycho ptychovit finetune`: plan, refusals and exit codes; whole runs are in test_real_stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from ptycho_contracts.contracts.finetune_record import FineTuneRecord
from ptycho_runners.cli import app
from ptycho_runners.ptychovit.request import TrainRequest

EXAMPLE = Path(__file__).parents[3] / "examples" / "finetune" / "finetune.yaml"


def call(source: TrainRequest, runs: Path, *more: str) -> Result:
    command = ["ptychovit", "finetune", str(source.data_path), source.checkout, "--output", str(runs)]
    return CliRunner().invoke(app, [*command, "--from", str(source.initial_weights), *more])


def test_a_dry_run_prints_stages_parts_rates_and_rule(source: TrainRequest, tmp_path: Path) -> None:
    done = call(source, tmp_path / "runs", "--policy", str(EXAMPLE), "--dry-run")
    assert done.exit_code == 0, done.output
    for line in (
        f"source   {source.initial_weights}",
        "record   a new one, named after the first run",
        "rule     if_justified: the last stage improved the validation loss by at least 1.00%, and at most 2 epochs",
        "stage decoders: 4 epochs, when: always; planned",
        "  trains amp_decoder at 0.0001, ph_decoder at 0.0001",
        "  frozen encoder",
        "  trains encoder at 2e-05, encoder.blocks.1 at 1e-05, encoder.blocks.2 at 2e-05, amp_decoder at 5e-05",
        "stage all: 4 epochs, when: if_justified; planned",
        "  frozen nothing",
    ):
        assert line in done.output
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_in_json_is_the_record_before_anything_was_run(source: TrainRequest, tmp_path: Path) -> None:
    done = call(source, tmp_path / "runs", "--dry-run", "--format", "json")
    record = FineTuneRecord.model_validate(json.loads(done.output))
    assert [(stage.name, stage.state) for stage in record.stages] == [
        ("decoders", "planned"), ("top-blocks", "planned"), ("all", "planned")
    ]  # fmt: skip


def test_a_run_directory_means_its_best_model(source: TrainRequest, tmp_path: Path) -> None:
    assert source.initial_weights is not None
    command = ["ptychovit", "finetune", str(source.data_path), source.checkout, "--output", str(tmp_path)]
    done = CliRunner().invoke(app, [*command, "--from", str(source.initial_weights.parent), "--dry-run"])
    assert f"source   {source.initial_weights}" in done.output


REFUSED = [
    ({"stages": [{"name": "a"}]}, "PTY101"),
    ({"stages": [{"name": "a", "encoder_blocks": 9, "epochs": 1, "amp_decoder_lr": 1, "ph_decoder_lr": 1}]}, "PTY515"),
    (
        {"stages": [{"name": "a", "encoder_blocks": 1, "epochs": 1, "encoder_lr": 1.0, "amp_decoder_lr": 1.0,
                     "ph_decoder_lr": 1.0}]},
        "PTY523",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "code"), REFUSED)
def test_a_policy_that_cannot_be_followed_is_refused(
    source: TrainRequest, tmp_path: Path, policy: object, code: str
) -> None:
    path = tmp_path / "bad_finetune.yaml"
    path.write_text(yaml.safe_dump(policy))
    done = call(source, tmp_path / "runs", "--policy", str(path))
    assert done.exit_code == 1
    assert code in done.output
    assert "yaml:/stages[0]" in done.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("more", [["--policy", "/no/such.yaml"], ["--from", "/no/weights.pth"], ["--test", "/no/x"]])
def test_what_is_not_there_is_refused(source: TrainRequest, tmp_path: Path, more: list[str]) -> None:
    done = call(source, tmp_path / "runs", *more)
    assert done.exit_code == 1
    assert "/no/" in done.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "more",
    [
        ["--device", "tpu"],
        ["--threads", "0"],
        ["--timeout-s", "0"],
        ["--seed", "-1"],
        ["--nproc-per-node", "2"],
        ["--set", "x"],
    ],
)
def test_misuse_is_exit_code_2(source: TrainRequest, tmp_path: Path, more: list[str]) -> None:
    assert call(source, tmp_path / "runs", *more).exit_code == 2
