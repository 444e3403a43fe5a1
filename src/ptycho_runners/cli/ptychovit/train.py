"""`ptycho ptychovit train PAIRS CHECKOUT`: the checkout's own training, in a run directory of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ptycho_runners.cli.output import Format, misuse
from ptycho_runners.cli.ptychovit.common import (
    Checkout,
    Device,
    DeviceOption,
    DryRun,
    Launcher,
    Normalization,
    Output,
    Overrides,
    Python,
    Seed,
    Shown,
    Threads,
    Timeout,
    carry_out,
    outcome_lines,
    parsed_overrides,
)


def train(
    pairs: Annotated[Path, typer.Argument(help="Folder of pairs to train on, or the dp file of one pair.")],
    checkout: Checkout,
    *,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")],
    output: Output,
    test: Annotated[
        Path | None, typer.Option(help="dp file of the pair that pictures show; by default the first training pair.")
    ] = None,
    normalization: Normalization = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Patterns per step.")] = 16,
    learning_rate: Annotated[float, typer.Option(help="Of every component without a rate of its own.")] = 1e-4,
    encoder_lr: Annotated[float | None, typer.Option(help="Rate of the encoder.")] = None,
    amp_decoder_lr: Annotated[float | None, typer.Option(help="Rate of the amplitude decoder.")] = None,
    ph_decoder_lr: Annotated[float | None, typer.Option(help="Rate of the phase decoder.")] = None,
    train_split: Annotated[float, typer.Option(help="Share of the patterns that is trained on.")] = 0.9,
    overrides: Overrides = None,
    python: Python = sys.executable,
    device: DeviceOption = Device.AUTO,
    threads: Threads = None,
    seed: Seed = 0,
    launcher: Annotated[
        Launcher, typer.Option(help="torchrun: the checkout's own distributed training, one process for each GPU.")
    ] = Launcher.PYTHON,
    nproc_per_node: Annotated[int, typer.Option(min=1, help="Processes of torchrun.")] = 1,
    timeout_s: Timeout = None,
    dry_run: DryRun = False,
    format: Shown = Format.TEXT,
) -> None:
    """Train from scratch. A killed training goes on with `ptycho ptychovit resume RUN`."""
    from pydantic import ValidationError  # noqa: PLC0415

    from ptycho_runners.ptychovit.request import Launch, TrainOptions, TrainRequest  # noqa: PLC0415

    try:
        request = TrainRequest(
            checkout=checkout,
            python=python,
            runs_dir=output,
            data_path=pairs,
            test_dp=test,
            normalization=normalization,
            options=TrainOptions(
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                encoder_lr=encoder_lr,
                amp_decoder_lr=amp_decoder_lr,
                ph_decoder_lr=ph_decoder_lr,
                train_split=train_split,
            ),
            overrides=parsed_overrides(overrides),
            device=device.value,
            threads=threads,
            seed=seed,
            launch=Launch(launcher=launcher.value, nproc_per_node=nproc_per_node),
            timeout_s=timeout_s,
        )
    except ValidationError as error:
        raise misuse(_first(error.errors()[0]["loc"], error.errors()[0]["msg"])) from None
    record = carry_out(request, dry_run=dry_run, format=format)
    if record is not None:
        text = "\n".join(outcome_lines(record))
        typer.echo(record.manifest.model_dump_json(indent=2) if format is Format.JSON else text)


def _first(place: tuple[int | str, ...], message: str) -> str:
    """The first thing that is wrong with the options."""
    name = "--" + str(place[-1]).replace("_", "-") if place else "the options"
    return f"{name}: {message.removeprefix('Value error, ')}"
