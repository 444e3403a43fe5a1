"""`examples/ci` as its users meet it: every command, step and file, in a good state and with one broken file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import pytest
import yaml
from console import check_page
from typer.testing import CliRunner
from workflow import Job, run_action, run_job

from ptycho_contracts.batch.discover import ARRAY_SUFFIXES
from ptycho_contracts.contract import get_contract
from ptycho_contracts.schema_files import load
from ptycho_runners.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/ci"
WORKFLOW = EXAMPLE / ".github/workflows/validate.yml"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with its data."""
    folder = tmp_path_factory.mktemp("made") / "repository"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data"))
    subprocess.run([sys.executable, "make_data.py"], cwd=folder, check=True)
    return folder


@pytest.fixture
def repository(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy, and the current folder."""
    folder = tmp_path / "repository"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder


def break_pair(repository: Path) -> None:
    """Somebody dropped the last position."""
    with h5py.File(repository / "data/pairs/scan_001_para.hdf5", "a") as file:
        for name in ("probe_position_x_m", "probe_position_y_m"):
            kept = file[name][:-1]
            del file[name]
            file[name] = kept


def job(name: str, repository: Path) -> Job:
    temporary = repository.parent / "runner"
    temporary.mkdir()
    return run_job(WORKFLOW, name, repository, temporary)


def sarif_codes(file: Path) -> dict[str, set[str]]:
    """Codes by file."""
    found: dict[str, set[str]] = {}
    for result in json.loads(file.read_text())["runs"][0]["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        found.setdefault(uri, set()).add(result["ruleId"])
    return found


class TestWorkflow:
    def test_a_good_state_passes(self, repository: Path) -> None:
        done = job("validate", repository)
        assert done.status == 0, done.log
        assert done.uploaded == ["ptycho.sarif"]
        assert sarif_codes(repository / "ptycho.sarif") == {}
        assert "2 of 2 valid" in done.summary

    def test_a_broken_file_fails_and_is_told_everywhere(self, repository: Path) -> None:
        break_pair(repository)
        done = job("validate", repository)
        assert done.status == 1
        assert done.uploaded == ["ptycho.sarif"]
        assert {code for codes in sarif_codes(repository / "ptycho.sarif").values() for code in codes} == {"PTY201"}
        assert re.search(r"^::error file=data/pairs/scan_001_\w+\.hdf5,.*PTY201", done.log, re.MULTILINE)
        assert "PTY201" in done.summary

    def test_schema_alone(self, repository: Path) -> None:
        assert job("schema-only", repository).status == 0

    def test_schema_alone_refuses_what_lacks_a_member(self, repository: Path) -> None:
        file = repository / "descriptions/scan_001.json"
        described = json.loads(file.read_text())
        del described["files"]["para"]["members"]["probe"]
        file.write_text(json.dumps(described))
        done = job("schema-only", repository)
        assert done.status == 1
        assert "'probe' is a required property" in done.log


class TestAction:
    @pytest.mark.parametrize(
        ("inputs", "status"),
        [
            ({"paths": "data/pairs\ndata/legacy/*.npz", "format": "text"}, 0),
            ({"paths": "data", "depth": "physics", "fail-on": "error"}, 0),
            ({"paths": "data", "profile": "strict", "fail-on": "hint"}, 0),
            ({"paths": "nowhere"}, 1),
            ({"paths": "data", "depth": "deep"}, 2),
            ({"paths": "$(touch hacked) `touch hacked`; touch hacked"}, 1),
        ],
    )
    def test_inputs_reach_the_command(self, inputs: dict[str, str], status: int, repository: Path) -> None:
        done = run_action(inputs, repository, repository.parent)
        assert done.status == status, done.log
        assert not (repository / "hacked").exists()

    def test_where_nothing_is_examined_there_is_no_old_report(self, repository: Path) -> None:
        (repository / "ptycho.sarif").write_text("of the run before")
        done = run_action({"paths": "data", "depth": "deep"}, repository, repository.parent)
        assert done.status == 2
        assert not (repository / "ptycho.sarif").exists()

    def test_it_installs_itself(self) -> None:
        steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
        install = next(step for step in steps if step.get("name") == "Install")
        assert install["env"] == {"HERE": "${{ github.action_path }}"}
        assert install["run"].endswith('pip install --quiet "$HERE"')


class TestPreCommit:
    @pytest.fixture
    def hook(self) -> dict[str, Any]:
        """The hook that the example names, as the repository declares it."""
        named = yaml.safe_load((EXAMPLE / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
        declared = {h["id"]: h for h in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
        assert len(named) == 1
        found: dict[str, Any] = declared[named[0]["id"]]
        return found

    def commit(self, hook: dict[str, Any], repository: Path) -> int:
        """What pre-commit does: the files that fit are appended to the entry."""
        files = [p.relative_to(repository).as_posix() for p in sorted(repository.rglob("*")) if p.is_file()]
        fitting = [name for name in files if re.search(hook["files"], name)]
        assert len(fitting) == 3
        command = [str(BIN / hook["entry"].split()[0]), *hook["entry"].split()[1:], *fitting]
        return subprocess.run(command, cwd=repository, capture_output=True, check=False).returncode

    def test_it_lets_good_files_pass_and_stops_a_broken_one(self, hook: dict[str, Any], repository: Path) -> None:
        assert self.commit(hook, repository) == 0
        break_pair(repository)
        assert self.commit(hook, repository) == 1

    def test_it_is_asked_about_what_a_folder_is_searched_for(self, hook: dict[str, Any]) -> None:
        assert all(re.search(hook["files"], f"data/scan{suffix}") for suffix in ARRAY_SUFFIXES)
        listed = re.fullmatch(r"\(\?i\)\\\.\((.*)\)\$", hook["files"])
        assert listed is not None
        assert {f".{name}" for name in listed[1].split("|")} == ARRAY_SUFFIXES


class TestCommitted:
    """What lies in the example is what the commands make."""

    def test_the_readme_runs_as_written(self, tmp_path: Path) -> None:
        folder = tmp_path / "repository"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data"))
        known = ("python make_data.py", "ptycho ", "check-jsonschema ")
        assert check_page(folder / "README.md", folder, figures=True, allowed=lambda c: c.startswith(known)) == 3

    def test_baseline(self, repository: Path) -> None:
        before = (repository / "ptycho-baseline.json").read_text()
        done = CliRunner().invoke(app, ["validate", "data", "--write-baseline", "ptycho-baseline.json"])
        assert done.exit_code == 0
        assert (repository / "ptycho-baseline.json").read_text() == before

    def test_description(self, repository: Path) -> None:
        done = CliRunner().invoke(app, ["describe", "data/pairs/scan_001_dp.hdf5", "--format", "json"])
        committed = json.loads((repository / "descriptions/scan_001.json").read_text())
        assert json.loads(done.stdout) == committed

    def test_schema(self, repository: Path) -> None:
        version = get_contract("ptychovit-pair").version
        committed = repository / f"schemas/ptychovit-pair-{version}.schema.json"
        assert json.loads(committed.read_text()) == load("ptychovit-pair")

    def test_the_physics_of_its_data_is_sound(self, repository: Path) -> None:
        os.chdir(repository)
        done = CliRunner().invoke(app, ["validate", "data/pairs", "--depth", "physics", "--isolated"])
        assert done.exit_code == 0
        assert "36 of 36 patterns are explained best" in done.stdout
