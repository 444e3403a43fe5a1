"""`ptycho plugins`: contracts, formats and arms that other packages bring, and what is wrong with them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ptycho_runners.cli.output import Format

if TYPE_CHECKING:
    from ptycho_contracts.plugins import Plugin


def plugins(
    format: Annotated[Format, typer.Option(help="text, or JSON for programs.")] = Format.TEXT,
) -> None:
    """List the plug-ins that are installed, with their version and their problems.

    Exit code 1 where one of them, or a part of it, was left out.
    """
    import json  # noqa: PLC0415

    found = [plugin for plugin in _all() if not plugin.ours]
    if format is Format.JSON:
        typer.echo(json.dumps([_record(plugin) for plugin in found], indent=2))
    else:
        typer.echo("\n".join(map(_line, found)) or "no plug-ins are installed")
    if any(plugin.problem for plugin in found):
        raise typer.Exit(1)


def _all() -> list[Plugin[Any]]:
    from ptycho_adapters.codec import codec_plugins  # noqa: PLC0415
    from ptycho_contracts.contract import contract_plugins  # noqa: PLC0415
    from ptycho_contracts.plugins import PtychoPluginWarning  # noqa: PLC0415
    from ptycho_runners.arms.base import arm_plugins  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PtychoPluginWarning)  # the list says the same
        return [*contract_plugins(), *codec_plugins(), *arm_plugins()]


def _record(plugin: Plugin[Any]) -> dict[str, Any]:
    from ptycho_contracts.plugins import GROUPS  # noqa: PLC0415

    return {
        "adds": GROUPS[plugin.group],
        "ids": list(plugin.items),
        "distribution": plugin.distribution,
        "entry_point": plugin.name,
        "value": plugin.value,
        "problem": plugin.problem,
    }


def _line(plugin: Plugin[Any]) -> str:
    record = _record(plugin)
    line = f"{record['adds']:8} {', '.join(plugin.items) or '(nothing)'}  of {plugin.distribution} ({plugin.value})"
    return line if plugin.problem is None else f"{line}\n  PROBLEM: {plugin.problem}"
