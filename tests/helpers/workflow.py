"""Runs the shell steps of a GitHub workflow, and of the composite action in it, as a runner does; needs no network.

Only what the files here use is understood; anything else is an error, so that a step cannot be passed over silently.
Steps named `Install` are left out (the environment at hand has what they install); of the actions of others nothing
is run, but their inputs are filled in all the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
OURS = "ptycho-contracts/ptycho-contracts@"
THEIRS = {"actions/checkout@v4", "actions/setup-python@v5", "github/codeql-action/upload-sarif@v3"}
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

Values = dict[str, str]


@dataclass
class Job:
    """What the steps of a job left.

    Attributes:
        status: Exit code of the step that failed, or 0.
        log: What the steps printed.
        summary: The page that the job shows.
        uploaded: Files that were handed to the upload of SARIF.
    """

    status: int = 0
    log: str = ""
    summary: str = ""
    uploaded: list[str] = field(default_factory=list)


def run_job(workflow: Path, name: str, folder: Path, temporary: Path) -> Job:
    """Run a job of a workflow in a folder; `temporary` is the runner's own."""
    steps = yaml.safe_load(workflow.read_text())["jobs"][name]["steps"]
    runner = _Runner(folder, temporary)
    for step in steps:
        runner.step(step, runner.values)
    runner.job.summary = runner.page.read_text()
    return runner.job


def run_action(inputs: Values, folder: Path, temporary: Path) -> Job:
    """Run our action alone."""
    runner = _Runner(folder, temporary)
    runner.step({"uses": OURS + "v0", "with": inputs}, {})
    runner.job.summary = runner.page.read_text()
    return runner.job


class _Runner:
    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        self.page = temporary / "summary"
        self.page.touch()
        self.job = Job()
        self.values: Values = {}

    def step(self, step: dict[str, Any], values: Values) -> None:
        """Run a step, unless an earlier one failed and it does not ask to run all the same."""
        if not _wanted(step.get("if"), values, failed=self.job.status != 0):
            return
        if "run" in step:
            if step.get("name") != "Install":
                self._shell(step, values)
        elif step["uses"].startswith(OURS):
            self._action(step, values)
        else:
            assert step["uses"] in THEIRS, step["uses"]
            given = {key: _filled(str(value), values) for key, value in step.get("with", {}).items()}
            self.job.uploaded += [given["sarif_file"]] if "upload-sarif" in step["uses"] else []

    def _action(self, step: dict[str, Any], outside: Values) -> None:
        action = yaml.safe_load((ROOT / "action.yml").read_text())
        given = {key: _filled(str(value), outside) for key, value in step.get("with", {}).items()}
        assert given.keys() <= action["inputs"].keys(), given
        inside = {f"inputs.{key}": given.get(key, told["default"]) for key, told in action["inputs"].items()}
        inside["github.action_path"] = str(ROOT)
        for inner in action["runs"]["steps"]:
            self.step(inner, inside)
        for key, told in action["outputs"].items():
            outside[f"steps.{step.get('id')}.outputs.{key}"] = _filled(told["value"], inside)

    def _shell(self, step: dict[str, Any], values: Values) -> None:
        assert not _EXPRESSION.search(step["run"]), "what a caller gives must reach a shell by its environment only"
        assert step.get("shell", "bash") == "bash"
        output = self.temporary / "output"
        output.write_text("")
        given = {key: _filled(value, values) for key, value in step.get("env", {}).items()}
        surroundings = {
            **os.environ,
            **given,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.page),
            "RUNNER_TEMP": str(self.temporary),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.job.log += done.stdout
        self.job.status = self.job.status or done.returncode
        for line in output.read_text().splitlines():
            key, _, value = line.partition("=")
            values[f"steps.{step['id']}.outputs.{key}"] = value


def _filled(text: str, values: Values) -> str:
    """Every expression replaced; an output that no step wrote is empty, as it is for a runner."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        assert re.fullmatch(r"(inputs|steps|github)\.[\w.-]+", name), name
        return values.get(name, "") if name.startswith("steps.") else values[name]

    return _EXPRESSION.sub(value, text)


def _wanted(condition: str | None, values: Values, *, failed: bool) -> bool:
    """The two conditions that the files here use."""
    if condition is None:
        return not failed
    match = re.fullmatch(r"\$\{\{ !cancelled\(\) && (steps\.[\w.-]+) \}\}", condition)
    assert match, condition
    return bool(values.get(match[1]))
