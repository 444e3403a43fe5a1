"""`ptycho ptychovit train|resume|infer|plan` and `ptycho runs list|show`, as a user meets them: one story."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.contracts.bridge_event import CheckpointWritten
from ptycho_runners.cli import app
from ptycho_runners.ptychovit import execute

TINY = (
    "--set", "model.encoder.embed_dim=16", "--set", "model.encoder.depth=1", "--set", "model.encoder.num_heads=2",
    "--set", "model.decoder.base_channels=4", "--train-split", "0.75", "--batch-size", "4",
)  # fmt: skip
HERE = ("--device", "cpu", "--threads", "1")


def ptycho(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command run in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def digests(folder: Path) -> dict[Path, str]:
    return {path: sha256_of(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "runs"


@pytest.fixture(scope="module")
def trained(runs: Path, data: Any) -> Path:
    code, out, err = ptycho(
        "ptychovit", "train", data.train, "reference", "--epochs", 1, "--output", runs, *TINY, *HERE
    )
    assert code == 0, err
    assert "epoch 1: loss" in out
    assert f"wrote {runs / 'run1' / 'best_model.pth'}" in out
    return runs / "run1"


@pytest.fixture(scope="module")
def inferred(trained: Path, runs: Path, data: Any) -> Path:
    before = digests(trained)
    arguments = (data.test_dp, "reference", "--from", trained, "--output", runs, *HERE)
    code, out, err = ptycho("ptychovit", "infer", *arguments)
    assert code == 0, err
    assert "predicted 3 patterns of held_out" in out
    assert digests(trained) == before  # the source run is only read
    return runs / "run2"


class TestTrain:
    def test_a_dry_run_writes_nothing_and_gives_reasons(self, data: Any, tmp_path: Path) -> None:
        arguments = ("train", data.train, "reference", "--epochs", 2, "--output", tmp_path / "runs", *TINY)
        code, out, _ = ptycho("ptychovit", *arguments, "--dry-run")
        assert code == 0
        assert "because none given: train from scratch" in out
        assert ptycho("ptychovit", "plan", *arguments) == (0, out, "")
        assert list(tmp_path.iterdir()) == []

    def test_a_plan_as_json_says_the_command(self, data: Any, tmp_path: Path) -> None:
        torchrun = ("--launcher", "torchrun", "--nproc-per-node", 4)
        arguments = ("train", data.train, "reference", "--epochs", 2, "--output", tmp_path, *TINY, *torchrun)
        code, out, _ = ptycho("ptychovit", "plan", *arguments, "--format", "json")
        assert code == 0
        assert json.loads(out)["command"]["argv"][1:6] == [
            "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--set", "model.encoder.depth"), ("--set", "a=[1"), ("--nproc-per-node", "2"), ("--learning-rate", "-1"),
            ("--train-split", "1"), ("--device", "tpu"),
        ],
    )  # fmt: skip
    def test_misuse(self, data: Any, tmp_path: Path, wrong: tuple[str, ...]) -> None:
        arguments = ("train", data.train, "reference", "--epochs", 2, "--output", tmp_path / "runs", *wrong)
        assert ptycho("ptychovit", *arguments)[0] == 2
        assert list(tmp_path.iterdir()) == []

    def test_a_refusal_is_a_finding(self, data: Any, tmp_path: Path) -> None:
        arguments = ("train", data.train, tmp_path, "--epochs", 2, "--output", tmp_path / "runs")
        code, _, err = ptycho("ptychovit", *arguments)
        assert (code, "PTY504" in err) == (1, True)

    @pytest.mark.parametrize(
        ("saved", "told"), [(True, "ptycho ptychovit resume /runs/run3"), (False, "the same command starts anew")]
    )
    def test_ctrl_c_says_how_to_go_on(
        self, data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool, told: str
    ) -> None:
        def interrupted(_request: object, on_event: Callable[[Any], None]) -> None:
            if saved:
                on_event(CheckpointWritten(time=datetime.now(UTC), epoch=0, path="/runs/run3/checkpoint.state"))
            raise KeyboardInterrupt

        monkeypatch.setattr(execute, "perform", interrupted)
        arguments = ("train", data.train, "reference", "--epochs", 2, "--output", tmp_path)
        code, _, err = ptycho("ptychovit", *arguments)
        assert (code, told in err) == (130, True)


class TestInfer:
    def test_patches_become_a_reconstruction_with_its_place(self, inferred: Path) -> None:
        with np.load(inferred / "held_out_recon.npz") as recon:
            assert recon["YY_pred"].dtype == np.complex64
            assert np.isfinite(recon["YY_pred"]).all()
            assert recon["origin_px"].shape == (2,)
        manifest = json.loads((inferred / "manifest.json").read_text())
        assert manifest["origin"]["relation"] == "inferred"
        assert {output["path"] for output in manifest["outputs"]} == {"held_out_patches.h5", "held_out_recon.npz"}
        assert manifest["figures"]["recon"]["held_out"]["object_factor"] == 1.0

    @pytest.mark.parametrize("checkpoint", ["checkpoint_model.pth", "elsewhere"])
    def test_other_weights_are_named_with_checkpoint(
        self, trained: Path, data: Any, tmp_path: Path, checkpoint: str
    ) -> None:
        elsewhere = Path(shutil.copy(trained / "best_model.pth", tmp_path / "weights.pth"))
        wanted = trained / checkpoint if checkpoint != "elsewhere" else elsewhere
        asked = checkpoint if checkpoint != "elsewhere" else elsewhere
        arguments = (data.test_dp, "reference", "--from", trained, "--output", tmp_path, "--checkpoint", asked)
        code, out, err = ptycho("ptychovit", "plan", "infer", *arguments, "--format", "json")
        assert code == 0, err
        plan = json.loads(out)
        assert plan["job"]["checkpoint"] == str(wanted)
        assert plan["job"]["model"]["encoder"]["embed_dim"] == 16

    def test_what_is_missing_is_told_at_once(self, data: Any, tmp_path: Path) -> None:
        arguments = (data.test_dp, "reference", "--from", tmp_path, "--output", tmp_path / "runs")
        code, _, err = ptycho("ptychovit", "infer", *arguments)
        assert (code, err.count("ERROR PTY516")) == (1, 2)


class TestResume:
    def test_more_epochs_in_the_same_directory(self, trained: Path, tmp_path: Path) -> None:
        run = Path(shutil.copytree(trained, tmp_path / "run1", symlinks=True))
        code, _, err = ptycho("ptychovit", "resume", run)
        assert (code, "PTY521" in err) == (1, True)
        code, out, err = ptycho("ptychovit", "resume", run, "--epochs", 2)
        assert code == 0, err
        assert "epoch 2: loss" in out
        assert "epoch 1: loss" not in out
        shown = json.loads(ptycho("runs", "show", run, "--format", "json")[1])
        assert [attempt["first_epoch"] for attempt in shown["manifest"]["attempts"]] == [0, 1]

    def test_what_changes_the_training_is_refused(self, trained: Path) -> None:
        before = digests(trained)
        code, _, err = ptycho("ptychovit", "resume", trained, "--epochs", 2, "--set", "training.mode=diffraction")
        assert (code, "PTY515" in err) == (1, True)
        assert digests(trained) == before

    def test_misuse(self, trained: Path) -> None:
        assert ptycho("ptychovit", "resume", trained, "--epochs", 0)[0] == 2


class TestRuns:
    def test_the_list_names_state_epochs_and_where_weights_came_from(self, inferred: Path, runs: Path) -> None:
        (runs / "run7").mkdir()
        code, out, _ = ptycho("runs", "list", runs.parent)
        rows = [line.split() for line in out.splitlines()]
        (runs / "run7").rmdir()
        assert code == 0
        assert [row[:4] for row in rows[1:3]] == [
            ["runs/run1", "train", "complete", "1/1"],
            ["runs/run2", "infer", "complete", "–"],
        ]
        assert (rows[1][-1], rows[2][-1]) == ("scratch", "runs/run1/best_model.pth")
        assert rows[3][:3] == ["runs/run7", "unknown", "unknown"]
        assert inferred.is_dir()

    def test_the_lineage_ends_at_scratch_and_changed_files_are_seen(self, inferred: Path, tmp_path: Path) -> None:
        run = Path(shutil.copytree(inferred, tmp_path / "run2", symlinks=True))
        (run / "held_out_patches.h5").write_bytes(b"changed")
        (run / "held_out_recon.npz").unlink()
        code, out, _ = ptycho("runs", "show", run)
        assert code == 0
        assert "weights  inferred from" in out
        assert "weights  which began from scratch" in out
        assert "changed  held_out_patches.h5" in out
        assert "missing  held_out_recon.npz" in out
        shown = json.loads(ptycho("runs", "show", run, "--format", "json")[1])
        assert (shown["complete"], shown["lineage"][0]["epoch"], shown["lineage"][0]["state"]) == (True, 1, "ok")

    def test_an_interrupted_run_says_how_to_go_on(self, trained: Path, tmp_path: Path) -> None:
        run = Path(shutil.copytree(trained, tmp_path / "run1", symlinks=True))
        config = run / "config.yaml"
        config.write_text(config.read_text().replace("epochs: 1", "epochs: 5"))
        marker = run / "state.json"
        marker.write_text(marker.read_text().replace("complete", "running"))  # and nobody holds the lock
        _, out, _ = ptycho("runs", "show", run)
        assert "state    interrupted" in out
        assert f"next     ptycho ptychovit resume {run}" in out
        assert "1/5" in ptycho("runs", "list", run)[1]

    def test_lost_ancestors_are_not_taken_for_scratch(self, inferred: Path, tmp_path: Path) -> None:
        run = Path(shutil.copytree(inferred, tmp_path / "run2", symlinks=True))
        manifest = json.loads((run / "manifest.json").read_text())
        manifest["origin"] |= {"run": str(tmp_path / "gone"), "checkpoint": {
            **manifest["origin"]["checkpoint"], "path": str(tmp_path / "gone" / "best_model.pth"),
        }}  # fmt: skip
        (run / "manifest.json").write_text(json.dumps(manifest))
        _, out, _ = ptycho("runs", "show", run)
        assert "missing since" in out
        assert "weights  from there on unknown" in out

    def test_misuse_and_nothing_there(self, tmp_path: Path) -> None:
        assert ptycho("runs", "list", tmp_path / "absent")[0] == 2
        assert ptycho("runs", "show", tmp_path)[0] == 2
        assert "no run<k>" in ptycho("runs", "list", tmp_path)[1]
