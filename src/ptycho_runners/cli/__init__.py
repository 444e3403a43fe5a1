"""The command line `ptycho`: one file for each command; what a command needs is imported when it runs.

Exit codes: 0 fine, 1 findings or a failed run, 2 misuse.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ptycho_runners.cli import convert, describe, evaluate, explain, schema, simulate, study, validate

app = typer.Typer(
    name="ptycho",
    help="Say what a ptychography file is, prove it, convert it, reconstruct from it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("describe")(describe.describe)
app.command("validate")(validate.validate)
app.command("explain")(explain.explain)
app.command("convert")(convert.convert)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(simulate.app, name="simulate")
app.add_typer(schema.app, name="schema")
app.add_typer(study.app, name="study")


def _print_version(wanted: bool) -> None:
    if wanted:
        from ptycho_contracts import __version__  # noqa: PLC0415

        typer.echo(f"ptycho-contracts {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of `ptycho` itself."""


def main() -> None:
    """Entry point; Ctrl-C ends with the shell's usual code and without a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise SystemExit(130) from None
