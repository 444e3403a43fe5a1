"""`ptycho diagnose FILE`: which conventions explain the patterns of this file?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail, misuse, progress_bar

if TYPE_CHECKING:
    from ptycho_adapters.diagnosis import Diagnosed
    from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis
    from ptycho_contracts.physics.diagnosis.result import Diagnosis

# A reading that leaves this much more unexplained than the best can be told from it by eye.
VISIBLY = 1.1


def diagnose(
    source: Annotated[Path, typer.Argument(help="Any file of the artifact; it is taken as it lies.")],
    frame: Annotated[str | None, typer.Option(help="Origin that positions in metres are said to have.")] = None,
    object: Annotated[int, typer.Option(help="Which object, where the file holds several; from 0.")] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="A PNG: measured, predicted and difference; best, as stated, runner-up.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print the result.")] = Format.TEXT,
) -> None:
    """Rank the conventions that explain the patterns, and name the command that repairs the file.

    With object and probe stored every usual mistake, and every two of different kinds, is modelled exactly. Without an
    object overlapping patterns under a short reconstruction decide what they can. Exit code 1 where the file is
    mistaken or nothing explains it; 0 where it is right, or where the data cannot tell.
    """
    from ptycho_adapters.codec import ConversionError, OptionError, ReadOptions  # noqa: PLC0415
    from ptycho_adapters.diagnosis import diagnosed  # noqa: PLC0415

    if picture is not None and picture.exists() and not _is_png(picture):
        raise misuse(f"{picture} is there and is no PNG; name another file for the picture")

    try:
        with (
            progress_bar() as progress,
            diagnosed(source, ReadOptions(frame=frame, progress=progress), object) as found,
        ):
            drawn = _draw(found, picture) if picture is not None else None
            diagnosis = found.diagnosis
    except ConversionError as error:
        raise fail(error.findings) from None
    except (KeyError, OptionError) as error:
        raise misuse(str(error.args[0])) from None
    if format is Format.JSON:
        typer.echo(diagnosis.model_dump_json(indent=2))
    else:
        typer.echo("\n".join([*_lines(source, diagnosis), *([drawn] if drawn else [])]))
    if diagnosis.verdict in ("mistaken", "unexplained"):
        raise typer.Exit(1)


def _is_png(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8) == b"\x89PNG\r\n\x1a\n"


def _lines(source: Path, diagnosis: Diagnosis) -> Iterator[str]:
    yield f"{source}: {diagnosis.verdict} (by {diagnosis.method}, {diagnosis.patterns} patterns)"
    if diagnosis.verdict == "mistaken":
        for change in diagnosis.changes or ():
            yield f"  {change.slug}: {change.meaning}  [{change.code.id}]"
    for text in diagnosis.notes:
        yield f"  note: {text}"
    for text in diagnosis.undecided:
        yield f"  open: {text}"
    if diagnosis.ranked:
        yield "  ranked   unexplained   behind the best   reading"
    for rank, candidate in enumerate(diagnosis.ranked, 1):
        # The first is the simplest of those that are not surely worse than the best, so it may be a little behind.
        behind = f"{candidate.behind_best_t:.1f} σ" if candidate.behind_best_t else "–"
        named = " + ".join(candidate.changes) or "as stated"
        yield f"  {rank:<6}   {candidate.mean_residual:<11.4%}   {behind:<15}   {named}"
    if diagnosis.repair:
        yield f"  repair: {diagnosis.repair}"


def _draw(found: Diagnosed, path: Path) -> str:
    """Draw what there is to draw; says in a line where, or why not."""
    import numpy as np  # noqa: PLC0415

    from ptycho_contracts.physics.diagnosis.side_by_side import side_by_side  # noqa: PLC0415
    from ptycho_runners.diagnosis_picture import SHOWN_PATTERNS, Column, draw  # noqa: PLC0415

    if found.subject is None or found.judged is None:
        return f"no picture: {path} would show predictions, and without object and probe there are none"
    count = found.diagnosis.patterns
    rows = np.unique(np.linspace(0, count - 1, min(SHOWN_PATTERNS, count)).astype(np.intp))
    columns = [Column(role, name, side_by_side(found.subject, read, rows)) for role, name, read in _shown(found)]
    try:
        draw(path, rows.tolist(), columns)
    except ImportError:
        raise misuse("--picture needs matplotlib: pip install 'ptycho-contracts[plots]'") from None
    return f"  picture: {path}"


def _shown(found: Diagnosed) -> Iterator[tuple[str, str, Hypothesis]]:
    """The best reading, the file as it states itself where that is another, and the first other that looks different.

    What explains as much as the best says nearly the same.
    """
    from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis, Values  # noqa: PLC0415

    assert found.subject is not None  # `_draw` has seen to both
    assert found.judged is not None
    named = [
        (" + ".join(told.changes) or "as stated", read, told.mean_residual)
        for told, read in zip(found.diagnosis.ranked, found.judged.hypotheses, strict=True)
    ]
    stated = Hypothesis(Geometry(), Values(found.subject.stored))
    best, read, left = named[0]
    yield "best", best, read
    if read != stated and not found.order:  # the subject is free of mistakes of the order across several objects
        yield "the file as it is", "as stated", stated
    others = [other for other in named[1:] if other[1] != stated]
    looking = [other for other in others if other[2] > VISIBLY * left] or others
    yield from (("runner-up", name, other) for name, other, _ in looking[:1])
