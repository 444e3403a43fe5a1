"""Pickle files of plain values: PtychoViT's normalization (a dict of numbers) and its metrics."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.sources.faults import MAX_TEXT_BYTES, existing_file, over_limit
from ptycho_contracts.sources.pickle_values import NUMBERS, number_dict, plain
from ptycho_contracts.sources.pickle_walk import walk
from ptycho_contracts.sources.value_source import ValueSource, flatten


def read_number_dict(path: Path | str, role: str = "pickle") -> dict[str, float]:
    """A pickle file that is a dict from names to numbers, such as PtychoViT's normalization.

    Raises:
        SourceError: FILE_ABSENT; FORBIDDEN_PICKLE for anything that would run code; RESOURCE_LIMIT;
            UNREADABLE where the pickle is damaged or holds something else.
    """
    return number_dict(_content(Path(path), role), f"{role}:/")


class PickleSource(ValueSource):
    """A pickle file of nested dicts, lists, texts and numbers, as members by path.

    Raises:
        SourceError: As `read_number_dict`, except that any plain values are accepted.
    """

    def __init__(self, path: Path | str, role: str = "pickle") -> None:
        path, where = Path(path), f"{role}:/"
        value = plain(walk(_content(path, role), NUMBERS, where), where)
        super().__init__(path, role, "pickle", flatten(value, where))


def _content(path: Path, role: str) -> bytes:
    with existing_file(path, role).open("rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise over_limit(f"{role}:/", f"{path} has more than {MAX_TEXT_BYTES} bytes; no pickle of values has")
    return data
