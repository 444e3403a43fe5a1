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
from ptycho_contracts.finding import finding


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
        opened = {path: stack.enter_context(read(path, reading)) for path in dict.fromkeys(others.values())}
        for path, loaded in opened.items():
            _as_many(base, loaded, path)
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
