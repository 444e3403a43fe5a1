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
    """Print the headers: members, dtypes, shapes, attributes, storage. Reads no array data."""
    from ptycho_contracts import SourceError  # noqa: PLC0415
    from ptycho_contracts.listing import listing  # noqa: PLC0415
    from ptycho_contracts.opening import describe as read_headers  # noqa: PLC0415

    try:
        description = read_headers(path)
    except SourceError as error:
        raise fail(error.findings) from None
    if format is Format.JSON:
        typer.echo(description.model_dump_json(indent=2))
    else:
        typer.echo("\n".join(listing(description)))
