"""Write the pages that follow from the code, or check that those committed still do (`--check`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from api_page import api_pages
from conversions import conversions_page
from diagnosis_page import diagnosis_page
from index_page import index_page
from public_api import public_api

from ptycho_adapters.format_notes import format_notes
from ptycho_contracts import reference
from ptycho_contracts.atomic import atomic_write_text
from ptycho_runners.arms.reference import arms_page
from ptycho_runners.conformance.page import backend_page

DOCS = Path(__file__).parent
# The first words of every page that is generated, whoever does it.
MARK = "<!-- Generated"


def pages() -> dict[str, str]:
    """Every generated page by its path below this folder; the index comes last, because it lists the others."""
    made = reference.pages(format_notes()) | api_pages()
    made |= {"arms.md": arms_page(), "backend-contract.md": backend_page()}
    made |= {"conversions.md": conversions_page(), "diagnosis.md": diagnosis_page()}
    found = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    by_hand = {name: text for name, text in found.items() if not is_generated(text)}
    return made | {"index.md": index_page(by_hand | made), "public_api.txt": public_api()}


def is_generated(text: str) -> bool:
    """Whether a page says so of itself."""
    return MARK in text[:1000]


def problems(wanted: dict[str, str]) -> Iterator[str]:
    """What is wrong with the committed pages: missing, different, or generated from something that is gone."""
    for name, text in wanted.items():
        path = DOCS / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.read_text(encoding="utf-8") != text:
            yield f"{name} is not what the code says"
    for name in stale(wanted):
        yield f"{name} was generated from something that is gone"


def stale(wanted: dict[str, str]) -> Iterator[str]:
    """Pages that were generated once and are no more."""
    for path in sorted(DOCS.rglob("*.md")):
        name = path.relative_to(DOCS).as_posix()
        if name not in wanted and is_generated(path.read_text(encoding="utf-8")):
            yield name


def write(wanted: dict[str, str]) -> None:
    """Write what is new or different, and remove what is stale."""
    for name, text in wanted.items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write_text(path, text)
    for name in list(stale(wanted)):
        (DOCS / name).unlink()


def main() -> int:
    """0 where the pages agree with the code or were written, 1 where they differ."""
    wanted = pages()
    if "--check" not in sys.argv[1:]:
        write(wanted)
        return 0
    found = list(problems(wanted))
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print("`make docs` writes them anew", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
