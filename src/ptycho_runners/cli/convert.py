"""`ptycho convert SRC DST --to ID`: from one format to another, nothing guessed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptycho_runners.cli.output import Format, fail, misuse, progress_bar

if TYPE_CHECKING:
    from ptycho_adapters.conversion import Converted


class OrderOption(StrEnum):
    """How the order of the patterns is decided."""

    AUTO = "auto"
    MATCH = "match"
    AS_STORED = "as-stored"


class ValuesOption(StrEnum):
    """What stored patterns are."""

    AMPLITUDE = "amplitude"
    INTENSITY = "intensity"


class PropagationOption(StrEnum):
    """From where to where the light went."""

    FAR_FIELD = "far-field"
    NEAR_FIELD = "near-field"


def convert(  # noqa: PLR0917 - typer makes one option of each
    source: Annotated[Path, typer.Argument(help="Any file of the artifact.")],
    folder: Annotated[Path, typer.Argument(help="Where the outputs and the manifest go.")],
    to: Annotated[str, typer.Option(help="Contract id of the target, such as ptychovit-pair.")],
    name: Annotated[str | None, typer.Option(help="Stem of the outputs; by default that of the source.")] = None,
    order: Annotated[
        OrderOption,
        typer.Option(help="auto: prove or repair by evidence; match: assign each pattern; as-stored: trust the file."),
    ] = OrderOption.AUTO,
    frame: Annotated[str | None, typer.Option(help="Origin of a pair's positions (docs/frames.md); verified.")] = None,
    values: Annotated[ValuesOption | None, typer.Option(help="What the patterns are, where the file is open.")] = None,
    pixel_size_m: Annotated[float | None, typer.Option(help="Object pixel, where the source does not know it.")] = None,
    energy_ev: Annotated[float | None, typer.Option(help="Photon energy, likewise.")] = None,
    distance_m: Annotated[float | None, typer.Option(help="Detector distance, likewise.")] = None,
    propagation: Annotated[
        PropagationOption | None, typer.Option(help="Far or near field, where the source's geometry fits both.")
    ] = None,
    patterns_from: Annotated[
        Path | None, typer.Option(help="Another artifact that holds the patterns; what is put together is verified.")
    ] = None,
    positions_from: Annotated[Path | None, typer.Option(help="Another artifact that holds the positions.")] = None,
    probe_from: Annotated[Path | None, typer.Option(help="Another artifact that holds the probe.")] = None,
    object_from: Annotated[
        Path | None, typer.Option(help="Another artifact that holds the object, and with it where it lies.")
    ] = None,
    object_median_one: Annotated[bool, typer.Option(help="Set the median object amplitude to 1 (recorded).")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace outputs that exist.")] = False,
    format: Annotated[Format, typer.Option(help="How to print the result.")] = Format.TEXT,
) -> None:
    """Convert an artifact; several objects become several artifacts, and a manifest says how each thing was decided.

    docs/conversions.md shows which format becomes which, what is lost, and what has to be said.
    """
    from ptycho_adapters.codec import ConversionError, OptionError, ReadOptions  # noqa: PLC0415
    from ptycho_adapters.conversion import convert as run  # noqa: PLC0415
    from ptycho_adapters.needs import PARTS  # noqa: PLC0415

    taken = {"patterns": patterns_from, "positions": positions_from, "probe": probe_from, "object": object_from}
    for label, value in (("--pixel-size-m", pixel_size_m), ("--energy-ev", energy_ev), ("--distance-m", distance_m)):
        if value is not None and not 0 < value < float("inf"):
            raise misuse(f"{label} is a positive number, not {value}")
    try:
        with progress_bar() as progress:
            options = ReadOptions(
                order=order.value,
                frame=frame,
                values=values.value if values else None,
                pixel_size_m=pixel_size_m,
                energy_eV=energy_ev,
                distance_m=distance_m,
                propagation=propagation.value if propagation else None,
                progress=progress,
            )
            done = run(
                source,
                folder,
                to,
                name=name,
                options=options,
                take={part: path for part in PARTS if (path := taken[part]) is not None},
                object_median_one=object_median_one,
                overwrite=overwrite,
            )
    except ConversionError as error:
        raise fail(error.findings) from None
    except (KeyError, OptionError) as error:
        raise misuse(str(error.args[0])) from None
    typer.echo(done.manifest.model_dump_json(indent=2) if format is Format.JSON else _text(done))


def _text(done: Converted) -> str:
    manifest = done.manifest
    lines = [f"{manifest.source_contract} → {manifest.target_contract}"]
    for question, decision in manifest.decisions.items():
        how = decision.get("reading") or decision.get("frame") or decision.get("trusted") or ""
        because = f" ({decision['because']})" if "because" in decision else ""
        because += " (not verified)" if decision.get("method") == "as-stored" else ""
        lines.append(f"  {question}: {decision.get('method', '')} {how}".rstrip() + because)
    for files in done.files:
        lines.append("  wrote " + ", ".join(str(path) for path in files.values()))
    lines += [f"  placeholder: {text}" for text in manifest.placeholders]
    lines += [f"  dropped: {text}" for text in manifest.dropped]
    lines += [f"  dropped: {text}" for text in dict.fromkeys(t for o in manifest.outputs for t in o.dropped)]
    lines.append(f"  manifest {done.manifest_path}")
    return "\n".join(lines)
