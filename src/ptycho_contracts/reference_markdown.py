"""The few forms of Markdown that the generated pages use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

GENERATED = "<!-- Generated from the declarations by `ptycho_contracts.reference`; edit those, not this page. -->"


def page(*blocks: str) -> str:
    """Blocks with an empty line between them."""
    return "\n\n".join(block for block in blocks if block) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a `|` inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(prose(text).replace("|", "\\|").split())


def prose(text: str) -> str:
    """A text in which `<name>` is no HTML tag; what stands in backticks stays as it is."""
    parts = text.split("`")
    return "`".join(part if k % 2 else part.replace("<", "\\<") for k, part in enumerate(parts))


def names(many: Iterable[str]) -> str:
    """Names as code, with commas."""
    return ", ".join(f"`{name}`" for name in many)


def paragraphs(docstring: str) -> Iterator[str]:
    """The paragraphs of a docstring as blocks, lists kept line by line."""
    for block in docstring.split("\n\n"):
        yield prose(block)
