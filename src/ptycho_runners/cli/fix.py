"""`ptycho fix SRC FOLDER`: what is safe and proven is repaired in a copy; the source is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_contracts.codes import Severity
from ptycho_runners.cli.output import Format, fail, misuse

if TYPE_CHECKING:
    from ptycho_adapters.fix.run import Fixed


def fix(
    source: Annotated[Path, typer.Argument(help="Any file of the artifact; it is never changed.")],
    folder: Annotated[Path, typer.Argument(help="Where the repaired copy and its record go.")],
    contract: Annotated[str | None, typer.Option(help="Contract id; by default what the members look like.")] = None,
    physics: Annotated[
        bool, typer.Option(help="Ask the forward model, and repair what it proves on every pattern.")
    ] = True,
    overwrite: Annotated[bool, typer.Option(help="Replace files of the folder.")] = False,
    format: Annotated[Format, typer.Option(help="How to print the result.")] = Format.TEXT,
) -> None:
    """Repair what is safe: attributes that follow from others, axes of length 1, element types, and what is proven.

    Writes a new file and a record of what was done (as JSON: the record, or the report where nothing was). Exit code 1
    if errors are left.
    """
    from ptycho_adapters.codec import ConversionError  # noqa: PLC0415
    from ptycho_adapters.fix.run import fix as run  # noqa: PLC0415

    try:
        done = run(source, folder, contract=contract, physics=physics, overwrite=overwrite)
    except ConversionError as error:
        raise fail(error.findings) from None
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    if format is Format.JSON:
        typer.echo((done.after if done.record is None else done.record).model_dump_json(indent=2))
    else:
        typer.echo("\n".join(_lines(done, source)))
    if not done.after.ok:
        raise typer.Exit(1)


def _lines(done: Fixed, source: Path) -> list[str]:
    if done.record is None:
        seen = [f for f in done.after.findings if f.severity is not Severity.HINT]
        left = [f"left: {f.severity.upper()} {f.code} {f.location}: {f.message}" for f in seen]
        return [
            f"{source}: nothing to repair" if done.after.ok else f"{source}: nothing that can be repaired safely",
            *left,
        ]
    lines = []
    for item in done.record.fixed:
        lines.append(f"fixed {' '.join(item.codes)} {item.location}".replace("  ", " "))
        lines.append(f"  {item.what} ({item.why})")
    lines += [f"wrote {path}" for path in done.files.values()]
    lines.append(f"record {done.record_path}")
    lines += [f"left: {f.severity.upper()} {f.code} {f.location}: {f.message}" for f in done.record.remaining]
    return lines
