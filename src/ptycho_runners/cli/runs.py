"""`ptycho runs list|show`: which runs there are, where their weights came from, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, misuse

if TYPE_CHECKING:
    from ptycho_contracts.contracts.run_manifest import Attempt
    from ptycho_runners.lineage import Ancestor, RunDetails, RunSummary

app = typer.Typer(help="Run directories: state, lineage, and the way on.", no_args_is_help=True)
_FORMAT = typer.Option("--format", help="How to print it.")


@app.command("list")
def list_runs(
    folder: Annotated[Path, typer.Argument(help="Output of a study, or any folder with run<k> in it or below.")],
    format: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """Every run below a folder, a line each. Reads headers and loss histories only."""
    from ptycho_runners.lineage import find_runs, summarise  # noqa: PLC0415

    if not folder.is_dir():
        raise misuse(f"{folder} is no folder")
    summaries = [summarise(run) for run in find_runs(folder)]
    if format is Format.JSON:
        import json  # noqa: PLC0415

        typer.echo(json.dumps([each.model_dump(mode="json") for each in summaries], indent=2))
    else:
        typer.echo("\n".join(_table(summaries, folder.absolute())) if summaries else f"no run<k> below {folder}")


@app.command("show")
def show(
    run: Annotated[Path, typer.Argument(help="Run directory, run<k>.")],
    format: Annotated[Format, _FORMAT] = Format.TEXT,
) -> None:
    """All about one run. Reads the files of its manifest once, and says which are not what they were."""
    from ptycho_runners.lineage import details  # noqa: PLC0415
    from ptycho_runners.rundir import is_run  # noqa: PLC0415

    if not is_run(run.absolute()):
        raise misuse(f"{run} is no run directory, run<k>")
    found = details(run)
    typer.echo(found.model_dump_json(indent=2) if format is Format.JSON else "\n".join(_lines(found)))


def _table(summaries: list[RunSummary], base: Path) -> Iterator[str]:
    rows = [["run", "kind", "state", "epochs", "best loss", "seconds", "weights from"]]
    rows += [_row(each, base) for each in summaries]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(each: RunSummary, base: Path) -> list[str]:
    kind = (each.kind or "unknown").removeprefix("ptychovit-")
    best, seconds = each.best_validation_loss, each.seconds
    return [
        _near(each.run, base),
        kind,
        each.state,
        f"{_known(each.epochs_done)}/{_known(each.epochs_planned)}" if kind != "infer" else "–",
        "–" if best is None else f"{best:.4g}",
        "–" if seconds is None else f"{seconds:.1f}",
        _source(each, base),
    ]


def _source(each: RunSummary, base: Path) -> str:
    origin = each.origin
    if origin is None:
        return "scratch" if each.kind == "ptychovit-train" else "unknown"
    if origin.relation == "resumed":
        return "unknown"
    where = Path(origin.checkpoint.path).name if origin.run else origin.checkpoint.path
    return f"{_near(origin.run, base)}/{where}" if origin.run else where


def _near(path: str, base: Path) -> str:
    """A path as seen from a folder, where it lies below."""
    return str(Path(path).relative_to(base)) if Path(path).is_relative_to(base) and Path(path) != base else path


def _known(value: int | None) -> str:
    return "–" if value is None else str(value)


def _lines(found: RunDetails) -> Iterator[str]:
    summary = found.summary
    yield f"{summary.run}"
    yield f"  kind     {summary.kind or 'unknown: begun without ptycho'}"
    yield f"  state    {summary.state}"
    if summary.kind != "ptychovit-infer":
        yield f"  epochs   {_known(summary.epochs_done)} of {_known(summary.epochs_planned)}"
        best = summary.best_validation_loss
        yield f"  best     {'unknown' if best is None else f'{best:.6g}'} (validation loss)"
    yield from _attempt_lines(found.attempts)
    yield from _lineage_lines(found)
    for title, files in (("read", found.inputs), ("wrote", found.outputs)):
        yield from (f"  {title:8} {each.state:8} {each.path} ({each.role})" for each in files)
    if found.manifest is not None:
        for decision in found.manifest.decisions:
            yield f"  {decision.about}: {decision.choice}"
            yield f"    because {decision.reason}"
        yield from (f"  {each.code} {each.location}: {each.message}" for each in found.manifest.findings)
    yield f"  next     {found.way_on}"


def _attempt_lines(attempts: tuple[Attempt, ...]) -> Iterator[str]:
    for each in attempts:
        began = f"{each.started:%Y-%m-%d %H:%M:%S}"
        yield f"  process  {began}, from epoch {each.first_epoch + 1} on, {each.seconds:.1f} s, {each.outcome}"


def _lineage_lines(found: RunDetails) -> Iterator[str]:
    for each in found.lineage:
        yield f"  weights  {_step(each)}"
    if found.complete:
        yield "  weights  from scratch" if not found.lineage else "  weights  which began from scratch"
    elif not found.lineage or found.lineage[-1].run is not None:
        yield "  weights  from there on unknown" if found.lineage else "  weights  unknown"


def _step(each: Ancestor) -> str:
    where = each.checkpoint if each.run is None else f"{each.run}/{Path(each.checkpoint).name}"
    epoch = "" if each.epoch is None else f", epoch {each.epoch}"
    state = "" if each.state == "ok" else f", {each.state} since"
    return f"{each.relation} from {where}{epoch}{state}"
