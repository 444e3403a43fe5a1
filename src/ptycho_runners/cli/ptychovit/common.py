"""What the commands that start a process share: options, the plan as text, progress, and the ways it can end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ptycho_runners.cli.output import Format, fail, misuse

if TYPE_CHECKING:
    from ptycho_contracts.contracts.bridge_event import AnyEvent
    from ptycho_runners.ptychovit.execute import Request, RunRecord
    from ptycho_runners.ptychovit.plan import Plan


class Device(StrEnum):
    """Where the checkout computes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Launcher(StrEnum):
    """Who starts the checkout's processes."""

    PYTHON = "python"
    TORCHRUN = "torchrun"


Checkout = Annotated[str, typer.Argument(help="Folder of a flat checkout, or `reference` for the bundled one.")]
Output = Annotated[Path, typer.Option(help="Folder in which the next run<k> is made.")]
Normalization = Annotated[
    Path | None, typer.Option(help="Pickle of maxima; by default normalization.pkl beside the pairs, or computed.")
]
Python = Annotated[str, typer.Option(help="The checkout's interpreter.", show_default="the one that runs ptycho")]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto: the GPU where torch sees one.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; by default as torch decides.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of split, noise and shuffling.")]
Timeout = Annotated[float | None, typer.Option("--timeout-s", min=1, help="Limit of the process in seconds.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of config.yaml, such as training.mode=diffraction; again."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with its reasons; run nothing.")]
Shown = Annotated[Format, typer.Option("--format", help="How to print the plan, or the outcome.")]


def parsed_overrides(texts: list[str] | None) -> dict[str, Any]:
    """Keys and values of `--set`, the values as YAML has them."""
    import yaml  # noqa: PLC0415

    found = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise misuse(f"--set is KEY=VALUE, not {text!r}")
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise misuse(f"--set {name}: {value!r} is no YAML value") from None
    return found


def carry_out(request: Request, *, dry_run: bool, format: Format) -> RunRecord | None:
    """Print the plan, or run it and tell how it goes; None after a plan.

    Raises:
        typer.Exit: 1 for a refusal or a failed run, 130 after Ctrl-C.
    """
    from ptycho_runners.errors import RunError  # noqa: PLC0415
    from ptycho_runners.ptychovit.execute import perform, plan_of  # noqa: PLC0415

    teller = Teller(quiet=format is Format.JSON)
    try:
        if dry_run:
            plan = plan_of(request)
            typer.echo(plan.model_dump_json(indent=2) if format is Format.JSON else "\n".join(plan_lines(plan)))
            return None
        return perform(request, teller)
    except RunError as error:
        raise fail(error.findings) from None
    except KeyboardInterrupt:
        typer.echo(f"ptycho: interrupted; {teller.way_on}", err=True)
        raise typer.Exit(130) from None


class Teller:
    """Turns the bridge's events into lines, and remembers from which run one could go on.

    Args:
        quiet: say nothing, because the output is JSON.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.way_on = "no epoch was finished, so the same command starts anew"

    def __call__(self, event: AnyEvent) -> None:
        """Take one event."""
        if event.event == "checkpoint_written":
            self.way_on = f"it goes on with `ptycho ptychovit resume {shlex.quote(str(Path(event.path).parent))}`"
        line = event_line(event)
        if line is not None and not self.quiet:
            typer.echo(line)


def event_line(event: AnyEvent) -> str | None:
    """An event as a line for the user; None for those that only programs need."""
    if event.event == "run_start":
        return f"started on {event.device}"
    if event.event == "epoch_end":
        losses = f"loss {short(event.train_loss)}, validation {short(event.validation_loss)}"
        return f"epoch {event.epoch + 1}: {losses} ({event.seconds:.1f} s)"
    if event.event == "pair_inferred":
        return f"predicted {event.patterns} patterns of {event.name} ({event.seconds:.1f} s)"
    return f"warning: {event.message}" if event.event == "warning" else None


def plan_lines(plan: Plan) -> Iterator[str]:
    """What would be done, and why."""
    yield f"{plan.kind} in {plan.run_dir}"
    yield f"  command {shlex.join(plan.command.argv)}"
    yield f"  in      {plan.command.cwd}"
    for name, value in plan.command.env.items():
        yield f"  with    {name}={value}"
    yield f"  code    {plan.code.name}, commit {plan.code.commit or 'unknown'}, sources {plan.code.sha256[:12]}"
    for each in plan.decisions:
        yield f"  {each.about}: {each.choice}"
        yield f"    because {each.reason}"
    read = {path: role for role, path in reversed(plan.inputs) if not path.is_relative_to(plan.run_dir)}
    yield from (f"  reads   {path} ({role})" for path, role in reversed(read.items()))
    yield from (f"  writes  {plan.run_dir / name}" for name in plan.promises)


def short(loss: float | None) -> str:
    """A loss as a user reads it."""
    return "–" if loss is None else f"{loss:.4g}"


def outcome_lines(record: RunRecord) -> Iterator[str]:
    """What a run left."""
    losses, counts = record.result.losses, record.result.counts
    if record.manifest.kind == "ptychovit-train":
        yield f"best validation loss {short(losses.best_validation)} after {counts.epochs} epochs of this process"
    yield from (f"wrote {path}" for path in record.outputs.values())
    yield f"manifest {record.run_dir / 'manifest.json'} ({record.manifest.seconds:.1f} s in all)"
