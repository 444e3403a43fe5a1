"""Ways to break a valid artifact, each with the one code that it must yield; derived from the declaration.

Nothing of Hypothesis is needed here: `breaks` lists every way in which one artifact can be broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.artifact import split
from ptycho_contracts.codes import Code
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import Array, Attr
from ptycho_contracts.finding import Depth
from ptycho_contracts.testing.drawn import DrawnArtifact, DrawnFile, DrawnMember
from ptycho_contracts.testing.named import array_contract

# Tried in this order as a type that a declaration does not allow.
_OTHER_DTYPES = ("float64", "complex128", "int64", "bool")
# A text that is none is left out: rules that look texts up have their own code for what they do not find.
_WRONG_VALUES: Mapping[str, Any] = {"positive": 0.0, "number": np.nan, "flag": "perhaps"}


@dataclass(frozen=True)
class Defect:
    """What is wrong with a broken artifact.

    Attributes:
        name: In words.
        code: The code of the errors that it yields, and of no other error.
        location: What was changed, as `role:/path[@attribute]`; of sizes that differ, one of the members.
        depth: The least depth at which it shows.
    """

    name: str
    code: str
    location: str
    depth: Depth = "header"


@dataclass(frozen=True)
class Broken:
    """An artifact with exactly one defect; examine it as its contract, for it may no longer be recognised."""

    artifact: DrawnArtifact
    defect: Defect


@dataclass(frozen=True)
class _Break:
    defect: Defect
    apply: Callable[[], DrawnArtifact]


def breaks(contract: ArrayContract | str, artifact: DrawnArtifact) -> list[Broken]:
    """Every way in which a valid artifact of the contract can be broken; the artifact itself is left as it is.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is a document's.
    """
    return [Broken(way.apply(), way.defect) for way in _ways(array_contract(contract), artifact)]


def _ways(contract: ArrayContract, artifact: DrawnArtifact) -> Iterator[_Break]:
    for role, file in artifact.files.items():
        model = contract.files[role]
        yield from _attribute_ways(
            model.root_attrs,
            file.attributes,
            f"{role}:/",
            partial(_with_attributes, artifact, role),
        )
        for path, declared in model.arrays().items():
            if path in file.members:
                yield from _member_ways(artifact, role, path, declared, path in model.required_members())
    yield from _size_ways(contract, artifact)


def _member_ways(artifact: DrawnArtifact, role: str, path: str, declared: Array, required: bool) -> Iterator[_Break]:
    member = artifact.files[role].members[path]
    place = f"{role}:/{path}"

    def changed(array: NDArray[Any], attributes: Mapping[str, Any] = member.attributes) -> DrawnArtifact:
        return artifact.with_member(role, path, DrawnMember(array, attributes))

    if required:
        yield _way(codes.MEMBER_MISSING, place, lambda: artifact.with_member(role, path, None))
    other = next((name for name in _OTHER_DTYPES if name not in declared.allowed_dtypes), None)
    if other is not None:
        yield _way(codes.WRONG_DTYPE, place, lambda: changed(np.ones(member.array.shape, other)))
    yield _way(codes.WRONG_SHAPE, place, lambda: changed(_with_another_rank(member.array, declared)))
    yield from _attribute_ways(
        declared.attrs, member.attributes, place, lambda attributes: changed(member.array, attributes)
    )
    for index, value, code in _wrong_numbers(member.array, declared):
        yield _way(code, place, partial(_with_number, artifact, place, index, value), "data")


def _way(code: Code, location: str, apply: Callable[[], DrawnArtifact], depth: Depth = "header") -> _Break:
    return _Break(Defect(code.title, code.id, location, depth), apply)


def _attribute_ways(
    declared: Mapping[str, Attr],
    present: Mapping[str, Any],
    place: str,
    changed: Callable[[Mapping[str, Any]], DrawnArtifact],
) -> Iterator[_Break]:
    for name in declared.keys() & present.keys():
        others = {key: value for key, value in present.items() if key != name}
        location, kind = f"{place}@{name}", declared[name].kind
        if declared[name].required:
            yield _way(codes.ATTRIBUTE_MISSING, location, partial(changed, others))
        if kind in _WRONG_VALUES:
            yield _way(codes.ATTRIBUTE_VALUE, location, partial(changed, others | {name: _WRONG_VALUES[kind]}))


def _with_attributes(artifact: DrawnArtifact, role: str, attributes: Mapping[str, Any]) -> DrawnArtifact:
    return artifact.with_file(role, DrawnFile(artifact.files[role].members, attributes))


def _with_another_rank(array: NDArray[Any], declared: Array) -> NDArray[Any]:
    ranks = {len(form) for form in declared.alternatives}
    more = next(count for count in range(1, len(ranks) + 2) if array.ndim + count not in ranks)
    return array.reshape((1,) * more + array.shape)


def _wrong_numbers(array: NDArray[Any], declared: Array) -> Iterator[tuple[int, float, Code]]:
    """(flat index, value, code) of one element that no value rule allows."""
    if not array.size:
        return
    middle = array.size // 2
    if "finite" in declared.values and array.dtype.kind in "fc":
        yield middle, np.nan, codes.NON_FINITE
    if "nonnegative" in declared.values and array.dtype.kind in "fi":
        yield middle, -1, codes.NEGATIVE


def _with_number(artifact: DrawnArtifact, place: str, index: int, value: float) -> DrawnArtifact:
    role, path = split(place)
    member = artifact.files[role].members[path]
    broken = member.array.copy()
    broken.flat[index] = value
    return artifact.with_member(role, path, DrawnMember(broken, member.attributes))


def _size_ways(contract: ArrayContract, artifact: DrawnArtifact) -> Iterator[_Break]:
    """One axis longer than the others of its name."""
    places: dict[str, list[tuple[str, str, int]]] = {}
    for role, file in artifact.files.items():
        for path, declared in contract.files[role].arrays().items():
            for axis, name in enumerate(_form(file.members.get(path), declared)):
                if not name.isdigit():
                    places.setdefault(name.rstrip("*"), []).append((role, path, axis))
    for found in places.values():
        role, path, axis = found[0]
        if len(found) > 1 and artifact.files[role].members[path].array.shape[axis]:
            longer = partial(_longer, artifact, role, path, axis)
            yield _way(codes.DIMENSION_MISMATCH, f"{role}:/{path}", longer)


def _form(member: DrawnMember | None, declared: Array) -> tuple[str, ...]:
    """The names of a member's axes; none where it is absent, or where forms of one rank leave them open."""
    forms = [form for form in declared.alternatives if member is not None and len(form) == member.array.ndim]
    return forms[0] if len(forms) == 1 else ()


def _longer(artifact: DrawnArtifact, role: str, path: str, axis: int) -> DrawnArtifact:
    member = artifact.files[role].members[path]
    longer = np.concatenate([member.array, np.take(member.array, [0], axis)], axis)
    return artifact.with_member(role, path, DrawnMember(longer, member.attributes))
