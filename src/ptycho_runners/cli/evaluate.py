"""`ptycho evaluate RECON TRUTH`: metrics of one reconstruction."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail

if TYPE_CHECKING:
    from ptycho_adapters.evaluation.evaluate import Evaluation


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
    grid: Annotated[GridOption, typer.Option(help="256: the canonical grid; native: the truth's own pixels.")] = (
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

    try:
        fields = [read_recon(path).for_evaluation() for path in (recon, truth)]
        done = score(fields[0], fields[1], grid=grid.value, profile=profile.value, phase_align=phase_align.value)
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
