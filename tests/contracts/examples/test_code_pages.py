"""Every code has a page, and every page a code; each page says all that a page must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ptycho_contracts import __version__
from ptycho_contracts.codes import Code, all_codes, page_url
from ptycho_contracts.reference_codes import INDEX, code_text, pages

DOCS = Path(__file__).parents[3] / "docs"
SECTIONS = ["What", "Why it matters", "Example", "Fix", "Since"]
EACH = pytest.mark.parametrize("code", all_codes().values(), ids=lambda code: code.id)


def section(page: str, title: str) -> str:
    """The text below a heading."""
    return re.split(r"^## ", page.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0].strip()


def test_codes_equal_pages() -> None:
    committed = {path.stem for path in (DOCS / "codes").glob("*.md")} - {"index"}
    assert committed == set(all_codes()), "run make docs"


@EACH
def test_a_page_has_every_section_with_something_in_it(code: Code) -> None:
    page = (DOCS / "codes" / f"{code.id}.md").read_text(encoding="utf-8")
    assert page == pages()[f"codes/{code.id}.md"], "run make docs"
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == SECTIONS
    for title in SECTIONS:
        assert len(section(page, title)) > len("in 0.1.0"), title
    assert code.since in section(page, "Since")


@EACH
def test_a_terminal_shows_the_same_sections_in_its_width(code: Code) -> None:
    lines = code_text(code, width=60).splitlines()
    assert [line for line in lines if line in SECTIONS] == SECTIONS
    unquoted = [line for line in lines[1:] if line.startswith("  ") and not line.startswith("    ") and "`" not in line]
    assert unquoted
    assert all(len(line) <= 60 for line in unquoted)
    assert lines[-1] == page_url(code.id)


def test_the_index_links_every_page() -> None:
    assert set(re.findall(r"\]\((PTY\d{3})\.md\)", pages()[INDEX])) == set(all_codes())


def test_the_address_of_a_page_carries_the_version() -> None:
    assert page_url("PTY310") == f"https://ptycho-contracts.readthedocs.io/en/v{__version__}/codes/PTY310.html"
