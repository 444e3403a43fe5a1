"""`ptycho validate PATH…`: every finding about each artifact, at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import Format, misuse


class DepthOption(StrEnum):
    """How deep to look."""

    HEADER = "header"
    DATA = "data"
    PHYSICS = "physics"


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Files, halves of pairs, or run directories.")],
    contract: Annotated[str | None, typer.Option(help="Contract id; by default what the members look like.")] = None,
    depth: Annotated[
        DepthOption,
        typer.Option(help="header: no array data; data: one pass; physics: does the forward model explain it?"),
    ] = DepthOption.HEADER,
    format: Annotated[Format, typer.Option(help="How to print the report.")] = Format.TEXT,
) -> None:
    """Check artifacts against their contracts. Exit code 1 if any has an error."""
    from ptycho_contracts.locate import artifacts_of  # noqa: PLC0415
    from ptycho_contracts.validation import validate as examine  # noqa: PLC0415

    try:
        reports = [examine(p, contract, depth.value) for p in (paths if contract else artifacts_of(paths))]
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    if format is Format.JSON:
        from ptycho_contracts.render.json import render_json  # noqa: PLC0415

        typer.echo(render_json(reports))
    else:
        from ptycho_contracts.render.text import render_text  # noqa: PLC0415

        typer.echo(render_text(reports))
    if not all(report.ok for report in reports):
        raise typer.Exit(1)
