"""The site builds without a warning, with every page reachable and every reference leading somewhere."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
pytest.importorskip("sphinx", reason="the extra docs is not installed")


def build(source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    options = ["-b", "html", "-W", "--keep-going", "-q", "-d", str(folder / "doctrees")]
    argv = [sys.executable, "-m", "sphinx", *options, str(source), str(folder / "site")]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = build(DOCS, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert {page for page in pages if not (tmp_path / "site" / page).is_file()} == set()
    api = html.unescape((tmp_path / "site" / "api" / "ptycho_contracts.html").read_text())
    assert "Examine an artifact and report every finding at once" in api  # a docstring
    assert "role:/path[index]@attribute" in api  # what a field of a model says of itself


def test_the_readme_is_the_first_page_with_its_links_and_pictures(tmp_path: Path) -> None:
    """Its links are written as seen from the top of the repository."""
    (tmp_path / "docs" / "guide").mkdir(parents=True)
    docs = tmp_path / "docs"
    (tmp_path / "README.md").write_text(
        "# us\n\n[a](docs/a.md) [g](docs/guide) [h](#us) [the example](examples/ci) [out](https://a.org) [l](LICENSE)\n"
    )
    (tmp_path / "LICENSE").write_text("free\n")
    (tmp_path / "examples" / "ci").mkdir(parents=True)
    (tmp_path / "examples" / "ci" / "README.md").write_text("# E\n")
    for name, text in (
        ("a.md", "# A\n"),
        ("guide/index.md", "# G\n"),
        ("index.md", "# I\n\n```{toctree}\nstart\na\nguide/index\n```\n"),
        ("start.md", (DOCS / "start.md").read_text()),
        ("conf.py", (DOCS / "conf.py").read_text()),
    ):
        (docs / name).write_text(text)
    done = build(docs, tmp_path)
    assert "'myst' cross-reference target not found: 'us'" in done.stderr  # the only one: that heading is left out
    start = (tmp_path / "site" / "start.html").read_text()
    assert 'href="a.html"' in start
    assert 'href="guide/index.html"' in start
    assert re.search(r'href="_downloads/\w+/LICENSE"', start)
    assert "the example" in start
    assert "examples/ci" not in start
