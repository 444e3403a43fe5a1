"""`ptycho ptychovit infer PAIRS CHECKOUT --from RUN`: predict, and assemble what was predicted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail
from ptycho_runners.cli.ptychovit.common import (
    Checkout,
    Device,
    DeviceOption,
    DryRun,
    Normalization,
    Output,
    Python,
    Seed,
    Shown,
    Threads,
    Timeout,
    carry_out,
    outcome_lines,
)

if TYPE_CHECKING:
    from ptycho_runners.ptychovit.execute import RunRecord


def infer(
    pairs: Annotated[Path, typer.Argument(help="Folder of pairs, or the dp file of one pair.")],
    checkout: Checkout,
    *,
    source: Annotated[Path, typer.Option("--from", help="Run directory, or a state dict with its config.yaml.")],
    output: Output,
    checkpoint: Annotated[
        str | None, typer.Option(help="Instead of best_model.pth: a file of that run, or any path.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Config that the weights were trained with; by default that of the run.")
    ] = None,
    normalization: Normalization = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Patterns predicted at once.")] = 16,
    patches_only: Annotated[bool, typer.Option("--patches-only", help="Leave the patches unassembled.")] = False,
    python: Python = sys.executable,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
    seed: Seed = 0,
    timeout_s: Timeout = None,
    dry_run: DryRun = False,
    format: Shown = Format.TEXT,
) -> None:
    """Predict patches in a new run directory, and assemble <name>_recon.npz; the source run is only read."""
    from ptycho_runners.errors import RunError  # noqa: PLC0415
    from ptycho_runners.ptychovit.facts import dps_of  # noqa: PLC0415
    from ptycho_runners.ptychovit.found import BEST  # noqa: PLC0415
    from ptycho_runners.ptychovit.request import InferRequest  # noqa: PLC0415

    weights = _weights(source, checkpoint or BEST) if source.is_dir() or checkpoint else source
    try:
        request = InferRequest(
            checkout=checkout,
            python=python,
            runs_dir=output,
            pairs=tuple(dps_of(pairs)),
            checkpoint=weights,
            config=config or _config_of(source, weights),
            normalization=normalization,
            batch_size=batch_size,
            device=device.value,
            threads=threads,
            seed=seed,
            timeout_s=timeout_s,
        )
    except RunError as error:
        raise fail(error.findings) from None
    record = carry_out(request, dry_run=dry_run, format=format)
    if record is None:
        return
    recons = [] if patches_only else _assemble(record)
    if format is Format.JSON:
        typer.echo((record.run_dir / "manifest.json").read_text().rstrip())
    else:
        typer.echo("\n".join([*outcome_lines(record), *(f"wrote {path}" for path in recons)]))


def _weights(source: Path, checkpoint: str) -> Path:
    """A file of the source run, or of the folder that the source file lies in, or any other path."""
    folder = source if source.is_dir() else source.parent
    return folder / checkpoint if Path(checkpoint).name == checkpoint else Path(checkpoint)


def _config_of(source: Path, weights: Path) -> Path | None:
    """The source run's config for weights that lie elsewhere; None where it is beside them."""
    folder = source if source.is_dir() else source.parent
    return folder / "config.yaml" if weights.parent != folder else None


def _assemble(record: RunRecord) -> list[Path]:
    from ptycho_runners.ptychovit.reconstruct import Assembling, reconstruct  # noqa: PLC0415

    return list(reconstruct(record, Assembling()).values())
