"""`ptycho ptychovit resume RUN`: go on with a run from its last finished epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import Format
from ptycho_runners.cli.ptychovit.common import (
    Device,
    DryRun,
    Overrides,
    Shown,
    Threads,
    Timeout,
    carry_out,
    outcome_lines,
    parsed_overrides,
)


def resume(
    run: Annotated[Path, typer.Argument(help="Run directory, run<k>.")],
    *,
    epochs: Annotated[int | None, typer.Option(min=1, help="New total; by default what the run was to do.")] = None,
    checkout: Annotated[
        str | None, typer.Option(help="By default the run's own; needed where it was begun without ptycho.")
    ] = None,
    overrides: Overrides = None,
    python: Annotated[str | None, typer.Option(help="The checkout's interpreter; by default the run's own.")] = None,
    device: Annotated[Device | None, typer.Option(help="By default as before.")] = None,
    threads: Threads = None,
    timeout_s: Timeout = None,
    dry_run: DryRun = False,
    format: Shown = Format.TEXT,
) -> None:
    """Go on in the run's own directory: same optimizer, same history, no epoch twice, on the same data."""
    from ptycho_runners.ptychovit.finishing import MESSAGE, missing_end  # noqa: PLC0415
    from ptycho_runners.ptychovit.found import look_at_run  # noqa: PLC0415
    from ptycho_runners.ptychovit.request import ResumeRequest  # noqa: PLC0415

    request = ResumeRequest(
        run=run,
        epochs=epochs,
        checkout=checkout,
        overrides=parsed_overrides(overrides),
        python=python,
        device=None if device is None else device.value,
        threads=threads,
        timeout_s=timeout_s,
    )
    if dry_run and (end := missing_end(request, look_at_run(run))) is not None:
        typer.echo(f"nothing is left to train in {end.run_dir}: {MESSAGE}")
        return
    record = carry_out(request, dry_run=dry_run, format=format)
    if record is not None:
        text = "\n".join(outcome_lines(record))
        typer.echo(record.manifest.model_dump_json(indent=2) if format is Format.JSON else text)
