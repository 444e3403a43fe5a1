"""`ptycho describe PATH`: what a file's headers say, without its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import Format, fail


def describe(
    path: Annotated[Path, typer.Argument(help="A file, either half of a pair, or a run directory.")],
    format: Annotated[Format, typer.Option(help="text, or the JSON that the schemas validate.")] = Format.TEXT,
) -> None:
    """Print the headers: members, dtypes, shapes, attributes, storage. Reads no array data.

    Exit code 1 if a file that belongs to it is missing or cannot be read; the others are described all the same.
    """
    from ptycho_contracts.codes import Severity  # noqa: PLC0415
    from ptycho_contracts.listing import listing  # noqa: PLC0415
    from ptycho_contracts.opening import headers  # noqa: PLC0415

    description, findings, _ = headers(path)
    if description is not None and format is Format.JSON:
        typer.echo(description.model_dump_json(indent=2))
    elif description is not None:
        typer.echo("\n".join(listing(description)))
    told = fail(findings)
    if any(found.severity is Severity.ERROR for found in findings):
        raise told
