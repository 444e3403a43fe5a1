"""The command line `ptycho`: one file for each command; what a command needs is imported when it runs.

Exit codes: 0 fine, 1 findings or a failed run, 2 misuse.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli import (
    convert,
    describe,
    diagnose,
    evaluate,
    explain,
    fix,
    gate,
    migrate,
    plugins,
    ptychovit,
    runs,
    schema,
    simulate,
    study,
    validate,
)

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
app.command("diagnose")(diagnose.diagnose)
app.command("fix")(fix.fix)
app.command("evaluate")(evaluate.evaluate)
app.command("gate")(gate.gate)
app.command("migrate")(migrate.migrate)
app.command("plugins")(plugins.plugins)
app.add_typer(simulate.app, name="simulate")
app.add_typer(schema.app, name="schema")
app.add_typer(study.app, name="study")
app.add_typer(ptychovit.app, name="ptychovit")
app.add_typer(runs.app, name="runs")

_HDF5_PATH = re.compile(r"name = '([^']*)'")


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: `arguments`, or those of the process; ends the process.

    What the operating system refuses (a folder that cannot be written, a full disk) is one line, not a traceback.

    Raises:
        SystemExit: always, with the exit code; 130 after Ctrl-C.
    """
    warnings.formatwarning = _warning
    try:
        app(arguments)
    except OSError as error:
        typer.echo(f"ptycho: {_told(error)}", err=True)
        raise SystemExit(1) from None


_of_python = warnings.formatwarning


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning of ours in one line, without the place in the program; others as Python has them."""
    if category.__module__.startswith("ptycho_"):
        return f"ptycho: warning: {message}\n"
    return _of_python(message, category, filename, lineno, line)


def _told(error: OSError) -> str:
    """The reason and the path in one line; HDF5 gives no path, but its text has it."""
    text = " ".join(str(error).split())
    in_text = _HDF5_PATH.search(text)
    named = error.filename or (in_text and in_text[1])
    if not named or error.errno is None:
        return text or type(error).__name__
    place = Path(str(named))
    if isinstance(error, PermissionError):  # what forbids a file (a temporary one of ours, say) is its folder
        place = next(path for path in (place, *place.parents) if os.path.exists(path))
    return f"{os.strerror(error.errno)}: {place}"
