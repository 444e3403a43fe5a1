"""Assertions about files, for any test framework."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.finding import Depth, Report


def assert_valid(path: Path | str, *, contract: str | None = None, depth: Depth = "header") -> Report:
    """The report of an artifact that has no error.

    Args:
        path: A file, either half of a pair or their common stem, or a run directory.
        contract: The id of the contract to examine it as; by default the one that its members look like.
        depth: How deep to look.

    Raises:
        AssertionError: with the whole report as text, where there is an error.
        KeyError: no contract of that id.
        ValueError: no such depth.
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    from ptycho_contracts.render.text import render_text  # noqa: PLC0415 - only a failure needs it
    from ptycho_contracts.validation import validate  # noqa: PLC0415 - importing this costs nothing

    report = validate(path, contract, depth)
    if not report.ok:
        first = report.errors[0]  # what a summary of many tests shows
        raise AssertionError(f"{first.code} {first.location} in {Path(path).name}\n{render_text([report])}")
    return report
