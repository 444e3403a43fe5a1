"""Writes `code_examples.json`, which the pages of the codes show; `make docs` runs it, with tests/helpers on the path.

Each example is built and validated; what is told of it is what `ptycho validate` prints.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from code_examples import EXAMPLES, Example
from example_words import WORDS

import ptycho_contracts
from ptycho_contracts.atomic import atomic_write_text
from ptycho_contracts.codes import all_codes
from ptycho_contracts.finding import Report
from ptycho_contracts.reference_codes import EXAMPLES_FILE
from ptycho_contracts.render._words import finding_lines
from ptycho_contracts.validation import validate

FILE = Path(ptycho_contracts.__file__).parent / EXAMPLES_FILE


def command_of(example: Example, path: Path) -> str:
    """What a user types in the folder of the file."""
    depth = "" if example.depth == "header" else f" --depth {example.depth}"
    contract = f" --contract {example.contract}" if example.contract else ""
    return f"ptycho validate {path.name}{contract}{depth}"


def output_of(code: str, report: Report, folder: Path) -> list[str]:
    """The first finding of the code, without the folder of the file, and without a fix that the page tells anyway."""
    found = next(f for f in report.findings if f.code == code)
    if found.fix == all_codes()[code].fix:
        found = found.model_copy(update={"fix": None})
    return [line.replace(f"{folder}{os.sep}", "") for line in finding_lines(found)]


def told(code: str, example: Example, folder: Path) -> dict[str, Any]:
    """What the page says of an example that is a file."""
    path = example.build(folder)
    report = validate(path, example.contract, example.depth)
    return {"command": command_of(example, path), "output": output_of(code, report, folder)}


def document() -> dict[str, Any]:
    """What the pages say of every example."""
    made: dict[str, dict[str, Any]] = {}
    for code, words in sorted(WORDS.items()):
        made[code] = {"broken": words, "command": None, "output": []}
        if code in EXAMPLES:
            with tempfile.TemporaryDirectory() as folder:
                made[code] |= told(code, EXAMPLES[code], Path(folder))
    return made


if __name__ == "__main__":
    atomic_write_text(FILE, json.dumps(document(), indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"wrote {FILE.name}\n")
