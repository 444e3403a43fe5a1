"""`ptycho ptychovit conformance CHECKOUT`: the backend contract against a checkout, a line for each promise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail, misuse

if TYPE_CHECKING:
    from ptycho_contracts.contracts.conformance_report import ConformanceReport, PromiseLine

REPORT = "conformance.json"


def conformance(
    checkout: Annotated[str, typer.Argument(help="Folder of a flat checkout, or `reference` for the bundled one.")],
    *,
    python: Annotated[
        str, typer.Option(help="The checkout's interpreter.", show_default="the one that runs ptycho")
    ] = sys.executable,
    output: Annotated[
        Path | None, typer.Option(help="Folder to keep runs, logs and conformance.json in; by default nothing is kept.")
    ] = None,
    promise: Annotated[
        list[str] | None, typer.Option(help="A promise to test; repeat for several. By default all.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print the lines.")] = Format.TEXT,
    full_model: Annotated[
        bool,
        typer.Option("--full-model", help="The model of the checkout's config.yaml as it is, not a small one."),
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of each process.")] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Limit of each process in seconds; by default none.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the generated set and of the runs.")] = 0,
) -> None:
    """Test what our runner relies on. Exit code 1 if a promise is broken; one that cannot be tested is no failure."""
    from ptycho_contracts.atomic import atomic_write_json  # noqa: PLC0415
    from ptycho_runners.conformance.examination import Subject  # noqa: PLC0415
    from ptycho_runners.conformance.promises import chosen  # noqa: PLC0415
    from ptycho_runners.conformance.report import conformance as examine  # noqa: PLC0415
    from ptycho_runners.errors import RunError  # noqa: PLC0415

    try:
        chosen(promise or None)
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    with _folder(output) as folder:
        subject = Subject(checkout, python, folder, seed, full_model, threads=threads, timeout_s=timeout_s)
        try:
            report = examine(subject, promise or None, _print if format is Format.TEXT else None)
        except RunError as error:
            raise fail(error.findings) from None
        except KeyboardInterrupt:
            typer.echo("ptycho: interrupted; a report is written only when all lines are known", err=True)
            raise typer.Exit(130) from None
        if output is not None:
            atomic_write_json(output / REPORT, report.model_dump(mode="json"))
    typer.echo(_summary(report) if format is Format.TEXT else report.model_dump_json(indent=2))
    if report.count("failed"):
        raise typer.Exit(1)


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """Where to work: a new folder that is kept, or one that goes away."""
    if output is None:
        with TemporaryDirectory(prefix="ptycho-conformance-") as folder:
            yield Path(folder)
        return
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise misuse(f"--output {output} must be a new or an empty folder")
    output.mkdir(parents=True, exist_ok=True)
    yield output


def _print(line: PromiseLine) -> None:
    typer.echo(f"{line.status:11} {line.id:21} {line.sentence}")
    said = f"because {line.because}" if line.because else line.measured
    typer.echo(f"{'':33} {said}")
    if line.status == "failed":
        typer.echo(f"{'':33} fact: docs/{line.fact}")


def _summary(report: ConformanceReport) -> str:
    passed, failed, untested = (report.count(status) for status in ("passed", "failed", "not tested"))
    code = " (PTY527)" if failed else ""
    where = report.device or "no device"
    return (
        f"{len(report.lines)} promises: {passed} passed, {failed} failed{code}, {untested} not tested; "
        f"{report.seconds:.0f} s on {where}, seed {report.seed}"
    )
