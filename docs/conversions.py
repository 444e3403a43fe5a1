"""The conversion matrix: `--record` runs every conversion of the sample files, the page follows from the record."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from conversion_samples import ANSWERS, SAMPLES, answers

from ptycho_adapters.codec import all_codecs
from ptycho_adapters.io import recognised
from ptycho_adapters.matrix import Cell, attempt, targets
from ptycho_contracts.atomic import atomic_write_text

RECORD = Path(__file__).parent / "conversions.json"

_MARKS = {"exact": "exact", "lossy": "lossy", "refused": "refused"}
_HEAD = """# Conversions

Which format becomes which. Made by running every conversion of real sample files, reading back what was written and
comparing; nothing here is declared by hand. *exact*: all that a Scan holds of the source (patterns, positions, probe,
object, mask, frame numbers, quantities) was read back unchanged. *lossy*: what is lost is listed below. *asks*: refused
at first, with a message naming the option, and written once it was given.

`ptycho convert SOURCE FOLDER --to FORMAT` does it; the manifest beside the output says the same of your file.
"""


def cells_of(sample: str) -> Iterator[Cell]:
    """Every conversion of one sample."""
    path = SAMPLES / sample
    contract, _ = recognised(path)
    for target in targets():
        with tempfile.TemporaryDirectory() as folder:
            yield attempt(path, contract.id, target, Path(folder), answers(sample))


def record() -> None:
    """Run everything, and write the record."""
    cells = []
    for sample in ANSWERS:
        for cell in cells_of(sample):
            print(f"{sample} → {cell.target}: {cell.outcome} {' '.join(cell.asked)}", file=sys.stderr)
            cells.append(cell)
    atomic_write_text(RECORD, json.dumps([c.model_dump() for c in cells], indent=1, ensure_ascii=False) + "\n")


def recorded() -> list[Cell]:
    """The cells of the record."""
    return [Cell.model_validate(item) for item in json.loads(RECORD.read_text(encoding="utf-8"))]


def conversions_page() -> str:
    """The page, from the record."""
    cells = recorded()
    columns = list(dict.fromkeys(cell.target for cell in cells))
    rows = list(dict.fromkeys((cell.source, cell.sample) for cell in cells))
    lines = [_HEAD, f"| from \\ to | {' | '.join(f'`{c}`' for c in columns)} |", "|---" * (len(columns) + 1) + "|"]
    for source, sample in rows:
        found = {cell.target: cell for cell in cells if cell.sample == sample}
        shown = " | ".join(_mark(found[column]) for column in columns)
        lines.append(f"| [`{source}`](#{_anchor(sample)}) {sample} | {shown} |")
    lines += ["", *_formats()]
    for source, sample in rows:
        lines += _section(source, [cell for cell in cells if cell.sample == sample])
    return "\n".join(lines).rstrip() + "\n"


def _mark(cell: Cell) -> str:
    return _MARKS[cell.outcome] + (", asks" if cell.asked else "")


def _anchor(sample: str) -> str:
    return "".join(c for c in sample.lower() if c.isalnum() or c in "-_")


def _formats() -> Iterator[str]:
    yield "## What each format needs\n"
    yield "| format | read | written | a writer needs |"
    yield "|---|---|---|---|"
    for codec in sorted(all_codecs().values(), key=lambda c: c.id):
        needs = ", ".join(sorted(codec.needs)) or "–"
        page = f"[`{codec.id}`](contracts/{codec.id}.md)"
        yield f"| {page} | {'yes' if codec.read else 'no'} | {'yes' if codec.write else 'no'} | {needs} |"
    yield ""


def _section(source: str, cells: list[Cell]) -> Iterator[str]:
    yield f"## {cells[0].sample}\n"
    yield f"A `{source}`."
    unread = list(dict.fromkeys(text for cell in cells for text in cell.unread))
    if unread:
        yield f"\nNot carried to any format: {'; '.join(unread)}."
    yield ""
    for cell in cells:
        asked = f" after {' '.join(f'`{option}`' for option in cell.asked)}" if cell.asked else ""
        details = [*cell.lost, *cell.why]
        yield f"- `{cell.target}`: {cell.outcome}{asked}" + (f": {'; '.join(details)}" if details else "") + "."
    yield ""


if __name__ == "__main__":
    if "--record" in sys.argv[1:]:
        record()
    atomic_write_text(RECORD.with_suffix(".md"), conversions_page())
