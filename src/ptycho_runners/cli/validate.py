"""`ptycho validate PATH…`: every finding about each artifact, at once, judged as the project wants it."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import fail, misuse, progress_bar

if TYPE_CHECKING:
    from ptycho_contracts.batch.baseline import Baseline
    from ptycho_contracts.batch.many import Judge
    from ptycho_contracts.batch.project import Project, Wishes
    from ptycho_contracts.policy import EffectivePolicy
    from ptycho_contracts.result import Result
    from ptycho_contracts.sources.base import SourceError

INTERRUPTED = 130


class DepthOption(StrEnum):
    """How deep to look."""

    HEADER = "header"
    DATA = "data"
    PHYSICS = "physics"


class ProfileOption(StrEnum):
    """Which findings matter to whom."""

    DEFAULT = "default"
    STRICT = "strict"
    INTEROP = "interop"
    ARCHIVE = "archive"


class FailOnOption(StrEnum):
    """The least severity that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"
    NEVER = "never"


class ReportFormat(StrEnum):
    """How the result is printed."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"


_PATHS = typer.Argument(
    help="Files, halves of pairs, folders (searched to the bottom), run directories, quoted patterns such as "
    "'raw/**/*.h5', or - for a list on stdin."
)
_POLICY, _SCOPE, _OUTPUT = "Policy", "Which files", "Output"


def validate(
    paths: Annotated[list[str] | None, _PATHS] = None,
    *,
    contract: Annotated[str | None, typer.Option(help="Contract id; by default what the members look like.")] = None,
    depth: Annotated[
        DepthOption | None,
        typer.Option(
            help="header: no array data; data: one pass; physics: does the forward model explain it? Default: header."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one for few files, else up to 8.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds for each file, 0 for any; by default 120 at depth header, else any."),
    ] = None,
    files_from: Annotated[
        Path | None, typer.Option(rich_help_panel=_SCOPE, help="A file with one path a line; - is stdin.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(rich_help_panel=_SCOPE, help="Pattern of paths to leave out; repeatable.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_POLICY, help="Codes to report, such as PTY310,PTY4; repeatable. Default: all."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(rich_help_panel=_POLICY, help="Codes not to report; repeatable.")
    ] = None,
    profile: Annotated[
        ProfileOption | None,
        typer.Option(
            rich_help_panel=_POLICY,
            help="strict: warnings fail, hints are warnings; interop: what other tools need is required; archive: "
            "a file must say how it is to be read.",
        ),
    ] = None,
    fail_on: Annotated[
        FailOnOption | None,
        typer.Option(rich_help_panel=_POLICY, help="Least severity that makes the exit code 1. Default: error."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(rich_help_panel=_POLICY, help="Known findings, which are left out.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(rich_help_panel=_POLICY, help="Write all findings there as known; exit code 0.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_POLICY,
            help="Configuration; by default ptycho-contracts.toml, or \\[tool.ptycho-contracts] in pyproject.toml, of "
            "this folder or the nearest above it.",
        ),
    ] = None,
    isolated: Annotated[bool, typer.Option("--isolated", rich_help_panel=_POLICY, help="No configuration.")] = False,
    format: Annotated[
        ReportFormat, typer.Option(rich_help_panel=_OUTPUT, help="How to print the result.")
    ] = ReportFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(rich_help_panel=_OUTPUT, help="Write the result there, whole or not at all; a summary to stderr."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=_OUTPUT,
            metavar="FORMAT=FILE",
            help="Write the same result in another format too, such as sarif=ptycho.sarif; repeatable.",
        ),
    ] = None,
) -> None:
    """Check artifacts against their contracts. Exit code 1 if any has an error; options here beat the configuration."""
    from ptycho_contracts.batch.many import Judge  # noqa: PLC0415
    from ptycho_contracts.batch.project import Wishes, effective_policy  # noqa: PLC0415

    more = _more_outputs(also or [])
    for file in [*([output] if output else []), *([write_baseline] if write_baseline else []), *(f for _, f in more)]:
        _refuse_data(file)
    arguments = _arguments(paths or [], files_from)
    wishes = Wishes(
        profile=profile.value if profile else None,
        depth=depth.value if depth else None,
        select=_codes(select),
        ignore=_codes(ignore),
        exclude=tuple(exclude) if exclude else None,
        fail_on=fail_on.value if fail_on else None,
    )
    project = _project(config, isolated)
    policy = effective_policy(project.config, _checked(wishes))
    artifacts = _artifacts(arguments, project.root, policy, contract)
    known = None if write_baseline else _baseline(baseline or project.baseline)
    result = _examined(artifacts, Judge(policy, project.root, known), contract, jobs, timeout)
    for other, file in more:
        _write(result, other, file)
    _print(result, format, output)
    if write_baseline is not None:
        _write_baseline(write_baseline, result)
    elif result.unfinished:
        raise typer.Exit(INTERRUPTED)
    elif result.failed:
        raise typer.Exit(1)


def _refuse_data(file: Path) -> None:
    """A report never takes the place of data."""
    from ptycho_contracts.batch.discover import ARRAY_SUFFIXES  # noqa: PLC0415

    if file.suffix in ARRAY_SUFFIXES and file.exists():
        raise misuse(f"{file} is there and looks like data; name another file for the report")


def _arguments(paths: list[str], files_from: Path | None) -> list[str]:
    """What is named on the command line and in lists."""
    if not paths and files_from is None:
        raise misuse("name files or folders to validate, or give a list with --files-from")
    named: list[str] = []
    for path in paths:
        if not path:
            raise misuse("an empty path names nothing (a variable that is not set?)")
        named += _lines(sys.stdin.read()) if path == "-" else [path]
    if files_from is not None:
        try:
            named += _lines(sys.stdin.read() if str(files_from) == "-" else files_from.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise misuse(f"the list {files_from} cannot be read: {error}") from None
    return named


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _codes(given: list[str] | None) -> tuple[str, ...] | None:
    """Codes of a repeatable option, each of which may hold several."""
    if not given:
        return None
    return tuple(name.strip().upper() for text in given for name in text.split(",") if name.strip())


def _checked(wishes: Wishes) -> Wishes:
    from ptycho_contracts.batch.project import ineffective, unknown_selector  # noqa: PLC0415
    from ptycho_contracts.path_patterns import checked  # noqa: PLC0415

    reasons = [unknown_selector(name) for name in wishes.select or ()]
    reasons += [unknown_selector(name) or ineffective(name) for name in wishes.ignore or ()]
    for reason in filter(None, reasons):
        raise misuse(reason)
    try:
        for pattern in wishes.exclude or ():
            checked(pattern)
    except ValueError as error:
        raise misuse(str(error)) from None
    return wishes


def _project(config: Path | None, isolated: bool) -> Project:
    """The configuration that holds here; one that cannot be understood ends the command."""
    from ptycho_contracts.batch.project import Project, find_config, load_project  # noqa: PLC0415
    from ptycho_contracts.contracts.project_config import ProjectConfig  # noqa: PLC0415
    from ptycho_contracts.sources.base import SourceError  # noqa: PLC0415

    if isolated and config is not None:
        raise misuse("--config and --isolated contradict each other")
    file = config
    try:
        if file is None and not isolated:
            file = find_config(Path.cwd())
        return Project(Path.cwd(), ProjectConfig()) if file is None else load_project(file)
    except SourceError as error:
        raise _unusable("the configuration", file, error) from None


def _baseline(file: Path | None) -> Baseline | None:
    from ptycho_contracts.batch.baseline import read_baseline  # noqa: PLC0415
    from ptycho_contracts.sources.base import SourceError  # noqa: PLC0415

    if file is not None and not file.exists():
        raise misuse(f"the baseline {file} does not exist; `--write-baseline {file}` writes it")
    try:
        return None if file is None else read_baseline(file)
    except SourceError as error:
        raise _unusable("the baseline", file, error) from None


def _unusable(what: str, file: Path | None, error: SourceError) -> typer.Exit:
    from ptycho_contracts.batch.discover import relative_to  # noqa: PLC0415

    named = "" if file is None else f" {relative_to(file, Path.cwd())}"
    typer.echo(f"ptycho: {what}{named} cannot be used", err=True)
    fail(error.findings)
    return typer.Exit(2)


def _artifacts(arguments: list[str], root: Path, policy: EffectivePolicy, contract: str | None) -> tuple[Path, ...]:
    from ptycho_contracts.batch.discover import ARRAY_SUFFIXES, discover  # noqa: PLC0415
    from ptycho_contracts.contract import ArrayContract, get_contract  # noqa: PLC0415

    try:
        named = get_contract(contract) if contract else None
    except KeyError as error:
        raise misuse(str(error.args[0])) from None
    of_pairs = named is None or (isinstance(named, ArrayContract) and len(named.files) > 1)
    found = discover(arguments, root, policy.exclude, join_pairs=of_pairs)
    if found.empty:
        suffixes = " ".join(sorted(ARRAY_SUFFIXES))
        raise misuse(f"nothing to validate in {', '.join(found.empty)} (folders are searched for {suffixes})")
    if not found.artifacts:
        why = f"all that was named is excluded ({found.excluded} paths)" if arguments else "the list is empty"
        typer.echo(f"ptycho: nothing was validated: {why}", err=True)
        raise typer.Exit(0)
    return found.artifacts


def _examined(
    artifacts: tuple[Path, ...], judge: Judge, contract: str | None, jobs: int | None, timeout_s: float | None
) -> Result:
    from ptycho_contracts.batch.many import validate_many  # noqa: PLC0415

    with progress_bar() as step:
        told = None if step is None or len(artifacts) == 1 else lambda done, count: step("validating", done, count)
        return validate_many(artifacts, judge, contract=contract, jobs=jobs, timeout_s=timeout_s, progress=told)


def _more_outputs(also: list[str]) -> list[tuple[ReportFormat, Path]]:
    """Formats and files of `--also`."""
    outputs = []
    for text in also:
        name, _, file = text.partition("=")
        if name not in list(ReportFormat) or not file:
            raise misuse(f"--also is FORMAT=FILE with a format of {', '.join(ReportFormat)}, not {text!r}")
        outputs.append((ReportFormat(name), Path(file)))
    return outputs


def _write(result: Result, format: ReportFormat, file: Path) -> None:
    from ptycho_contracts.atomic import atomic_write_text  # noqa: PLC0415
    from ptycho_contracts.render import render  # noqa: PLC0415

    atomic_write_text(file, render(result, format.value) + "\n")


def _print(result: Result, format: ReportFormat, output: Path | None) -> None:
    from ptycho_contracts.render import render  # noqa: PLC0415

    if output is None:
        typer.echo(render(result, format.value, colour=_shows_colours()))
    else:
        _write(result, format, output)
    if output is not None or format is not ReportFormat.TEXT:
        _tell(result, output)


def _shows_colours() -> bool:
    """Whether stdout is a terminal whose user has not declined colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _tell(result: Result, output: Path | None) -> None:
    """On stderr what a person wants to know where the result itself is for programs."""
    from ptycho_contracts.render.text import remarks, summary  # noqa: PLC0415

    for line in remarks(result):
        typer.echo(f"ptycho: {line}", err=True)
    typer.echo(summary(result.reports) + (f"; wrote {output}" if output else ""), err=True)


def _write_baseline(file: Path, result: Result) -> None:
    from ptycho_contracts.batch.baseline import write_baseline  # noqa: PLC0415

    if result.unfinished:
        typer.echo(f"ptycho: {file} was not written", err=True)
        raise typer.Exit(INTERRUPTED)
    count = write_baseline(file, result.reports)
    typer.echo(f"ptycho: {count} known finding{'' if count == 1 else 's'} written to {file}", err=True)
