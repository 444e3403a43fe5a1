"""Repairs that the contract itself dictates: axes of length 1, wider element types, attributes that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.fix.derivations import DERIVED, Derived
from ptycho_adapters.fix.edits import AttributeEdit, Edit, MemberEdit
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.artifact import Artifact, split
from ptycho_contracts.declaration import Array
from ptycho_contracts.description import MemberInfo
from ptycho_contracts.finding import Finding
from ptycho_contracts.structure import fitting_form, solve_dimensions


def structural_edits(artifact: Artifact, findings: list[Finding]) -> list[Edit]:
    """Repairs of what the headers show; a member that has two defects gets one edit that mends both."""
    edits: list[Edit] = []
    for location in dict.fromkeys(f.location for f in findings if f.code in _OF_MEMBERS):
        edits.extend(_of_member(artifact, location, [f.code for f in findings if f.location == location]))
    for found in findings:
        if found.code in (codes.ATTRIBUTE_MISSING.id, codes.ATTRIBUTE_ADVISED.id):
            edits.extend(_derived(artifact, found))
    return edits


_OF_MEMBERS = (codes.WRONG_SHAPE.id, codes.WRONG_DTYPE.id)


def _of_member(artifact: Artifact, location: str, found: list[str]) -> Iterator[Edit]:
    role, path = split(location)
    member = artifact.member(location)
    if member is None:
        return
    declared = artifact.contract.files[role].arrays()[path]
    shape = _fitting_shape(artifact, declared, member) if codes.WRONG_SHAPE.id in found else member.shape
    dtype = _wider(declared, member) if codes.WRONG_DTYPE.id in found else member.dtype
    if shape is None or dtype is None:
        return
    steps = [f"shape {member.shape} → {shape}"] if shape != member.shape else []
    steps += [f"{member.dtype} → {dtype}"] if dtype != member.dtype else []
    yield MemberEdit(
        role,
        path,
        partial(_remade, partial(artifact.source(role).read, path), shape, dtype),
        " ".join(dict.fromkeys(code for code in found if code in _OF_MEMBERS)),
        "; ".join(steps),
        "only axes of length 1 come or go, and the wider type holds every value",
    )


def _remade(read: Callable[[], NDArray[Any]], shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return read().reshape(shape).astype(dtype, casting="safe")


def _fitting_shape(artifact: Artifact, declared: Array, member: MemberInfo) -> tuple[int, ...] | None:
    """The one shape of a declared form that differs by leading axes of length 1 and agrees with other members."""
    bare = member.shape
    while len(bare) > 1 and bare[0] == 1:
        bare = bare[1:]
    known = {name: uses[0][0] for name, uses in solve_dimensions(artifact.contract, artifact.description).items()}
    fitting = set()
    for form in declared.alternatives:
        shape = (1,) * (len(form) - len(bare)) + bare
        agrees = all(known.get(name, size) == size for name, size in zip(form, shape, strict=False))
        if len(shape) == len(form) and fitting_form(declared, shape) and agrees:
            fitting.add(shape)
    return fitting.pop() if len(fitting) == 1 else None


def _wider(declared: Array, member: MemberInfo) -> str | None:
    """The narrowest allowed type of the same nature that holds every value of the member's own.

    A real array where a complex one belongs has lost its phase; no type brings it back.
    """
    try:
        nature = np.dtype(member.dtype).kind == "c"
        alike = [name for name in declared.allowed_dtypes if (np.dtype(name).kind == "c") == nature]
        held = [name for name in alike if np.can_cast(member.dtype, name, "safe")]
    except TypeError:  # a text, or a type of nobody's
        return None
    return min(held, key=lambda name: np.dtype(name).itemsize, default=None)


def _derived(artifact: Artifact, found: Finding) -> Iterator[Edit]:
    for derived in DERIVED.get(artifact.contract.id, ()):
        if derived.location != found.location:
            continue
        value = _first_value(artifact, derived)
        if value is not None:
            role, rest = split(derived.location)
            path, _, name = rest.partition("@")
            taken, number = value
            yield AttributeEdit(role, path, name, number, found.code, f"{number:g}, as {taken}", derived.why)
            return


def _first_value(artifact: Artifact, derived: Derived) -> tuple[str, float] | None:
    """The first source that holds one positive number."""
    for source in derived.sources:
        location, _, name = source.partition("@")
        role, path = split(location)
        value = artifact.attribute(location, name) if path else artifact.root_attribute(role, name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
            return source, float(value)
    return None
