"""Runs the console blocks of a page as a user would, and compares what is printed with what the page shows.

In a block under ` ```console `, `$ command` begins a command, `> …` right below goes on with it, and the other lines
are its output. A line `…` stands for any lines, `…` within a line for any text. A command
ends with status 0, or with the one that its comment names: `# exit code 1`. All commands of a page share a folder;
those of a block share one shell, so that a block can stop what it started.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# A block under this mark shows commands that are tested elsewhere or need minutes.
SHOWN_ONLY = "<!-- shown only -->\n"
ANY = "…"
_PATIENCE_S = 900
_BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_STATUS = re.compile(r"#.*\bexit code (\d+)")
# With the blanks around it, because columns are padded to the width of their numbers.
_DECIMAL = re.compile(r" *(?<![\w.])-?\d+\.\d+(?:e[+-]?\d+)?(?!\w) *")


@dataclass
class Step:
    """A command, and what the page shows of it."""

    command: str
    shown: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """With what it is to end."""
        named = _STATUS.search(self.command)
        return int(named[1]) if named else 0


def blocks(page: Path) -> Iterator[list[Step]]:
    """The commands of each block that is to be run."""
    text = page.read_text()
    for match in _BLOCK.finditer(text):
        if not text[: match.start()].endswith(SHOWN_ONLY):
            yield list(_steps(match[2], len(match[1])))


def _steps(block: str, indent: int) -> Iterator[Step]:
    step = None
    for line in (line[indent:] for line in block.splitlines()):
        if line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(line.removeprefix("$ "))
        elif step is not None and not step.shown and (line == ">" or line.startswith("> ")):
            step.command += "\n" + line[2:]
        elif step is not None and line.strip():
            step.shown.append(line.rstrip())
    if step is not None:
        yield step


def run_block(steps: list[Step], folder: Path) -> list[tuple[int, list[str]]]:
    """Run the commands of a block in one shell: status and printed lines (both streams) of each."""
    mark = "--- the step before ended with"
    script = "".join(f'{step.command}\nprintf "\\n{mark} %s\\n" "$?"\n' for step in steps)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    pieces = re.split(rf"\n{mark} (\d+)\n", done.stdout)
    return [
        (int(status), [line.rstrip() for line in printed.splitlines() if line.strip()])
        for printed, status in zip(pieces[::2], pieces[1::2], strict=False)
    ]


def difference(shown: list[str], printed: list[str], figures: bool = True) -> str | None:
    """What is wrong with a page that shows these lines; None where it is right.

    Args:
        shown: Lines of the page.
        printed: Lines of the command.
        figures: Whether numbers with a decimal point have to be the same; measured ones differ everywhere.
    """
    expected = "\n".join(_pattern(line, figures) for line in shown) + "\n"
    expected = expected.replace(_pattern(ANY, figures) + "\n", r"(?:.*\n)*")
    told = "".join(f"{line}\n" for line in printed)
    if not shown or re.fullmatch(expected, told):
        return None
    return "the page shows\n  " + "\n  ".join(shown) + "\nand the command printed\n  " + "\n  ".join(printed)


def _pattern(line: str, figures: bool) -> str:
    parts = [line] if figures else _DECIMAL.split(line)
    return r" *-?[\d.]+(?:e[+-]?\d+)? *".join(re.escape(part).replace(ANY, ".*") for part in parts)


def check_page(page: Path, folder: Path, *, figures: bool, allowed: Callable[[str], bool]) -> int:
    """Run every block of a page in a folder and compare; returns how many commands ran.

    Raises:
        AssertionError: a command that is not allowed, ends otherwise, or prints something else.
    """
    ran = 0
    for steps in blocks(page):
        assert all(allowed(step.command) for step in steps), [step.command for step in steps]
        for step, (status, printed) in zip(steps, run_block(steps, folder), strict=True):
            told = "\n".join(printed)
            assert status == step.status, f"{step.command} ended with {status} and printed:\n{told}"
            problem = difference(step.shown, printed, figures)
            assert problem is None, f"{step.command}\n{problem}"
            ran += 1
    return ran
