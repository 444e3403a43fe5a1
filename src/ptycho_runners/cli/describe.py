"""`ptycho describe PATH`: what a file's headers say, without its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ptycho_contracts.description import Description, FileInfo


def describe(
    path: Annotated[Path, typer.Argument(help="A file, either half of a pair, or a run directory.")],
    format: Annotated[Format, typer.Option(help="text, or the JSON that the schemas validate.")] = Format.TEXT,
) -> None:
    """Print the headers: members, dtypes, shapes, attributes, storage. Reads no array data."""
    from ptycho_contracts import SourceError  # noqa: PLC0415
    from ptycho_contracts.opening import describe as read_headers  # noqa: PLC0415

    try:
        description = read_headers(path)
    except SourceError as error:
        raise fail(error.findings) from None
    if format is Format.JSON:
        typer.echo(description.model_dump_json(indent=2))
    else:
        typer.echo("\n".join(_lines(description)))


def _lines(description: Description) -> Iterator[str]:
    for role, info in description.files.items():
        yield f"{role}: {info.path} ({info.container})"
        yield from _attributes(info)
        for path, member in sorted(info.members.items()):
            shape = ", ".join(str(size) for size in member.shape)
            value = "" if member.value is None else f" = {member.value}"
            yield f"  /{path}  {member.dtype} ({shape}){value}"
            for name, attribute in sorted(member.attributes.items()):
                yield f"    @{name} = {attribute.value}"
    for role in description.documents:
        yield f"{role}: a document"


def _attributes(info: FileInfo) -> Iterator[str]:
    for name, attribute in sorted(info.attributes.items()):
        yield f"  @{name} = {attribute.value}"
