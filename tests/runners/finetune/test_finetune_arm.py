"""The study arm: which options go together, what is planned, and a whole study (slow)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ptycho_contracts.contracts.run_manifest import Decision, RunManifest
from ptycho_runners.arms.base import ArmFolders, ArmRequest
from ptycho_runners.arms.pinn_ptychovit import PinnPtychoViT, PinnPtychoViTOptions
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.request import TrainRequest
from ptycho_runners.studies.run import run_study

STAGE = {"name": "decoders", "encoder_blocks": 0, "epochs": 1, "amp_decoder_lr": 1e-4, "ph_decoder_lr": 1e-4}
POLICY = {"stages": [STAGE]}


def plan(tmp_path: Path, **options: Any) -> dict[str, Decision]:
    request = ArmRequest(
        id="a", n=256, options=PinnPtychoViTOptions.model_validate(options), base=tmp_path, train=tmp_path / "t.npz",
        test=tmp_path / "x.npz", test_object=0, order="auto", folders=ArmFolders(tmp_path, tmp_path, tmp_path),
        say=lambda _line: None,
    )  # fmt: skip
    return {decision.about: decision for decision in PinnPtychoViT().plan(request)}


def test_a_fine_tuning_is_planned_from_given_weights(tmp_path: Path) -> None:
    decided = plan(tmp_path, weights="bundled", finetune=POLICY)
    assert decided["finetune"].reason == "option finetune is given"
    assert "train" not in decided
    assert decided["weights"].reason == "option weights = bundled; the training starts there"


def test_a_run_directory_gives_the_checkpoint_that_is_named(tmp_path: Path, source: TrainRequest) -> None:
    assert source.initial_weights is not None
    run = source.initial_weights.parent
    assert plan(tmp_path, weights=str(run))["weights"].choice == str(run / "best_model.pth")
    named = plan(tmp_path, weights=str(run), checkpoint="checkpoint_model.pth")["weights"]
    assert named.choice == str(run / "checkpoint_model.pth")


CONTRADICTIONS = [
    ({"finetune": POLICY}, "has no `weights` to start from"),
    ({"weights": "bundled", "finetune": POLICY, "train": {"epochs": 1}}, "has both `train` and `finetune`"),
    ({"weights": "bundled", "finetune": {"stages": [{**STAGE, "encoder_blocks": 9}]}}, "the weights have 4"),
    ({"weights": "absent.pth", "finetune": POLICY}, "absent.pth does not exist"),
]


@pytest.mark.parametrize(("options", "told"), CONTRADICTIONS)
def test_contradictions_are_refused_before_data_exist(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(RunError) as caught:
        plan(tmp_path, **options)
    assert any(told in found.message for found in caught.value.findings)


@pytest.mark.slow
def test_a_study_reconstructs_with_the_best_stage(tmp_path: Path) -> None:
    second = {**STAGE, "name": "top", "encoder_blocks": 2, "encoder_lr": 1e-5}
    options = {"weights": "bundled", "finetune": {"stages": [STAGE, second], "training": {"batch_size": 12}}}
    study = {
        "name": "fine-tuning",
        "data": {"simulate": {"train_objects": 1, "object_size_px": 320, "step_px": 32, "seed": 5}},
        "arms": [{"id": "tuned", "kind": "pinn_ptychovit", "options": options}],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    said: list[str] = []
    outcome = run_study(tmp_path / "study.yaml", tmp_path / "out", say=said.append)
    assert outcome.ok, said
    assert min(outcome.metrics["tuned"]["metrics"]["pearson"]) > 0.8
    manifest = RunManifest.model_validate_json((tmp_path / "out" / "recons" / "tuned" / "manifest.json").read_text())
    assert list(manifest.figures["stages"]) == ["decoders", "top"]  # type: ignore[arg-type]  # a mapping here
    assert [Path(str(run)).name for run in manifest.figures["runs"]] == ["run1", "run2", "run3"]  # type: ignore[union-attr]  # a list here
