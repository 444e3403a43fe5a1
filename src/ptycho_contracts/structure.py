"""The structural check: a description against its contract, every finding at once.

Two steps. pydantic checks each member (presence, dtype, rank, attributes): the same core schema gives the JSON
Schema, so a plain JSON Schema validator agrees. Then the engine solves the named dimensions across members
and files, which JSON Schema cannot say.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import Array, Attr, AttrKind, FileModel
from ptycho_contracts.description import AttributeInfo, Description, FileInfo, MemberInfo
from ptycho_contracts.families import of_another_family, other_family
from ptycho_contracts.finding import Finding, finding

# What an attribute of each kind is, in the words of findings and of the reference.
EXPECTED: dict[AttrKind, str] = {
    "positive": "one positive number",
    "number": "one finite number",
    "text": "a text",
    "flag": "true or false",
}


def check_structure(contract: ArrayContract, description: Description) -> list[Finding]:
    """Findings about presence, types, ranks, attributes and named dimensions, in file order.

    Of an artifact of another family that has the same file names, that it is one, and no list of what it lacks.
    """
    other = other_family(contract, description.files)
    if other is not None:
        return [of_another_family(contract, other, description.files)]
    found: list[Finding] = []
    for role, model in contract.files.items():
        info = description.files.get(role)
        if info is None:
            if role not in contract.optional_roles:
                found.append(_absent_file(role, model))
            continue
        found.extend(check_file(role, model, info))
    found.extend(check_dimensions(contract, description))
    return found


def _absent_file(role: str, model: type[FileModel]) -> Finding:
    expected = f"a file named *{model.suffix}" if model.suffix else f"the {role} file"
    return finding(
        codes.PARTNER_ABSENT,
        f"{role}:/",
        f"the {role} file is missing",
        expected=expected,
        found="no such file",
    )


def check_file(role: str, model: type[FileModel], info: FileInfo) -> Iterator[Finding]:
    """Findings about one file alone."""
    yield from _container(role, model, info)
    dumped = {path: member.model_dump(mode="json") for path, member in info.members.items()}
    try:
        model.model_validate(dumped)
    except ValidationError as error:
        yield from _from_pydantic(role, model, info, error)
    yield from _one_of(role, model, info)
    yield from _prefixes(role, model, info)
    yield from _root_attributes(role, model, info)
    yield from _advised(role, model, info)


def _container(role: str, model: type[FileModel], info: FileInfo) -> Iterator[Finding]:
    if info.container != model.container:
        yield finding(
            codes.UNREADABLE,
            f"{role}:/",
            f"the file's container is {info.container}, not {model.container}",
            expected=model.container,
            found=info.container,
        )


def _from_pydantic(role: str, model: type[FileModel], info: FileInfo, error: ValidationError) -> Iterator[Finding]:
    """One finding per (member, facet); a union of shapes gives many pydantic errors for one defect."""
    seen: set[tuple[str, ...]] = set()
    for detail in error.errors(include_url=False):
        place = _facet(detail)
        if place in seen:
            continue
        seen.add(place)
        declared = model.arrays()[place[0]]
        yield _explain(role, declared, info.members.get(place[0]), place, info)


def _facet(detail: ErrorDetails) -> tuple[str, ...]:
    """(member), (member, dtype), (member, shape) or (member, attributes, name)."""
    loc = tuple(str(part) for part in detail["loc"])
    keep = 3 if loc[1:2] == ("attributes",) else 2
    return loc[:keep]


def _explain(role: str, declared: Array, member: MemberInfo | None, place: tuple[str, ...], info: FileInfo) -> Finding:
    path = f"{role}:/{place[0]}"
    if member is None:
        return finding(
            codes.MEMBER_MISSING,
            path,
            f"{place[0]} is missing",
            expected=f"{place[0]} ({_dims_text(declared)}) {declared.dtypes}",
            found=f"members {', '.join(sorted(info.members)) or '(none)'}",
        )
    if place[1] == "dtype":
        return finding(
            codes.WRONG_DTYPE,
            path,
            f"{place[0]} is {member.dtype}",
            expected=declared.dtypes.replace("|", " or "),
            found=member.dtype,
        )
    if place[1] == "shape" and 0 in member.shape:
        return finding(
            codes.WRONG_SHAPE,
            path,
            f"{place[0]} is empty: {_shape_text(member.shape)}",
            expected=f"{_dims_text(declared)}, none of them 0",
            found=_shape_text(member.shape),
            fix="Find where the values were lost, or leave the file out.",
        )
    if place[1] == "shape":
        return finding(
            codes.WRONG_SHAPE,
            path,
            f"{place[0]} has shape {_shape_text(member.shape)}",
            expected=_dims_text(declared),
            found=_shape_text(member.shape),
        )
    return _attribute_finding(path, place[2], declared.attrs[place[2]], member.attributes.get(place[2]))


def _attribute_finding(path: str, name: str, attr: Attr, found: AttributeInfo | None) -> Finding:
    expected = EXPECTED[attr.kind]
    where = f"{path}@{name}"
    if found is None:
        return finding(
            codes.ATTRIBUTE_MISSING,
            where,
            f"attribute {name} is missing ({attr.meaning})",
            expected=expected,
            found="no such attribute",
        )
    return finding(
        codes.ATTRIBUTE_VALUE,
        where,
        f"attribute {name} is {found.value!r}",
        expected=f"{expected} ({attr.meaning})",
        found=repr(found.value),
    )


def _one_of(role: str, model: type[FileModel], info: FileInfo) -> Iterator[Finding]:
    for group in model.one_of:
        if not any(name in info.members for name in group):
            yield finding(
                codes.MEMBER_MISSING,
                f"{role}:/{group[0]}",
                f"none of {', '.join(group)} is there",
                expected=f"one of {', '.join(group)}",
                found=f"members {', '.join(sorted(info.members)) or '(none)'}",
            )


def _prefixes(role: str, model: type[FileModel], info: FileInfo) -> Iterator[Finding]:
    paths = unwrapped(model, info.members)
    for prefix in model.prefixes:
        if not any(path.startswith(prefix) for path in paths):
            tops = sorted({path.split(".")[0].split("/")[0] for path in paths})
            yield finding(
                codes.MEMBER_MISSING,
                f"{role}:/{prefix}*",
                f"no member begins with {prefix}",
                expected=f"members {prefix}*",
                found=f"members beginning with {', '.join(tops) or '(none)'}",
            )


def unwrapped(model: type[FileModel], paths: Collection[str]) -> list[str]:
    """The paths without the model's wrapper where every one begins with it, otherwise as they are."""
    wrapped = all(path.startswith(model.wrapper) for path in paths)
    return [path.removeprefix(model.wrapper) if wrapped else path for path in paths]


