"""The main job end to end: a simulated split in, honest metrics of a PtychoViT arm out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ptycho_adapters.evaluation.evaluate import evaluate
from ptycho_adapters.evaluation.reconstruction import Reconstruction
from ptycho_adapters.recon import read_recon
from ptycho_contracts import validate
from ptycho_runners.studies.run import run_study

pytest.importorskip("torch", reason="the reference checkout runs in this interpreter, which has no torch")

# Drawn after the weights were committed; no seed of a simulated file can be one that the weights saw.
SEED = 40817


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("main_job")
    study = {
        "name": "main job",
        "data": {"simulate": {"train_objects": 1, "seed": SEED}},
        "arms": [{"id": "pinn_ptychovit", "options": {"weights": "bundled"}}],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    said: list[str] = []
    assert run_study(folder / "study.yaml", folder / "out", say=said.append).ok, said
    return folder / "out"


@pytest.fixture(scope="module")
def metrics(root: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((root / "metrics_by_model.json").read_text())["pinn_ptychovit"]
    return told


def test_reconstruction_of_an_unseen_object_resembles_it(metrics: dict[str, Any]) -> None:
    assert min(metrics["metrics"]["pearson"]) >= 0.9


def test_ssim_is_far_above_that_of_a_flat_object(root: Path, metrics: dict[str, Any]) -> None:
    truth = read_recon(root / "recons" / "gt" / "recon.npz").for_evaluation()
    recon = read_recon(root / "recons" / "pinn_ptychovit" / "recon.npz")
    flat = Reconstruction(np.full_like(recon.field, truth.field.mean()), _pair(recon.origin_px), recon.occupancy)
    of_flat = evaluate(flat, truth).metrics["ssim"]
    for reached, nothing in zip(metrics["metrics"]["ssim"], of_flat, strict=True):
        assert reached > float(nothing) + 0.25  # type: ignore[arg-type]  # SSIM is a number here, never a curve


def _pair(origin: Any) -> tuple[float, float]:
    return float(origin[0]), float(origin[1])


def test_gauge_is_recorded_and_undone(root: Path, metrics: dict[str, Any]) -> None:
    recon = read_recon(root / "recons" / "pinn_ptychovit" / "recon.npz")
    truth = read_recon(root / "recons" / "gt" / "recon.npz")
    assert recon.gauge == pytest.approx(1 / np.median(np.abs(truth.field)), rel=1e-5)
    scale = abs(complex(metrics["evaluation"]["alignment"]["scale_re"], metrics["evaluation"]["alignment"]["scale_im"]))
    assert scale == pytest.approx(1, abs=0.1)


ARTIFACTS = {
    "datasets/N256/gs1/test.npz": "grid-lines-npz",
    "interop/pinn_ptychovit/test/test_dp.hdf5": "ptychovit-pair",
    "interop/pinn_ptychovit/train/train_dp.hdf5": "ptychovit-pair",
    "interop/pinn_ptychovit/normalization.pkl": "ptychovit-normalization",
    "interop/pinn_ptychovit/test/test_conversion.json": "conversion-manifest",
    "runs/pinn_ptychovit/run1/manifest.json": "run-manifest",
    "runs/pinn_ptychovit/run1/job.json": "bridge-job",
    "runs/pinn_ptychovit/run1/result.json": "bridge-result",
    "recons/pinn_ptychovit/recon.npz": "recon-npz",
    "recons/gt/recon.npz": "recon-npz",
    "metrics_by_model.json": "metrics-by-model",
    "study_manifest.json": "run-manifest",
}


@pytest.mark.parametrize(("name", "contract"), ARTIFACTS.items())
def test_every_artifact_is_valid_by_its_own_contract(root: Path, name: str, contract: str) -> None:
    report = validate(root / name, depth="physics")
    assert (report.contract, report.errors) == (contract, ())


def test_logs_and_pictures_are_there(root: Path) -> None:
    run = root / "runs" / "pinn_ptychovit" / "run1"
    assert (run / "stdout.log").is_file()
    assert (run / "stderr.log").is_file()
    for name in ("compare_amp_phase.png", "amp_phase_pinn_ptychovit.png"):
        assert (root / "visuals" / name).stat().st_size > 10_000


def test_test_pair_is_outside_the_training_folder(root: Path) -> None:
    interop = root / "interop" / "pinn_ptychovit"
    assert {p.name for p in (interop / "train").glob("*.hdf5")} == {"train_dp.hdf5", "train_para.hdf5"}
