"""An artifact under examination: its open files, its description, and numbers read at most once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.description import Description, MemberInfo
from ptycho_contracts.numbers import Stats
from ptycho_contracts.sources.base import Source


class Artifact:
    """The files of one artifact by role. Locations are `role:/path`.

    Args:
        contract: What it is examined as.
        sources: Its open files.
        description: Their headers.
    """

    def __init__(self, contract: ArrayContract, sources: Mapping[str, Source], description: Description) -> None:
        self.contract = contract
        self.description = description
        self.stats: dict[str, Stats] = {}
        self.evidence: dict[str, Any] = {}
        self._sources = dict(sources)
        self._small: dict[str, NDArray[Any]] = {}

    def member(self, location: str) -> MemberInfo | None:
        """What the header says of `role:/path`, or None where it is absent."""
        return self.description.member(*split(location))

    def attribute(self, location: str, name: str) -> Any:
        """The value of an attribute of `role:/path` (a list of one counts as its element), or None."""
        member = self.member(location)
        found = None if member is None else member.attributes.get(name)
        value = None if found is None else found.value
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    def root_attribute(self, role: str, name: str) -> Any:
        """The value of an attribute of the file itself, or None."""
        info = self.description.files.get(role)
        found = None if info is None else info.attributes.get(name)
        return None if found is None else found.value

    def read(self, location: str) -> NDArray[Any]:
        """A whole small array (positions, probe, object); kept for the next rule that asks."""
        if location not in self._small:
            role, path = split(location)
            self._small[location] = self._sources[role].read(path)
        return self._small[location]

    def blocks(self, location: str) -> Iterator[tuple[int, NDArray[Any]]]:
        """The array in blocks of bounded memory: (first row, block)."""
        role, path = split(location)
        return self._sources[role].blocks(path)

    def source(self, role: str) -> Source:
        """The open file of a role."""
        return self._sources[role]

    def close(self) -> None:
        """Close every file."""
        for source in self._sources.values():
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def split(location: str) -> tuple[str, str]:
    """(role, path) of `role:/path`."""
    role, _, path = location.partition(":/")
    return role, path
