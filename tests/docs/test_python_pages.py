"""The commands and the Python of the pages for those who import us, run as written."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from console import check_page

DOCS = Path(__file__).parents[2] / "docs"
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", ["xarray.md", "plugins.md"])
def test_commands_run_as_written(name: str, tmp_path: Path) -> None:
    assert check_page(DOCS / name, tmp_path, figures=True, allowed=lambda command: command.startswith("ptycho "))


def test_the_xarray_page_runs(tmp_path: Path) -> None:
    check_page(DOCS / "xarray.md", tmp_path, figures=True, allowed=lambda command: command.startswith("ptycho "))
    (code,) = PYTHON.findall((DOCS / "xarray.md").read_text())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "'scan': 81" in done.stdout


def test_the_testing_page_runs_as_a_test_module(tmp_path: Path) -> None:
    *tests, script = PYTHON.findall((DOCS / "testing.md").read_text())
    module = "\n".join([*tests, "def test_other_frameworks(tmp_path, monkeypatch):", "    monkeypatch.chdir(tmp_path)"])
    (tmp_path / "test_page.py").write_text(f"{module}\n{textwrap.indent(script, '    ')}")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_page.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
