"""The runbook: every command is executed as written, and every code that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from console import blocks, check_page

from ptycho_contracts import all_codes, run_codes
from ptycho_contracts.codes import Code
from ptycho_runners.cli import app

RUNBOOK = Path(__file__).parents[1] / "docs" / "runbook.md"
SHELL = ("until ", "kill ", "cat ", "cp ", "rm ", "sed ", "mkdir ", "truncate ", "flock ", "python ")
# What no operator meets while running: misuse of options and parts, and reports of our own commands.
NOT_SIGNATURES = {"PTY508", "PTY513", "PTY515", "PTY523", "PTY524", "PTY527", "PTY528", "PTY529"}


def allowed(command: str) -> bool:
    return command.startswith(("ptycho ", *SHELL))


def test_every_command_runs_as_written(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the reference checkout runs in this interpreter, which has no torch")
    assert check_page(RUNBOOK, tmp_path, figures=False, allowed=allowed) > 40


def test_codes_of_the_table_exist_and_no_signature_is_left_out() -> None:
    named = set(re.findall(r"PTY\d{3}", RUNBOOK.read_text()))
    assert named <= set(all_codes())
    declared = {value.id for value in vars(run_codes).values() if isinstance(value, Code)}
    assert declared - NOT_SIGNATURES <= named


def test_commands_of_the_table_exist() -> None:
    """Subcommands only; their options are proven by running them."""
    import typer

    root = typer.main.get_command(app)
    told = re.findall(r"`ptycho ((?:[a-z]+ ?)+)", RUNBOOK.read_text())
    assert told
    for words in told:
        command = root
        for word in words.split():
            inner = getattr(command, "commands", None)
            if inner is None:
                break
            assert word in inner, f"ptycho {words}"
            command = inner[word]


def test_the_sequences_are_there() -> None:
    commands = [step.command for block in blocks(RUNBOOK) for step in block]
    for what in (
        "ptychovit train",
        "ptychovit resume",
        "ptychovit finetune",
        "ptychovit infer",
        "runs list",
        "validate",
    ):
        assert any(command.startswith(f"ptycho {what} ") for command in commands), what
