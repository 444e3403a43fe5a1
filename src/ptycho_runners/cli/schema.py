"""`ptycho schema list|show|write|check`: the JSON Schemas of the contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import Format, misuse

app = typer.Typer(help="The JSON Schemas of the contracts.", no_args_is_help=True)
_FOLDER = typer.Option("--folder", help="Folder of the schema files.")


@app.command("list")
def list_(
    format: Annotated[Format, typer.Option(help="How to print the list.")] = Format.TEXT,
) -> None:
    """Print every contract with its versions, the present one last."""
    import json  # noqa: PLC0415

    from ptycho_contracts.contract import all_contracts  # noqa: PLC0415
    from ptycho_contracts.schema_files import versions  # noqa: PLC0415

    rows = [(contract, versions(contract.id)) for contract in all_contracts().values()]
    if format is Format.JSON:
        told = [{"contract": c.id, "versions": list(each), "summary": c.summary} for c, each in rows]
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    widths = max(len(c.id) for c, _ in rows), max(len(" ".join(each)) for _, each in rows)
    for contract, each in rows:
        typer.echo(f"{contract.id:{widths[0]}}  {' '.join(each):{widths[1]}}  {contract.summary}")


@app.command("show")
def show(
    contract: Annotated[str, typer.Argument(help="Contract id.")],
    version: Annotated[str | None, typer.Option(help="Version; by default the present one.")] = None,
) -> None:
    """Print the schema of a contract as JSON."""
    import json  # noqa: PLC0415

    from ptycho_contracts.schema_files import load  # noqa: PLC0415

    try:
        schema = load(contract, version)
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    typer.echo(json.dumps(schema, indent=2, ensure_ascii=False))


@app.command("write")
def write(
    folder: Annotated[Path, _FOLDER] = Path("schemas"),
    unreleased: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Write the present version of this contract anew: no release contains it."),
    ] = None,
) -> None:
    """Write the schema of every contract version that has none yet, and lock it; a locked one is never changed."""
    from ptycho_contracts.schema_files import write_all  # noqa: PLC0415

    try:
        written = write_all(folder, unreleased or ())
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    except ValueError as error:  # a published version never changes
        typer.echo(f"ptycho: {error}", err=True)
        raise typer.Exit(1) from None
    for path in written:
        typer.echo(f"wrote {path}")


@app.command("check")
def check(folder: Annotated[Path, _FOLDER] = Path("schemas")) -> None:
    """Exit with 1 where declarations, schema files and their lock do not say the same."""
    from ptycho_contracts.schema_files import check_all  # noqa: PLC0415

    problems = check_all(folder)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("schemas, lock and contracts agree")
