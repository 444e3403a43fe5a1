"""`ptycho schema write|check|show`: the JSON Schemas of the contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import misuse

app = typer.Typer(help="The JSON Schemas of the contracts.", no_args_is_help=True)
_FOLDER = typer.Option("--folder", help="Folder of the schema files.")


@app.command("write")
def write(folder: Annotated[Path, _FOLDER] = Path("schemas")) -> None:
    """Write the schema of every contract version that has none yet; a published one is never changed."""
    from ptycho_contracts.schema import write_all  # noqa: PLC0415

    try:
        written = write_all(folder)
    except ValueError as error:  # a published version never changes
        typer.echo(f"ptycho: {error}", err=True)
        raise typer.Exit(1) from None
    for path in written:
        typer.echo(f"wrote {path}")


@app.command("check")
def check(folder: Annotated[Path, _FOLDER] = Path("schemas")) -> None:
    """Exit with 1 where the schema files differ from what the contracts declare."""
    from ptycho_contracts.schema import check_all  # noqa: PLC0415

    problems = check_all(folder)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("schemas and contracts agree")


@app.command("show")
def show(contract: Annotated[str, typer.Argument(help="Contract id.")]) -> None:
    """Print the schema of a contract."""
    import json  # noqa: PLC0415

    from ptycho_contracts.contract import get_contract  # noqa: PLC0415
    from ptycho_contracts.schema import schema_of  # noqa: PLC0415

    try:
        found = get_contract(contract)
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    typer.echo(json.dumps(schema_of(found), indent=2, ensure_ascii=False))
