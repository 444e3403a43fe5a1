"""Studies: selection, plans, failures that stay local, reuse of what is finished, and artifacts that are valid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ptycho_adapters.recon import read_recon, write_recon
from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines
from ptycho_contracts import validate
from ptycho_runners.errors import RunError
from ptycho_runners.studies.run import plan_study, run_study

N, SIZE = 64, 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with splits and three reconstructions: perfect, a crop without origin, and a conjugate."""
    root = tmp_path_factory.mktemp("study")
    _, test = write_grid_lines(root, GridLinesSettings(N=N, size=SIZE, step_px=12, seed=9))
    truth = np.load(test)["YY_full"][0, ..., 0]
    write_recon(root / "perfect.npz", truth * np.exp(1j).astype("complex64"), origin_px=(0, 0))
    write_recon(root / "crop.npz", truth[10:150, 8:152])
    write_recon(root / "conjugate.npz", truth.conj(), origin_px=(0, 0))
    return root


def study_file(folder: Path, arms: list[dict[str, Any]], **data: Any) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({"name": "t", "data": data or {"test": "test.npz"}, "arms": arms}))
    return path


def arm(name: str, **options: Any) -> dict[str, Any]:
    return {"id": name, "kind": "precomputed", "options": {"recon": f"{name}.npz", **options}}


def quiet(line: str) -> None:
    assert line


@pytest.fixture(scope="module")
def outcome(folder: Path) -> tuple[Path, dict[str, Any]]:
    path = study_file(folder, [arm("perfect"), arm("crop"), arm("conjugate")])
    done = run_study(path, folder / "out", say=quiet)
    assert done.ok
    return folder / "out", json.loads((folder / "out" / "metrics_by_model.json").read_text())


def test_perfect_and_crop_score_as_perfect(outcome: tuple[Path, dict[str, Any]]) -> None:
    for name in ("perfect", "crop"):
        assert min(outcome[1][name]["metrics"]["pearson"]) > 0.999
    assert outcome[1]["crop"]["evaluation"]["origin_source"] == "registered"
    assert outcome[1]["crop"]["evaluation"]["recon_origin_px"] == pytest.approx([10, 8], abs=0.05)


def test_conjugate_scores_badly(outcome: tuple[Path, dict[str, Any]]) -> None:
    assert outcome[1]["conjugate"]["metrics"]["pearson"][1] < 0


def test_every_artifact_is_valid_by_its_own_contract(outcome: tuple[Path, dict[str, Any]]) -> None:
    root = outcome[0]
    artifacts = {
        "metrics_by_model.json": "metrics-by-model",
        "study_manifest.json": "run-manifest",
        "recons/gt/recon.npz": "recon-npz",
        "recons/crop/recon.npz": "recon-npz",
        "recons/crop/manifest.json": "run-manifest",
    }
    for name, contract in artifacts.items():
        report = validate(root / name, depth="data")
        assert (report.contract, report.findings) == (contract, ()), name
    for picture in ("compare_amp_phase.png", "amp_phase_perfect.png", "amp_phase_conjugate.png"):
        assert (root / "visuals" / picture).read_bytes().startswith(b"\x89PNG")


