"""The commands of docs/reports.md, run as they stand there."""

from __future__ import annotations

from pathlib import Path

from console import check_page

from ptycho_contracts.render import FORMATS

PAGE = Path(__file__).parents[3] / "docs" / "reports.md"


def allowed(command: str) -> bool:
    return command.startswith(("ptycho ", "head "))


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    assert check_page(PAGE, tmp_path, figures=True, allowed=allowed) == 8


def test_the_page_names_every_format() -> None:
    rows = [line.split("|")[1].strip(" `") for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    assert sorted(rows) == list(FORMATS)
