"""Every `$ ptycho …` command of the README and its printed output, run in order in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ptycho_runners.cli import app

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# A block under this mark shows commands that are tested elsewhere or need minutes.
SHOWN_ONLY = "<!-- shown only -->\n"
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks(path: Path) -> list[str]:
    """The console blocks to run."""
    text = path.read_text()
    return [m.group(1) for m in BLOCK.finditer(text) if not text[: m.start()].endswith(SHOWN_ONLY)]


def steps(block: str) -> list[tuple[str, list[str]]]:
    """(command, expected lines) of a block."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif found and line.strip():
            found[-1][1].append(line.rstrip())
    return found


def test_readme_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for block in blocks(ROOT / "README.md"):
        for command, expected in steps(block):
            words = shlex.split(command, comments=True)
            assert words[0] == "ptycho", f"mark blocks of other commands as shown only: {command}"
            result = CliRunner().invoke(app, words[1:])
            printed = [line.rstrip() for line in (result.stdout + result.stderr).splitlines()]
            missing = [line for line in expected if line != "…" and line not in printed]
            assert not missing, f"{command} printed:\n" + "\n".join(printed)
            ran += 1
    assert ran >= 5


@pytest.mark.parametrize("page", ["README.md", "docs/evaluation.md"])
def test_python_of_the_docs_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    simulate = "simulate grid-lines --n 64 --object-size-px 160 --step-px 12 --seed 1 --out data"
    assert CliRunner().invoke(app, simulate.split()).exit_code == 0
    code = PYTHON.findall((ROOT / page).read_text())
    assert code
    for block in code:
        exec(compile(block, page, "exec"), {})