def test_region_is_the_scan_grown_by_its_light(outcome: tuple[Path, dict[str, Any]], folder: Path) -> None:
    split = np.load(folder / "test.npz")
    centres = split["coords_offsets"].reshape(-1, 2)
    energy = np.abs(split["probe_simulated"]) ** 2
    region = outcome[1]["perfect"]["evaluation"]["region"]
    margin = int(centres[:, 0].min() - region["y"])
    assert region["height"] == pytest.approx(np.ptp(centres[:, 0]) + 2 * margin, abs=2)
    inside = slice(N // 2 - margin - 1, N // 2 + margin + 1)
    assert 0 < margin <= N / 4
    assert energy[inside, inside].sum() >= 0.95 * energy.sum()
    assert {json.dumps(entry["evaluation"]["region"]) for entry in outcome[1].values()} == {json.dumps(region)}


def test_profile_ptychopinn_1_is_beside_it(outcome: tuple[Path, dict[str, Any]]) -> None:
    entry = outcome[1]["perfect"]
    assert set(entry["metrics_ptychopinn_1"]) >= {"mae", "psnr", "frc50"}
    core, lit = entry["evaluation_ptychopinn_1"]["region"], entry["evaluation"]["region"]
    assert core["y"] > lit["y"]
    assert core["height"] < lit["height"]


def test_finished_arm_is_not_run_again(folder: Path, outcome: tuple[Path, dict[str, Any]]) -> None:
    recon = outcome[0] / "recons" / "crop" / "recon.npz"
    before, said = recon.stat().st_mtime_ns, []
    run_study(study_file(folder, [arm("crop")]), outcome[0], say=said.append)
    assert recon.stat().st_mtime_ns == before
    assert any("finished earlier" in line for line in said)
    run_study(study_file(folder, [arm("crop", origin_px=[10.0, 8.0])]), outcome[0], say=quiet)
    assert recon.stat().st_mtime_ns > before
    assert read_recon(recon).origin_px == pytest.approx([10, 8])


def test_tampered_result_is_made_again(folder: Path, tmp_path: Path) -> None:
    path = study_file(folder, [arm("perfect")])
    run_study(path, tmp_path, say=quiet)
    recon = tmp_path / "recons" / "perfect" / "recon.npz"
    recon.write_bytes(recon.read_bytes()[:-100])
    assert run_study(path, tmp_path, say=quiet).ok
    assert validate(recon, depth="data").ok


def test_a_failed_arm_leaves_the_others_standing(folder: Path, tmp_path: Path) -> None:
    (folder / "broken.npz").write_bytes((folder / "perfect.npz").read_bytes()[:2000])
    outcome = run_study(study_file(folder, [arm("broken"), arm("perfect")]), tmp_path, say=quiet)
    assert not outcome.ok
    assert set(outcome.errors) == {"broken"}
    told = json.loads((tmp_path / "metrics_by_model.json").read_text())
    assert "PTY002" in told["broken"]["error"]
    assert min(told["perfect"]["metrics"]["pearson"]) > 0.999
    assert validate(tmp_path / "metrics_by_model.json").ok
    assert json.loads((tmp_path / "study_manifest.json").read_text())["outcome"] == "failed"


def test_only_selected_arms_run(folder: Path, tmp_path: Path) -> None:
    outcome = run_study(study_file(folder, [arm("perfect"), arm("crop")]), tmp_path, ["crop"], say=quiet)
    assert set(outcome.metrics) == {"crop"}


def test_plan_writes_nothing_and_gives_reasons(folder: Path, tmp_path: Path) -> None:
    planned = plan_study(study_file(folder, [arm("perfect")]), tmp_path / "out")
    assert all(decision.reason for each in planned for decision in each.decisions)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("study", "place"),
    [
        ({"arms": [{"id": "a", "kind": "nonsense"}]}, "yaml:/arms[0]/kind"),
        ({"arms": [{"id": "a", "kind": "precomputed", "options": {"recom": "x"}}]}, "yaml:/arms[0]/options/recon"),
        ({"arms": [{"id": "gt", "kind": "precomputed"}]}, "yaml:/"),
        ({"arms": [], "data": {"test": "test.npz"}}, "yaml:/arms"),
        ({"arms": [{"id": "pinn_ptychovit", "n": 64, "options": {"weights": "bundled"}}]}, "yaml:/arms"),
        ({"arms": [{"id": "pinn_ptychovit", "options": {}}]}, "yaml:/arms/options"),
        ({"data": {"test": "absent.npz"}}, "yaml:/data"),
        ({"data": {"test": "test.npz", "simulate": {}}}, "yaml:/data"),
    ],
)
def test_bad_studies_are_refused_before_anything_runs(
    folder: Path, tmp_path: Path, study: dict[str, Any], place: str
) -> None:
    whole = {"name": "t", "data": {"test": "test.npz"}, "arms": [arm("perfect")], **study}
    (folder / "bad.yaml").write_text(yaml.safe_dump(whole))
    with pytest.raises(RunError) as caught:
        run_study(folder / "bad.yaml", tmp_path / "out", say=quiet)
    assert place in {found.location for found in caught.value.findings}
    assert not (tmp_path / "out").exists()
