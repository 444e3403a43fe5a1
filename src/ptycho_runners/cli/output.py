"""What the commands share: findings on stderr, progress on a terminal, misuse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ptycho_contracts.finding import Finding


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


def misuse(message: str) -> typer.Exit:
    """Say what was wrong with the call; raise the result."""
    typer.echo(f"ptycho: {message}", err=True)
    return typer.Exit(2)


def fail(findings: Sequence[Finding]) -> typer.Exit:
    """Print findings that stopped a command; raise the result."""
    from ptycho_contracts.render import render_finding  # noqa: PLC0415

    for found in findings:
        typer.echo(render_finding(found), err=True)
    if findings:
        typer.echo(f"see: ptycho explain {' '.join(dict.fromkeys(found.code for found in findings))}", err=True)
    return typer.Exit(1)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None] | None]:
    """A callback (what, done, all) that draws a bar on a terminal; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, TaskID  # noqa: PLC0415

    bar = Progress(console=Console(stderr=True), transient=True)
    tasks: dict[str, TaskID] = {}

    def step(what: str, done: int, count: int) -> None:
        bar.start()  # at the first step: its thread would be in the way of processes that are started before
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=count)
        bar.update(tasks[what], completed=done)

    try:
        yield step
    finally:
        bar.stop()
