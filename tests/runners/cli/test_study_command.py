"""`ptycho study run` as its user meets it: two at once, Ctrl-C, the footer, and numbers that can be had again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from ptycho_adapters.recon import write_recon
from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines
from ptycho_runners.arms.base import ArmRequest, ArmResult
from ptycho_runners.arms.precomputed import Precomputed
from ptycho_runners.cli import app
from ptycho_runners.rundir import locked


def ptycho(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command run in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two finished reconstructions, one perfect and one noisy."""
    root = tmp_path_factory.mktemp("study_command")
    _, test = write_grid_lines(root, GridLinesSettings(N=64, size=160, step_px=12, seed=4))
    truth = np.load(test)["YY_full"][0, ..., 0]
    noise = np.random.default_rng(3).normal(size=(2, *truth.shape)) * 0.05
    write_recon(root / "fine.npz", truth, origin_px=(0, 0))
    write_recon(root / "noisy.npz", (truth + noise[0] + 1j * noise[1]).astype("c8")[5:150, 6:151], origin_px=(5, 6))
    arms = [{"id": a, "kind": "precomputed", "options": {"recon": f"{a}.npz"}} for a in ("fine", "noisy")]
    whole: dict[str, Any] = {"name": "t", "data": {"test": "test.npz"}, "arms": arms}
    (root / "study.yaml").write_text(yaml.safe_dump(whole))
    return root / "study.yaml"


@pytest.fixture(scope="module")
def out(study: Path) -> Path:
    folder = study.parent / "out"
    code, printed, _ = ptycho("study", "run", study, "--output", folder)
    assert code == 0, printed
    return folder


@pytest.mark.parametrize(
    ("profile", "metrics", "evaluation"),
    [("standard", "metrics", "evaluation"), ("ptychopinn-1", "metrics_ptychopinn_1", "evaluation_ptychopinn_1")],
)
def test_recorded_region_gives_the_numbers_of_the_study(out: Path, profile: str, metrics: str, evaluation: str) -> None:
    entry = json.loads((out / "metrics_by_model.json").read_text())["noisy"]
    region = ",".join(str(entry[evaluation]["region"][name]) for name in ("y", "x", "height", "width"))
    files = out / "recons" / "noisy" / "recon.npz", out / "recons" / "gt" / "recon.npz"
    arguments = ("evaluate", *files, "--profile", profile, "--format", "json")
    code, printed, _ = ptycho(*arguments, "--region", region)
    assert code == 0
    assert json.loads(printed)["metrics"] == entry[metrics]
    assert json.loads(printed)["evaluation"] == entry[evaluation]


@pytest.mark.parametrize(
    ("region", "why"),
    [
        ("1,2,3", "four whole numbers"),
        ("1,2,3,4,5", "four whole numbers"),
        ("0,0,40.5,40", "four whole numbers"),
        ("", "four whole numbers"),
        ("0,0,0,40", "empty"),
        ("0,0,161,40", "160 × 160 pixels from (0, 0)"),
        ("-1,0,40,40", "leaves the truth"),
        ("0,150,40,11", "leaves the truth"),
    ],
)
def test_wrong_region_is_misuse(out: Path, region: str, why: str) -> None:
    truth = out / "recons" / "gt" / "recon.npz"
    code, _, err = ptycho("evaluate", truth, truth, f"--region={region}")
    assert code == 2
    assert why in err


def test_region_may_be_all_of_the_truth(out: Path) -> None:
    truth = out / "recons" / "gt" / "recon.npz"
    whole = ptycho("evaluate", truth, truth, "--region", "0,0,160,160")
    assert whole[0] == 0
    assert whole == ptycho("evaluate", truth, truth)


def test_footer_names_only_what_exists(study: Path, out: Path) -> None:
    code, printed, _ = ptycho("study", "run", study, "--output", out)
    places = dict(re.findall(r"^(look at|per arm|metrics|manifest|logs) +(.+)$", printed, re.MULTILINE))
    assert code == 0
    assert set(places) == {"look at", "per arm", "metrics", "manifest"}
    assert all(Path(where.replace("<arm>", "fine")).is_file() for where in places.values())


def test_study_without_numbers_has_no_pictures_to_show(study: Path, tmp_path: Path) -> None:
    (tmp_path / "visuals").mkdir()
    (tmp_path / "visuals" / "compare_amp_phase.png").write_text("of an earlier run")
    damaged = study.with_name("damaged.npz")
    damaged.write_bytes(study.with_name("fine.npz").read_bytes()[:1000])
    told = yaml.safe_load(study.read_text())
    told["arms"] = [{"id": "damaged", "kind": "precomputed", "options": {"recon": "damaged.npz"}}]
    other = study.with_name("other.yaml")
    other.write_text(yaml.safe_dump(told))
    code, printed, _ = ptycho("study", "run", other, "--output", tmp_path)
    assert code == 1
    assert "visuals" not in printed
    assert "compare_amp_phase.png" not in (tmp_path / "study_manifest.json").read_text()


def test_second_study_in_one_folder_is_refused(study: Path, tmp_path: Path) -> None:
    with locked(tmp_path):
        code, _, err = ptycho("study", "run", study, "--output", tmp_path)
    assert code == 1
    assert "PTY506" in err
    assert not (tmp_path / "recons").exists()
    assert ptycho("study", "run", study, "--output", tmp_path)[0] == 0


def test_after_ctrl_c_the_same_command_goes_on(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Precomputed.run

    def stopped(arm: Precomputed, request: ArmRequest) -> ArmResult:
        if request.id == "noisy":
            raise KeyboardInterrupt
        return run(arm, request)

    monkeypatch.setattr(Precomputed, "run", stopped)
    code, _, err = ptycho("study", "run", study, "--output", tmp_path)
    assert code == 130
    assert err == "ptycho: interrupted; finished arms are kept, and the same command goes on from there\n"
    monkeypatch.undo()
    code, printed, _ = ptycho("study", "run", study, "--output", tmp_path)
    assert code == 0
    assert [line for line in printed.splitlines() if "finished earlier" in line] == [
        "[fine] finished earlier; its reconstruction is kept"
    ]


def test_arms_that_leave_the_metrics_are_named(study: Path, tmp_path: Path) -> None:
    first = ptycho("study", "run", study, "--output", tmp_path)
    second = ptycho("study", "run", study, "--output", tmp_path, "--models", "noisy")
    assert (first[0], second[0]) == (0, 0)
    assert "no longer" not in first[1]
    assert "metrics_by_model.json now holds the selected arms only, no longer fine; their" in second[1]
    assert set(json.loads((tmp_path / "metrics_by_model.json").read_text())) == {"noisy"}
    assert (tmp_path / "recons" / "fine" / "recon.npz").is_file()
