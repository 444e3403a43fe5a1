"""`ptycho ptychovit finetune PAIRS CHECKOUT`: progressive unfreezing from trained weights, stage by stage."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail, misuse
from ptycho_runners.cli.ptychovit.common import (
    Checkout,
    Device,
    DeviceOption,
    DryRun,
    Launcher,
    Normalization,
    Overrides,
    Python,
    Seed,
    Shown,
    Threads,
    Timeout,
    event_line,
    parsed_overrides,
    short,
)

if TYPE_CHECKING:
    from ptycho_contracts.contracts.bridge_event import AnyEvent
    from ptycho_contracts.contracts.finetune_policy import FineTunePolicy
    from ptycho_contracts.contracts.finetune_record import FineTuneRecord, StageRecord
    from ptycho_runners.ptychovit.finetune.ledger import Ledger
    from ptycho_runners.ptychovit.request import TrainRequest


def finetune(
    pairs: Annotated[Path, typer.Argument(help="Folder of pairs to train on, or the dp file of one pair.")],
    checkout: Checkout,
    *,
    source: Annotated[
        Path, typer.Option("--from", help="Run directory whose best_model.pth, or a state dict, to start from.")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the runs; the record finetune<k>.json is written there.")],
    policy: Annotated[
        Path | None, typer.Option(help="Stages (contract `finetune-policy`); by default decoders, top blocks, all.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="dp file of the pair that pictures show; by default the first training pair.")
    ] = None,
    normalization: Normalization = None,
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
    new: Annotated[bool, typer.Option("--new", help="Begin afresh, whatever the same command did before.")] = False,
    dry_run: DryRun = False,
    format: Shown = Format.TEXT,
) -> None:
    """Fine-tune in stages. The same command goes on where an earlier one ended. Exit code 1 if a stage fails."""
    from pydantic import ValidationError  # noqa: PLC0415

    from ptycho_runners.errors import RunError  # noqa: PLC0415
    from ptycho_runners.ptychovit.finetune.stages import stage_options  # noqa: PLC0415
    from ptycho_runners.ptychovit.request import Launch, TrainRequest  # noqa: PLC0415

    try:
        asked = _policy(policy)
        base = TrainRequest(
            checkout=checkout,
            python=python,
            runs_dir=output,
            data_path=pairs,
            test_dp=test,
            normalization=normalization,
            options=stage_options(asked, asked.stages[0]),
            initial_weights=source / "best_model.pth" if source.is_dir() else source,
            overrides=parsed_overrides(overrides),
            device=device.value,
            threads=threads,
            seed=seed,
            launch=Launch(launcher=launcher.value, nproc_per_node=nproc_per_node),
            timeout_s=timeout_s,
        )
        (_plan if dry_run else _run)(asked, base, new, format)
    except ValidationError as error:
        raise misuse(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    except RunError as error:
        raise fail(error.findings) from None
    except KeyboardInterrupt:
        typer.echo("ptycho: interrupted; the same command goes on from the last finished epoch", err=True)
        raise typer.Exit(130) from None


def _policy(path: Path | None) -> FineTunePolicy:
    from ptycho_runners.ptychovit.finetune.policy_file import load_policy  # noqa: PLC0415
    from ptycho_runners.ptychovit.finetune.stages import DEFAULT_POLICY  # noqa: PLC0415

    return DEFAULT_POLICY if path is None else load_policy(path)


def _plan(policy: FineTunePolicy, base: TrainRequest, new: bool, format: Format) -> None:
    from ptycho_runners.ptychovit.finetune.run import plan_finetune  # noqa: PLC0415

    ledger = plan_finetune(policy, base, new=new).ledger()
    _print(ledger.record, format, _plan_lines(ledger))


def _run(policy: FineTunePolicy, base: TrainRequest, new: bool, format: Format) -> None:
    from ptycho_runners.ptychovit.finetune.run import fine_tune  # noqa: PLC0415

    if format is Format.JSON:
        done = fine_tune(policy, base, new=new)
    else:
        done = fine_tune(policy, base, new=new, on_event=_tell, say=typer.echo)
    _print(done.record, format, _outcome_lines(done.record, done.path))


def _tell(event: AnyEvent) -> None:
    line = event_line(event)
    if line is not None:
        typer.echo(f"  {line}")


def _print(record: FineTuneRecord, format: Format, lines: Iterator[str]) -> None:
    typer.echo(record.model_dump_json(indent=2) if format is Format.JSON else "\n".join(lines))


def _plan_lines(ledger: Ledger) -> Iterator[str]:
    from ptycho_runners.ptychovit.finetune.rule import epochs_in_words  # noqa: PLC0415

    record = ledger.record
    rule = record.policy.rule
    yield f"source   {record.source.path}"
    yield f"record   {ledger.path or 'a new one, named after the first run'}"
    yield (
        f"rule     if_justified: the last stage improved the validation loss by at least {rule.min_improvement:.2%}, "
        f"and at most {epochs_in_words(rule.patience)} followed its best one"
    )
    for stage, entry in zip(record.policy.stages, record.stages, strict=True):
        yield f"stage {stage.name}: {epochs_in_words(stage.epochs)}, when: {stage.when}; {entry.state}"
        yield f"  trains {', '.join(f'{part} at {rate:g}' for part, rate in entry.learning_rates.items())}"
        yield f"  frozen {', '.join(entry.frozen) or 'nothing'}"


def _outcome_lines(record: FineTuneRecord, path: Path) -> Iterator[str]:
    yield f"\n{'stage':16} {'state':9} {'run':7} {'epochs':>6} {'validation':>11}  decision"
    for stage in record.stages:
        cells = f"{stage.name:16} {stage.state:9} {stage.run or '–':7} {len(stage.validation_losses):6}"
        yield f"{cells} {short(stage.best_loss):>11}  {stage.reason}"
    if record.best is not None:
        yield f"best     {path.parent / record.best.path}, of stage {record.best.stage}"
    yield f"noise    {_noise(record.stages)}"
    yield f"record   {path}"


def _noise(stages: Sequence[StageRecord]) -> str:
    if all(stage.validation_seeded for stage in stages if stage.state == "complete"):
        return "the same in every validation: losses of epochs and stages can be compared"
    return "not proven the same in every validation: losses differ by chance, too"
