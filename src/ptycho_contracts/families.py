"""Unrelated formats whose files have the same names, told apart by the members that only one of them requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contract import ArrayContract, array_contracts
from ptycho_contracts.description import FileInfo
from ptycho_contracts.finding import Finding, finding


def other_family(contract: ArrayContract, files: Mapping[str, FileInfo]) -> ArrayContract | None:
    """The contract of equally named files that these are rather instances of; None where they are of `contract`.

    Rather: they have more of what it requires, and a member that it requires and `contract` does not know.
    """
    if not files.keys() <= contract.files.keys():
        return None
    for other in array_contracts():
        if not _named_alike(contract, other, files):
            continue
        nearer = other.likeness_of(files) > contract.likeness_of(files)
        if nearer and any(_distinctive(contract, other, files)):
            return other
    return None


def _named_alike(contract: ArrayContract, other: ArrayContract, roles: Mapping[str, FileInfo]) -> bool:
    """Whether the files of these roles would be called the same in both."""
    if not roles.keys() <= other.files.keys():
        return False
    endings = [(contract.files[role].suffix, other.files[role].suffix) for role in roles]
    return all(mine is not None and mine == theirs for mine, theirs in endings)


def _distinctive(contract: ArrayContract, other: ArrayContract, files: Mapping[str, FileInfo]) -> Iterator[str]:
    """Locations of present members that `other` requires and `contract` does not know."""
    for role, info in files.items():
        known = contract.files[role].arrays()
        for member in other.files[role].required_members():
            if member in info.members and member not in known:
                yield f"{role}:/{member}"


def of_another_family(contract: ArrayContract, other: ArrayContract, files: Mapping[str, FileInfo]) -> Finding:
    """That the files are of `other`, by the members that say so."""
    places = list(_distinctive(contract, other, files))
    return finding(
        codes.OTHER_FAMILY,
        places[0],
        f"this is a {other.id}, not a {contract.id}; the files of both have the same names",
        expected=contract.summary,
        found=f"{other.summary}, by {', '.join(places)}",
        fix=f"`--contract {other.id}` examines it as what it is; `ptycho convert` recognises it by itself.",
    )
