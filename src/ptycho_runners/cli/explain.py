"""`ptycho explain [CODE]`: what a finding means, why it matters, how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from ptycho_runners.cli.output import misuse


def explain(
    code: Annotated[str | None, typer.Argument(help="A code such as PTY310; without one, all are listed.")] = None,
) -> None:
    """Explain a finding's code, or list all codes."""
    from ptycho_contracts.codes import all_codes  # noqa: PLC0415

    codes = all_codes()
    if code is None:
        for known in codes.values():
            typer.echo(f"{known.id} {known.severity:7} {known.title}")
        return
    found = codes.get(code.upper())
    if found is None:
        raise misuse(f"no code {code!r}; `ptycho explain` lists all")
    typer.echo(f"{found.id} ({found.severity}, since {found.since}): {found.title}\n")
    for heading, text in (("What", found.what), ("Why it matters", found.why), ("Fix", found.fix)):
        typer.echo(f"{heading}: {text}")
