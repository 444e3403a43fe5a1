"""The gate: open for what ships, closed and naming the part for everything that is broken on purpose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from ptycho_adapters import conversion
from ptycho_adapters.conversion import Converted
from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines
from ptycho_contracts import validate
from ptycho_contracts.contracts.gate_manifest import GateManifest, GatePart
from ptycho_contracts.finding import Report
from ptycho_runners.cli import app
from ptycho_runners.errors import RunError
from ptycho_runners.gate import workspace as made
from ptycho_runners.gate.checks import CONVERSION, RUNNER, SMOKE, VALIDATOR
from ptycho_runners.gate.passage import PARTS, run_gate
from ptycho_runners.gate.workspace import GateRequest, Splits, Workspace
from ptycho_runners.ptychovit.checkout import find_checkout

pytest.importorskip("torch", reason="the reference checkout runs in this interpreter, which has no torch")

SEED = 11
Y, X = "probe_position_y_m", "probe_position_x_m"


def quiet(line: str) -> None:
    assert line


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """Splits with nine patterns of each object: enough to see most faults, and simulated once."""
    settings = GridLinesSettings(N=256, size=made.OBJECT_PX, step_px=50, n_train_objects=2, seed=SEED)
    return Splits(*write_grid_lines(tmp_path_factory.mktemp("splits"), settings))


@pytest.fixture
def few_patterns(few: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate simulates no more than that."""

    def simulate(workspace: Workspace) -> Splits:
        folder = workspace.root / "splits"
        shutil.copytree(few.train.parent, folder)
        return Splits(folder / "train.npz", folder / "test.npz")

    monkeypatch.setattr(Workspace, "_simulate", simulate)


def test_the_gate_is_open_for_what_ships(tmp_path: Path) -> None:
    """One whole passage: four lines, and a manifest that pins what was run."""
    folder = tmp_path / "out"
    result = CliRunner().invoke(app, ["gate", "--output", str(folder), "--seed", str(SEED)])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line[:23].strip() for line in lines[:4]] == list(PARTS)
    assert {line[25:32].strip() for line in lines[:4]} == {"passed"}
    assert lines[4:] == [f"manifest {folder / 'gate.json'}"]
    report = validate(folder / "gate.json")
    assert (report.contract, report.findings) == ("gate-manifest", ())
    manifest = GateManifest.model_validate_json((folder / "gate.json").read_text())
    assert (manifest.outcome, manifest.seed, manifest.findings) == ("passed", SEED, ())
    assert manifest.code == find_checkout("reference").identity
    assert {file.role for file in manifest.files} >= {"splits", "run1", "study", "gate"}
    figures = {part.name: part.figures for part in manifest.parts}
    assert figures[CONVERSION]["patterns"] == 75
    assert figures[VALIDATOR]["breakages_found"] == figures[VALIDATOR]["breakages"]
    assert all(check.passed for part in manifest.parts for check in part.checks)


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("kept")
    with pytest.raises(RunError, match="not empty"):
        run_gate(GateRequest(output=tmp_path), quiet, ())
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


def one_part(name: str, folder: Path, **request: Any) -> GatePart:
    """A part that must not pass, alone; the gate is closed and says so."""
    done = run_gate(GateRequest(output=folder, seed=SEED, **request), quiet, [name])
    part = done.manifest.parts[0]
    assert part.outcome != "passed", part
    assert done.manifest.outcome == "failed"
    assert [(f.code, f.location) for f in done.manifest.findings] == [("PTY528", f"gate:/{name}")]
    assert part.summary in done.manifest.findings[0].message
    return part


def rewritten(files: Any, half: str, name: str, change: Callable[[Any], Any]) -> None:
    with h5py.File(files[half], "r+") as file:
        file[name][...] = change(file[name][()])


def swapped(files: Any) -> None:
    with h5py.File(files["para"], "r+") as file:
        y, x = file[Y][()], file[X][()]
        file[Y][...], file[X][...] = x, y


BAD_CONVERTERS: dict[str, tuple[Callable[[Any], None], str]] = {
    "axes swapped": (swapped, "own place"),
    "one pixel off": (lambda f: rewritten(f, "para", X, lambda x: x + 1), "no shift by one pixel"),
    "half a pixel off": (lambda f: rewritten(f, "para", Y, lambda y: y + 0.5), "whole pixels"),
    "positions in another unit": (lambda f: rewritten(f, "para", Y, lambda y: y * 4), "on the object"),
    "patterns in another order": (lambda f: rewritten(f, "dp", "dp", lambda dp: dp[::-1]), "own place"),
    "amplitude for intensity": (lambda f: rewritten(f, "dp", "dp", np.sqrt), "energy"),
    "probe one per cent too bright": (lambda f: rewritten(f, "para", "probe", lambda p: p * 1.01), "energy"),
    "dp rounded": (lambda f: rewritten(f, "dp", "dp", lambda dp: dp.astype(np.float16)), "bit for bit"),
}


@pytest.mark.usefixtures("few_patterns")
@pytest.mark.parametrize("name", BAD_CONVERTERS)
def test_a_bad_converter_closes_the_gate(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil, told = BAD_CONVERTERS[name]
    honest = conversion.convert

    def convert(source: Path, folder: Path, to: str, **options: Any) -> Converted:
        done = honest(source, folder, to, **options)
        for files in done.files if to == "ptychovit-pair" else ():
            spoil(files)
        return done

    monkeypatch.setattr(conversion, "convert", convert)
    failed = " ".join(check.about for check in one_part(CONVERSION, tmp_path).checks if not check.passed)
    assert told in failed


@pytest.mark.usefixtures("few_patterns")
def test_a_converter_that_raises_is_named_by_its_own_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: Any, **__: Any) -> Converted:
        raise RuntimeError("the fault that the test asked for")

    monkeypatch.setattr(conversion, "convert", convert)
    done = run_gate(GateRequest(output=tmp_path), quiet, [CONVERSION, RUNNER])
    assert [part.outcome for part in done.manifest.parts] == ["failed", "not run"]
    assert all("the fault that the test asked for" in part.summary for part in done.manifest.parts)
    assert done.manifest.parts[1].summary.startswith(f"because {CONVERSION}")


