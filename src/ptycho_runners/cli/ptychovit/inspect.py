"""`ptycho ptychovit inspect CHECKOUT`: which generation it is, and whether its interpreter can run it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format

if TYPE_CHECKING:
    from ptycho_runners.ptychovit.inspect import Inspection


def inspect(
    checkout: Annotated[str, typer.Argument(help="Folder of a checkout, or `reference` for the bundled one.")],
    python: Annotated[
        str, typer.Option(help="The checkout's interpreter.", show_default="the one that runs ptycho")
    ] = sys.executable,
    format: Annotated[Format, typer.Option(help="How to print what was found.")] = Format.TEXT,
) -> None:
    """Look at a checkout and its interpreter without running it. Exit code 1 if something needed is missing."""
    from ptycho_runners.ptychovit.inspect import inspect_checkout  # noqa: PLC0415

    found = inspect_checkout(checkout, python)
    typer.echo(found.model_dump_json(indent=2) if format is Format.JSON else "\n".join(_lines(found)))
    if not found.ok:
        raise typer.Exit(1)


def _lines(found: Inspection) -> Iterator[str]:
    yield f"checkout     {found.root}"
    yield f"generation   {found.generation}: {found.reason}"
    if found.code is not None:
        state = {True: " with changes", False: "", None: ""}[found.code.dirty]
        yield f"commit       {found.code.commit or 'no git repository'}{state}"
        yield f"sources      sha256 {found.code.sha256}"
    yield f"interpreter  {found.interpreter.command} (Python {found.interpreter.python or 'unknown'})"
    yield f"device       {found.interpreter.device or 'unknown'}"
    if found.interpreter.python is not None:
        for package in found.interpreter.packages:
            need = "needed" if package.matters else "stand-in" if package.stood_in_for else "optional"
            yield f"  {package.module:14} {package.version or 'missing':12} {need}"
    for name in found.names:
        yield f"  {'missing' if name.problem else 'found  '}  {name.name}"
    yield from (f"note: {note}" for note in found.notes)
    yield from (f"missing: {problem}" for problem in found.problems)
    yield "ready" if found.ok else "not ready"
