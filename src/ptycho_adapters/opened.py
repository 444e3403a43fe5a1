"""Opening a source for a codec: checked against its contract, and closed again where reading it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ptycho_adapters.codec import ConversionError, Loaded
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.finding import Finding
from ptycho_contracts.numbers import check_values, collect
from ptycho_contracts.opening import open_checked
from ptycho_contracts.sources.base import Source, SourceError

# What a contract demands of positions, probe and object; of patterns it demands more.
_FINITE_ONLY = ("finite",)
# Along one of these run positions, probe and object. A quantity that is not finite is one that nobody knows.
_OF_A_SCAN = {"scan", "row", "N", "patch_y", "object_y"}


def load_checked(path: Path, contract: ArrayContract, load: Callable[[dict[str, Source]], Loaded]) -> Loaded:
    """What `load` makes of the open files by role; it takes them over, in `Loaded.sources`.

    Raises:
        ConversionError: the artifact breaks its contract, or of `load`.
    """
    sources = open_to_read(path, contract)
    try:
        return load(sources)
    except BaseException:
        _close(sources)
        raise


def open_to_read(path: Path, contract: ArrayContract) -> dict[str, Source]:
    """The open files by role, whose headers, positions, probe and object fulfil their contract.

    A NaN among the positions, or in a probe or an object, would run through every number that is made of it. Patterns
    are looked at when they are read.

    Raises:
        ConversionError: with what is wrong.
    """
    try:
        sources = open_checked(path, contract)
    except SourceError as error:
        raise ConversionError(*error.findings) from error
    try:
        found = list(_not_finite(sources, contract))
    except SourceError as error:
        _close(sources)
        raise ConversionError(*error.findings) from error
    if found:
        _close(sources)
        raise ConversionError(*found)
    return sources


def _not_finite(sources: dict[str, Source], contract: ArrayContract) -> Iterator[Finding]:
    for role, source in sources.items():
        members = source.describe().members
        for path, declared in contract.files[role].arrays().items():
            axes = {axis for form in declared.alternatives for axis in form}
            if path in members and declared.values == _FINITE_ONLY and axes & _OF_A_SCAN:
                yield from check_values(f"{role}:/{path}", declared, collect([(0, source.read(path))]))


def _close(sources: dict[str, Source]) -> None:
    for source in sources.values():
        source.close()
