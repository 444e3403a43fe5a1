"""`ptycho explain CODE…`: what a finding means, why it matters, an example, how to mend it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import misuse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ptycho_contracts.codes import Code

# Prose in longer lines is hard to read, however wide the terminal.
_WIDEST = 100


def explain(
    codes: Annotated[
        list[str] | None, typer.Argument(help="Codes such as PTY310, or beginnings such as PTY3.", metavar="CODE…")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Only the titles, of all codes or of those named.")] = False,
) -> None:
    """Explain codes of findings; without any, list all."""
    from ptycho_contracts.codes import all_codes  # noqa: PLC0415
    from ptycho_contracts.reference_codes import code_text  # noqa: PLC0415

    wanted = _named(codes or [""], list(all_codes().values()))
    if listed or not codes:
        for code in wanted:
            typer.echo(f"{code.id} {code.severity:7} {code.title}")
        return
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    typer.echo("\n\n\n".join(code_text(code, width) for code in wanted))


def _named(names: Sequence[str], codes: Iterable[Code]) -> list[Code]:
    """The codes that the names mean, each once, in the order of the names."""
    known = {code.id: code for code in codes}
    found: dict[str, Code] = {}
    for name in names:
        members = {id: code for id, code in known.items() if id.startswith(name.upper())}
        if not members:
            raise misuse(f"no code {name!r}; `ptycho explain --list{_near(name.upper(), known)}")
        found |= members
    return list(found.values())


def _near(name: str, known: Collection[str]) -> str:
    """The end of a sentence about what to list instead: the codes that begin most like this name."""
    beginnings = (name[:length] for length in range(len(name), 0, -1))
    common = next((b for b in beginnings if any(id.startswith(b) for id in known)), "")
    return f" {common}` lists those next to it" if common else "` lists all"
