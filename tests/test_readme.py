"""Every `$ ptycho …` command of the README and its printed output, run in order in an empty folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from console import check_page
from typer.testing import CliRunner

from ptycho_runners.cli import app

ROOT = Path(__file__).parents[1]
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_readme_runs_as_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data"))
    known = ("ptycho ", "python examples/")
    ran = check_page(ROOT / "README.md", tmp_path, figures=True, allowed=lambda command: command.startswith(known))
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
