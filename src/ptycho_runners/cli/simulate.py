"""`ptycho simulate grid-lines`: splits with a known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import fail, misuse

app = typer.Typer(help="Simulated data with a known truth.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `simulate` a group while it has one member."""


@app.command("grid-lines")
def grid_lines(
    out: Annotated[Path, typer.Option(help="Folder for train.npz and test.npz.")],
    n: Annotated[int, typer.Option(help="Detector size in pixels, even.")] = 256,
    object_size_px: Annotated[int, typer.Option(help="Side of the objects.")] = 360,
    step_px: Annotated[int, typer.Option(help="Distance of neighbouring scan positions.")] = 20,
    train_objects: Annotated[int, typer.Option(help="Objects of the train split.")] = 2,
    photons: Annotated[float, typer.Option(help="Mean count of a pattern.")] = 1e6,
    seed: Annotated[int, typer.Option(help="Objects and noise; the same seed gives the same files.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace files that exist.")] = False,
) -> None:
    """Random-line objects scanned on a grid, as PtychoPINN's grid-lines splits (patterns in honest order)."""
    from ptycho_adapters.simulate.grid_lines import FILES, GridLinesSettings, write_grid_lines  # noqa: PLC0415
    from ptycho_contracts.engine_codes import OUTPUT_EXISTS  # noqa: PLC0415
    from ptycho_contracts.finding import finding  # noqa: PLC0415

    try:
        settings = GridLinesSettings(
            N=n, size=object_size_px, step_px=step_px, n_train_objects=train_objects, photons=photons, seed=seed
        )
    except ValueError as error:
        raise misuse(str(error)) from None
    existing = [name for name in FILES if (out / name).exists() and not overwrite]
    if existing:
        raise fail(
            [finding(OUTPUT_EXISTS, "file:/", f"{out} already holds {' and '.join(existing)}", expected="neither")]
        )
    for path in write_grid_lines(out, settings):
        typer.echo(f"wrote {path}")