def _root_attributes(role: str, model: type[FileModel], info: FileInfo) -> Iterator[Finding]:
    for name, attr in model.root_attrs.items():
        present = info.attributes.get(name)
        if (present is None and attr.required) or (present is not None and not value_fits(attr, present.value)):
            yield _attribute_finding(f"{role}:/", name, attr, present)


def value_fits(attr: Attr, value: Any) -> bool:
    """Whether a described attribute value is what `attr` demands."""
    if attr.kind in ("text", "flag"):
        return isinstance(value, str if attr.kind == "text" else bool)
    number = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return math.isfinite(number) and (attr.kind == "number" or number > 0)


def _advised(role: str, model: type[FileModel], info: FileInfo) -> Iterator[Finding]:
    for name, attr in model.root_attrs.items():
        if attr.advised and name not in info.attributes:
            yield _attribute_advised(f"{role}:/", name, attr)
    for path, declared in model.arrays().items():
        member = info.members.get(path)
        if member is None:
            if declared.advised:
                yield finding(
                    codes.MEMBER_ADVISED,
                    f"{role}:/{path}",
                    f"{path} is missing: {declared.advised}",
                    expected=f"{path} ({_dims_text(declared)})",
                    found="no such member",
                )
            continue
        for name, attr in declared.attrs.items():
            if attr.advised and name not in member.attributes:
                yield _attribute_advised(f"{role}:/{path}", name, attr)


def _attribute_advised(path: str, name: str, attr: Attr) -> Finding:
    return finding(
        codes.ATTRIBUTE_ADVISED,
        f"{path}@{name}",
        f"attribute {name} is missing: {attr.advised}",
        expected=attr.meaning,
        found="no such attribute",
    )


def solve_dimensions(contract: ArrayContract, description: Description) -> dict[str, list[tuple[int, str]]]:
    """Every named dimension with the sizes it takes and where: {name: [(size, location), …]}.

    Members whose shape fits no declared form are left out: that is a finding of its own.
    """
    sizes: dict[str, list[tuple[int, str]]] = {}
    for role, model in contract.files.items():
        info = description.files.get(role)
        for path, declared in model.arrays().items() if info is not None else ():
            member = info.members.get(path) if info is not None else None
            form = None if member is None else fitting_form(declared, member.shape)
            if form is None or member is None:
                continue
            for name, size in zip(form, member.shape, strict=True):
                if not name.isdigit():
                    sizes.setdefault(name.rstrip("*"), []).append((size, f"{role}:/{path}"))
    return sizes


def fitting_form(declared: Array, shape: tuple[int, ...]) -> tuple[str, ...] | None:
    """The first declared form that a shape fits, or None."""
    for form in declared.alternatives:
        if len(form) == len(shape) and all(_fits(n, s) for n, s in zip(form, shape, strict=True)):
            return form
    return None


def _fits(name: str, size: int) -> bool:
    if name.isdigit():
        return size == int(name)
    return size >= (0 if name.endswith("*") else 1)


def check_dimensions(contract: ArrayContract, description: Description) -> Iterator[Finding]:
    """One finding for each place where a named dimension differs from where it was first met."""
    for name, uses in solve_dimensions(contract, description).items():
        size, origin = uses[0]
        for other, location in dict.fromkeys(uses[1:]):
            if other != size:
                yield finding(
                    codes.DIMENSION_MISMATCH,
                    location,
                    f"{name} is {other} here and {size} in {origin}",
                    expected=f"{name} = {size} (as in {origin})",
                    found=f"{name} = {other}",
                )


def _dims_text(declared: Array) -> str:
    forms = [f"({', '.join(form)})" for form in declared.alternatives]
    return " or ".join(forms)


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(str(size) for size in shape)}), {len(shape)} axes"
