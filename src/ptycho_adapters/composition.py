"""Scans whose parts come from several artifacts, opened together, joined and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ptycho_adapters.codec import ConversionError, Loaded, ReadOptions
from ptycho_adapters.io import read
from ptycho_adapters.needs import Part
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.finding import Finding, finding

# Relative differences that two artifacts of one measurement may have in what they state: a refinement changes a pixel.
_SAME = {
    "photon_energy_eV": 1e-3,
    "detector_object_distance_m": 1e-3,
    "pixel_size_y_m": 1e-2,
    "pixel_size_x_m": 1e-2,
}


@contextmanager
def composed(base: Loaded, others: Mapping[Part, Path], options: ReadOptions) -> Iterator[Loaded]:
    """The scans of `base` with parts of other artifacts; `base` itself where no part is named.

    Args:
        base: Open.
        others: Artifacts by the part that is taken from them; several parts may name the same one.
        options: Of the caller; quantities that he says are about the base alone.

    Raises:
        ConversionError: an artifact cannot be read, lacks the part, or what is put together contradicts itself.
    """
    if not others:
        yield base
        return
    from ptycho_adapters.compose import compose, with_origin_of  # noqa: PLC0415 - imports xarray
    from ptycho_adapters.verification import verify  # noqa: PLC0415

    with ExitStack() as stack:
        reading = ReadOptions(order=options.order, progress=options.progress)
        opened = {path: stack.enter_context(_opened(path, reading)) for path in dict.fromkeys(others.values())}
        for path, loaded in opened.items():
            _as_many(base, loaded, path)
        if options.order != "as-stored":
            _refuse_contradictions(base, opened)
        scans, decisions = [], {}
        for index, own in enumerate(base.scans):
            parts = {part: opened[path].scans[index] for part, path in others.items()}
            said: dict[str, Any] = {"taken": _taken(others, opened)}
            if "positions" in parts:
                parts["positions"], moved = with_origin_of(own, parts["positions"])
                said |= {} if moved is None else {"positions_moved_px": list(moved)}
            scans.append(compose(own, parts))
            name = "parts" if len(base.scans) == 1 else f"parts of object {index}"
            decisions[name] = verify(scans[-1], options) | said
        yield Loaded(scans, base.dropped, base.decisions | decisions)


def _opened(path: Path, reading: ReadOptions) -> Loaded:
    """Another artifact; findings about it name it, since they stand among those about the source."""
    try:
        return read(path, reading)
    except ConversionError as error:
        told = (f.model_copy(update={"message": f"{path.name}: {f.message}"}) for f in error.findings)
        raise ConversionError(*told) from error


def _taken(others: Mapping[Part, Path], opened: Mapping[Path, Loaded]) -> dict[str, str]:
    """Which part came from where, for the manifest; an object brings its positions along."""
    taken: dict[str, str] = {part: str(path) for part, path in others.items()}
    origin = others.get("object")
    if origin is not None and "positions" not in others and "position_y" in opened[origin].scans[0]:
        taken["positions"] = f"{origin}, with the object; those of the source are its own but for the origin"
    return taken


def _as_many(base: Loaded, other: Loaded, path: Path) -> None:
    if len(other.scans) != len(base.scans):
        raise ConversionError(
            finding(
                codes.NOT_REPRESENTABLE,
                "scan:/",
                f"{path.name} holds {len(other.scans)} scans and the source {len(base.scans)}",
                expected=f"{len(base.scans)} scans",
                found=f"{len(other.scans)}",
            )
        )


def _refuse_contradictions(base: Loaded, others: Mapping[Path, Loaded]) -> None:
    """Artifacts of one measurement state one energy, one distance and one object pixel."""
    found = [
        _contradiction(path, name, float(other.scans[index].attrs[name]), float(own.attrs[name]))
        for path, other in others.items()
        for index, own in enumerate(base.scans)
        for name, tolerance in _SAME.items()
        if name in own.attrs and name in other.scans[index].attrs
        if abs(other.scans[index].attrs[name] / own.attrs[name] - 1) > tolerance
    ]
    if found:
        raise ConversionError(*found)


def _contradiction(path: Path, name: str, theirs: float, own: float) -> Finding:
    return finding(
        codes.SOURCE_SAYS_OTHERWISE,
        f"scan:/@{name}",
        f"{path.name} states {name} = {theirs:.6g}, and the source {own:.6g}",
        expected=f"{own:.6g}",
        found=f"{theirs:.6g}",
        fix="Correct the file that is wrong; `--order as-stored` takes what the source states, unverified.",
    )