def accept(report: Report) -> Report:
    return report.model_copy(update={"findings": ()})


def rename(report: Report) -> Report:
    wrong = tuple(f.model_copy(update={"code": "PTY310" if f.code == "PTY312" else f.code}) for f in report.findings)
    return report.model_copy(update={"findings": wrong})


def reject(report: Report) -> Report:
    from ptycho_contracts.finding import finding
    from ptycho_contracts.physics_codes import SWAPPED_AXES

    return report.model_copy(update={"findings": (*report.findings, finding(SWAPPED_AXES, "para:/", "wrong"))})


@pytest.mark.parametrize("spoil", [accept, rename, reject])
def test_a_bad_validator_closes_the_gate(
    spoil: Callable[[Report], Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptycho_contracts.validation.validate", lambda *a, **k: spoil(validate(*a, **k)))
    failed = {check.about.split(" is ")[0] for check in one_part(VALIDATOR, tmp_path).checks if not check.passed}
    assert ("x and y swapped" in failed) == (spoil is not reject)
    assert ("a good pair" in failed) == (spoil is reject)


@pytest.fixture
def broken_checkout(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """A copy of the reference checkout with one text replaced."""

    def make(file: str, old: str, new: str) -> Path:
        copy = tmp_path / "checkout"
        shutil.copytree(find_checkout("reference").root, copy, ignore=shutil.ignore_patterns("weights"))
        text = (copy / file).read_text()
        assert text.count(old) == 1
        (copy / file).write_text(text.replace(old, new))
        return copy

    return make


BROKEN_CHECKOUTS = {
    "ends with an error": ("main.py", 'EPOCHS = int(training["epochs"])', "raise SystemExit(1)", "PTY502"),
    "leaves a promised file out": (
        "main.py",
        'save_pickle(metrics, trainer.run_path / "metrics.pickle")',
        "",
        "metrics.pickle",
    ),
    "resumes from the beginning": ("training.py", 'int(state["current_epoch"])', "0", "PTY519"),
    "places a pixel off": ("utils/frame.py", "+ 0.5", "+ 1.5", "where the pair says"),
}


@pytest.mark.usefixtures("few_patterns")
@pytest.mark.parametrize("name", BROKEN_CHECKOUTS)
def test_a_broken_checkout_closes_the_gate(
    name: str,
    broken_checkout: Callable[[str, str, str], Path],
    tmp_path: Path,
) -> None:
    file, old, new, told = BROKEN_CHECKOUTS[name]
    part = one_part(RUNNER, tmp_path / "gate", checkout=str(broken_checkout(file, old, new)))
    assert told in part.summary


@pytest.mark.usefixtures("few_patterns")
def test_a_flat_reconstruction_closes_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ptycho_adapters.assembly import Assembled

    def trimmed(whole: Assembled) -> Assembled:
        return replace(whole, field=np.ones_like(whole.field))

    monkeypatch.setattr(Assembled, "trimmed", trimmed)
    failed = " ".join(check.about for check in one_part(SMOKE, tmp_path).checks if not check.passed)
    assert "pearson of the amplitude" in failed
    assert "pearson of the phase" in failed


@pytest.mark.usefixtures("few_patterns")
def test_metrics_that_cannot_fail_close_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ptycho_adapters.evaluation import evaluate as module

    honest = module.evaluate

    def blind(_: Any, truth: Any, *rest: Any, **options: Any) -> Any:
        return honest(truth, truth, *rest, **options)

    monkeypatch.setattr(module, "evaluate", blind)
    failed = {check.about for check in one_part(SMOKE, tmp_path).checks if not check.passed}
    assert "a flat picture scores far less" in failed


def test_a_foreign_checkout_brings_weights_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last part takes the weights of the training before, of which it demands structure, not quality."""
    copy = tmp_path / "elsewhere"
    shutil.copytree(find_checkout("reference").root, copy)
    trained = SimpleNamespace(outputs={"best_model.pth": copy / "weights" / "best_model.pth"})
    monkeypatch.setattr(Workspace, "_train", lambda _: trained)
    done = run_gate(GateRequest(output=tmp_path / "gate", seed=SEED, checkout=str(copy)), quiet, [SMOKE])
    assert done.manifest.outcome == "passed", done.manifest.findings
    assert done.manifest.code.name == "elsewhere"
    assert not any("pearson of" in check.about for check in done.manifest.parts[0].checks)
    job = json.loads(next(tmp_path.glob("gate/study/runs/gate/run1/job.json")).read_text())
    assert (job["checkout"], job["checkpoint"]) == (str(copy), str(trained.outputs["best_model.pth"]))


def test_json_is_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where every part fails, and for a folder whose name is not given."""

    def fail(*_: Any) -> str:
        raise ValueError("the fault that the test asked for")

    for name in PARTS:
        monkeypatch.setitem(PARTS, name, fail)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["gate", "--format", "json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [part["outcome"] for part in told["parts"]] == ["failed"] * 4
    assert [path.name for path in tmp_path.glob("gate-*/*")] == ["gate.json"]
    assert result.stderr.count("ERROR PTY528") == 4
