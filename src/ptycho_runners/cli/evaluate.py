"""`ptycho evaluate RECON TRUTH`: metrics of one reconstruction."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail, misuse

if TYPE_CHECKING:
    from ptycho_adapters.evaluation.evaluate import Evaluation, Reconstruction, Region


class GridOption(StrEnum):
    """Where metrics are computed."""

    NATIVE = "native"
    CANONICAL = "256"


class ProfileOption(StrEnum):
    """Which definitions."""

    STANDARD = "standard"
    PTYCHOPINN_1 = "ptychopinn-1"


class PhaseOption(StrEnum):
    """What the profile ptychopinn-1 removes from phases."""

    PLANE = "plane"
    MEAN = "mean"


def evaluate(
    recon: Annotated[Path, typer.Argument(help="recon.npz of a reconstruction.")],
    truth: Annotated[Path, typer.Argument(help="recon.npz of the truth.")],
    region: Annotated[
        str | None,
        typer.Option(metavar="Y,X,HEIGHT,WIDTH", help="What to compare, in object pixels; by default the whole truth."),
    ] = None,
    grid: Annotated[GridOption, typer.Option(help="256: the canonical grid; native: the region's own pixels.")] = (
        GridOption.CANONICAL
    ),
    profile: Annotated[ProfileOption, typer.Option(help="Which definitions.")] = ProfileOption.STANDARD,
    phase_align: Annotated[PhaseOption, typer.Option(help="ptychopinn-1 only.")] = PhaseOption.PLANE,
    format: Annotated[Format, typer.Option(help="How to print the numbers.")] = Format.TEXT,
) -> None:
    """Score a reconstruction against the truth, each number as amplitude and phase."""
    from ptycho_adapters.codec import ConversionError  # noqa: PLC0415
    from ptycho_adapters.evaluation.errors import EvaluationError  # noqa: PLC0415
    from ptycho_adapters.evaluation.evaluate import evaluate as score  # noqa: PLC0415
    from ptycho_adapters.recon import read_recon  # noqa: PLC0415

    asked = None if region is None else _region(region)
    try:
        fields = [read_recon(path).for_evaluation() for path in (recon, truth)]
        if asked is not None:
            _check_inside(asked, fields[1])
        done = score(fields[0], fields[1], asked, grid=grid.value, profile=profile.value, phase_align=phase_align.value)
    except ConversionError as error:
        raise fail(error.findings) from None
    except (EvaluationError, ImportError) as error:
        typer.echo(f"ptycho: {error}", err=True)
        raise typer.Exit(1) from None
    if format is Format.JSON:
        import json  # noqa: PLC0415

        typer.echo(json.dumps(done.to_dict(), indent=2, allow_nan=False))
    else:
        typer.echo(_text(done))


def _region(text: str) -> Region:
    """The region of `Y,X,HEIGHT,WIDTH`; anything else is misuse."""
    from ptycho_adapters.evaluation.errors import EvaluationError  # noqa: PLC0415
    from ptycho_adapters.evaluation.evaluate import Region  # noqa: PLC0415

    try:
        y, x, height, width = (int(part) for part in text.split(","))
        return Region(y, x, height, width)
    except EvaluationError as error:
        raise misuse(f"--region: {error}") from None
    except ValueError:
        raise misuse(f"--region is four whole numbers Y,X,HEIGHT,WIDTH, not {text!r}") from None


def _check_inside(region: Region, truth: Reconstruction) -> None:
    """Refuse a region with pixels outside the truth, which nothing could be compared with."""
    y, x = truth.origin_px or (0.0, 0.0)
    height, width = truth.shape
    rows = y <= region.y and region.y + region.height <= y + height
    columns = x <= region.x and region.x + region.width <= x + width
    if not (rows and columns):
        raise misuse(f"--region leaves the truth, {height} × {width} pixels from ({y:g}, {x:g}) on")


def _text(done: Evaluation) -> str:
    lines = [f"{'':12} {'amplitude':>12} {'phase':>12}"]
    for name, pair in done.metrics.items():
        if not isinstance(pair[0], list) and not isinstance(pair[1], list):
            cells = ["–" if value is None else f"{value:.6g}" for value in pair]
            lines.append(f"{name:12} {cells[0]:>12} {cells[1]:>12}")
    record = done.evaluation
    lines.append(f"{record.profile}, {record.grid_shape[0]}×{record.grid_shape[1]} pixels, ")
    lines[-1] += f"{record.uncovered_share:.1%} of the region not covered, origin {record.origin_source}"
    lines += [f"{name}: {reason}" for name, reason in done.reasons.items()]
    return "\n".join(lines)
