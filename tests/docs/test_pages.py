"""The commands of the hand-written pages of the site, run as written."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import check_page

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"schemas.md": 10}
COMMANDS = ("ptycho ", "check-jsonschema ", "cat ")


@pytest.mark.parametrize(("name", "least"), PAGES.items())
def test_every_command_runs_as_written(name: str, least: int, tmp_path: Path) -> None:
    ran = check_page(DOCS / name, tmp_path, figures=True, allowed=lambda command: command.startswith(COMMANDS))
    assert ran >= least
