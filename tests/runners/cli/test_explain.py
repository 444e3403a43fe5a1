"""`ptycho explain`: pages for a terminal."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ptycho_contracts.codes import all_codes
from ptycho_contracts.reference_codes import code_text
from ptycho_runners.cli import app


def explain(*arguments: str, columns: int = 80) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["explain", *arguments], env={"COLUMNS": str(columns)})
    return done.exit_code, done.stdout, done.stderr


def test_a_page_is_as_wide_as_the_terminal_and_no_wider_than_one_reads() -> None:
    code = all_codes()["PTY310"]
    assert explain("pty310") == (0, code_text(code, 80) + "\n", "")
    assert explain("PTY310", columns=300)[1] == code_text(code, 100) + "\n"


def test_several_codes_as_the_report_names_them() -> None:
    out = explain("PTY104", "PTY001", "PTY104")[1]
    heads = [line[:6] for line in out.splitlines() if line.startswith("PTY")]
    assert heads == ["PTY104", "PTY001"]


@pytest.mark.parametrize("arguments", [(), ("--list",)])
def test_a_list_has_every_code(arguments: tuple[str, ...]) -> None:
    code, out, _ = explain(*arguments)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(all_codes())


def test_the_beginning_of_a_code_stands_for_all_that_begin_so() -> None:
    listed = [line.split()[0] for line in explain("--list", "PTY4", "PTY101")[1].splitlines()]
    assert listed == [*(code for code in all_codes() if code.startswith("PTY4")), "PTY101"]


def test_an_unknown_code_is_misuse_and_its_neighbours_are_named() -> None:
    code, out, err = explain("PTY103", "PTY40q")
    assert (code, out) == (2, "")
    assert err == "ptycho: no code 'PTY40q'; `ptycho explain --list PTY40` lists those next to it\n"
    assert explain("--list", "PTY40")[0] == 0
    assert explain("xyz")[2] == "ptycho: no code 'xyz'; `ptycho explain --list` lists all\n"
