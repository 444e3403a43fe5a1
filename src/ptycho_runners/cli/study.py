"""`ptycho study run STUDY.yaml`: data, arms, one evaluation, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ptycho_runners.studies.run import Planned, StudyOutcome

app = typer.Typer(help="Studies: explicitly selected arms, compared once, in object space.", no_args_is_help=True)
_SHOWN = ("pearson", "ssim", "ms_ssim", "psnr", "mae", "frc50")


@app.callback()
def _group() -> None:
    """Keep `study` a group while it has one member."""


@app.command("run")
def run(
    study: Annotated[Path, typer.Argument(help="The study file (contract `study`).")],
    output: Annotated[Path, typer.Option(help="Folder for everything the study makes.")],
    models: Annotated[str | None, typer.Option(help="Ids of arms, separated by commas; by default all.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan with its reasons; run nothing.")] = False,
) -> None:
    """Run the selected arms and compare them. Exit code 1 if one fails; the others keep their results."""
    from ptycho_adapters.codec import ConversionError  # noqa: PLC0415
    from ptycho_runners.errors import RunError  # noqa: PLC0415
    from ptycho_runners.studies.run import plan_study, run_study  # noqa: PLC0415

    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    try:
        if dry_run:
            typer.echo(_plan(plan_study(study, output, names)))
            return
        outcome = run_study(study, output, names, say=typer.echo)
    except (RunError, ConversionError) as error:
        raise fail(error.findings) from None
    except KeyboardInterrupt:
        typer.echo("ptycho: interrupted; finished arms are kept, and the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    typer.echo(_summary(outcome))
    if not outcome.ok:
        raise typer.Exit(1)


def _plan(planned: list[Planned]) -> str:
    lines = []
    for each in planned:
        lines.append(f"arm {each.entry.id} ({each.entry.runs}, N = {each.entry.n})")
        lines += [f"  {d.about}: {d.choice}\n    because {d.reason}" for d in each.decisions]
        lines += [f"  writes {path}" for path in (each.request.folders.interop, each.request.folders.runs)]
        lines.append(f"  writes {each.request.folders.recon / 'recon.npz'}")
    return "\n".join(lines)


def _summary(outcome: StudyOutcome) -> str:
    """The metrics table, and where to look."""
    lines = ["", f"{'amplitude / phase':20} " + " ".join(f"{name:>17}" for name in _SHOWN)]
    for arm, entry in outcome.metrics.items():
        if "error" in entry:
            lines.append(f"{arm:20} failed: {entry['error']}")
            continue
        cells = ["{} / {}".format(*(_short(v) for v in entry["metrics"][name])) for name in _SHOWN]
        lines.append(f"{arm:20} " + " ".join(f"{cell:>17}" for cell in cells))
    return "\n".join([*lines, "", *(f"{what:12} {where}" for what, where in _places(outcome))])


def _places(outcome: StudyOutcome) -> Iterator[tuple[str, str]]:
    """What this run left, and where; a precomputed arm has no logs, a study without numbers no pictures."""
    from ptycho_runners.rundir import runs  # noqa: PLC0415

    layout = outcome.layout
    if outcome.pictures:
        yield "look at", str(_near(layout.comparison))
        yield "per arm", str(_near(layout.picture("<arm>")))
    yield "metrics", str(_near(layout.metrics))
    yield "manifest", str(_near(layout.manifest))
    if any(runs(layout.folders(arm).runs) for arm in outcome.metrics):
        yield "logs", f"{_near(layout.folders('<arm>').runs)}/run<k>/stdout.log, stderr.log"


def _near(path: Path) -> Path:
    """The path as seen from here, where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
