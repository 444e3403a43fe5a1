"""`ptycho gate`: may results made with this installation and this checkout be published?"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail
from ptycho_runners.cli.ptychovit.common import Checkout, Device, DeviceOption, Python

if TYPE_CHECKING:
    from ptycho_contracts.contracts.gate_manifest import GateManifest


def gate(
    checkout: Checkout = "reference",
    python: Python = sys.executable,
    output: Annotated[
        Path | None, typer.Option(help="Folder for everything, absent or empty; by default gate-<date>-<time>.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the data and the training.")] = 0,
    device: DeviceOption = Device.AUTO,
    format: Annotated[Format, typer.Option(help="Four lines, or the manifest.")] = Format.TEXT,
) -> None:
    """Run the publication gate: adapter conversion, compatibility validator, runner subprocess, end-to-end smoke.

    Nothing is remembered from earlier: data are simulated, converted, validated, trained on and scored anew.
    Exit code 1 if a part fails.
    """
    from ptycho_runners.errors import RunError  # noqa: PLC0415
    from ptycho_runners.gate.passage import run_gate  # noqa: PLC0415
    from ptycho_runners.gate.workspace import GateRequest  # noqa: PLC0415

    folder = output or Path(f"gate-{datetime.now():%Y%m%d-%H%M%S}")
    request = GateRequest(output=folder, checkout=checkout, python=_interpreter(python), device=device.value, seed=seed)
    try:
        done = run_gate(request, say=lambda line: typer.echo(line, err=True))
    except RunError as error:
        raise fail(error.findings) from None
    except KeyboardInterrupt:
        typer.echo(f"ptycho: interrupted; what was made so far lies in {folder}", err=True)
        raise typer.Exit(130) from None
    if format is Format.JSON:
        typer.echo(done.manifest.model_dump_json(indent=2))
    else:
        typer.echo(f"{_text(done.manifest)}\nmanifest {folder / done.path.name}")
    if done.manifest.findings:
        raise fail(done.manifest.findings)


def _interpreter(python: str) -> str:
    """A path is made absolute, because the process gets a current directory of its own; a name is looked up."""
    return os.path.abspath(python) if os.sep in python else python


def _text(manifest: GateManifest) -> str:
    return "\n".join(f"{part.name:23}  {part.outcome:7}  {part.summary}" for part in manifest.parts)
