"""The page of each code: what, why it matters, an example, the fix, since when; for the docs and for a terminal.

Everything but the example comes from the code's declaration. The example is in `code_examples.json`, which
`tests/contracts/helpers/write_code_examples.py` writes by breaking a file and validating it.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ptycho_contracts.codes import Code, all_codes, page_url
from ptycho_contracts.reference_markdown import GENERATED, page, prose, table

FOLDER = "codes"
INDEX = f"{FOLDER}/index.md"
EXAMPLES_FILE = "code_examples.json"

_QUOTED = re.compile("`[^`]*`")
_UNBROKEN = "\N{NO-BREAK SPACE}"

_INTRO = """Every finding has a code, and every code a page, which `ptycho explain CODE` prints too. An error breaks a
reader; warnings and hints help reuse. A code is never reused for something else."""

_RANGES = {
    "0": "file and security",
    "1": "structure",
    "2": "relations between members and files",
    "3": "units, frames and physics",
    "4": "values",
    "5": "runs, checkpoints and manifests",
    "9": "ourselves",
}


@dataclass(frozen=True)
class Example:
    """A broken thing, and what is said of it.

    Attributes:
        broken: What is broken, in a sentence or two.
        command: The command that finds it, or None where it arises elsewhere than in a file.
        output: The finding as the command prints it, line by line.
    """

    broken: str
    command: str | None = None
    output: tuple[str, ...] = ()


@cache
def examples() -> dict[str, Example]:
    """The example of each code."""
    text = resources.files(__package__).joinpath(EXAMPLES_FILE).read_text(encoding="utf-8")
    return {
        code: Example(told["broken"], told["command"], tuple(told["output"])) for code, told in json.loads(text).items()
    }


def pages() -> dict[str, str]:
    """The index and one page for each code, by path below the docs folder."""
    codes = list(all_codes().values())
    return {INDEX: _index(codes)} | {f"{FOLDER}/{code.id}.md": _markdown(code) for code in codes}


def code_text(code: Code, width: int = 100) -> str:
    """The page of a code as plain text, wrapped at `width` columns; what a command prints is not wrapped."""
    blocks = [f"{code.id} {code.title} ({code.severity})"]
    for heading, paragraphs in _sections(code):
        wrapped = "\n\n".join(_wrapped(paragraph, width) for paragraph in paragraphs)
        blocks.append(f"{heading}\n{wrapped}")
    return "\n\n".join([*blocks, page_url(code.id)])


def _index(codes: list[Code]) -> str:
    blocks = []
    for digit, title in _RANGES.items():
        rows = [[f"[{c.id}]({c.id}.md)", c.severity.value, c.title] for c in codes if c.id[3] == digit]
        if rows:
            blocks += [f"## {digit}xx: {title}", table(["code", "severity", "finding"], rows)]
    names = "\n".join(code.id for code in codes)
    contents = f"```{{toctree}}\n:hidden:\n\n{names}\n```"
    return page("# Codes", GENERATED, _INTRO, *blocks, contents)


def _markdown(code: Code) -> str:
    blocks = []
    for heading, paragraphs in _sections(code):
        blocks += [f"## {heading}", *(_block(paragraph) for paragraph in paragraphs)]
    kind = f"{code.severity.value.capitalize()}; [all codes](index.md)."
    return page(f"# {code.id}: {prose(code.title)}", GENERATED, kind, *blocks)


def _sections(code: Code) -> Iterator[tuple[str, list[str | tuple[str, ...]]]]:
    """Headings and their paragraphs; a tuple is printed lines."""
    yield "What", [code.what]
    yield "Why it matters", [code.why]
    yield "Example", list(_example(examples().get(code.id)))
    yield "Fix", [code.fix]
    yield "Since", [f"ptycho-contracts {code.since}."]


def _example(example: Example | None) -> Iterator[str | tuple[str, ...]]:
    if example is None:
        return
    yield example.broken
    if example.command:
        yield (f"$ {example.command}", *example.output)


def _block(paragraph: str | tuple[str, ...]) -> str:
    return prose(paragraph) if isinstance(paragraph, str) else "```text\n" + "\n".join(paragraph) + "\n```"


def _wrapped(paragraph: str | tuple[str, ...], width: int) -> str:
    if isinstance(paragraph, tuple):
        return textwrap.indent("\n".join(paragraph), "    ")
    # What stands in backticks is often copied, so it is not broken.
    whole = _QUOTED.sub(lambda match: match[0].replace(" ", _UNBROKEN), paragraph)
    indent = "  "
    filled = textwrap.fill(whole, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return filled.replace(_UNBROKEN, " ")
