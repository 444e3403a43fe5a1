"""pydantic with the engine, and a plain JSON Schema validator, agree on random mutations of a description.

The law is about what `ptycho describe --format json` prints: a mutated JSON value is read as a `Description` first,
and both judge what that one dumps to; what is no `Description` at all, the schema must refuse too. Not covered,
because JSON Schema cannot say it: equal sizes of a named dimension (PTY201 is left out here and has its own
tests), and that 3.0 is no integer (to JSON Schema it is one; the strict fields of `config.yaml` refuse it).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from ptycho_contracts.contract import ArrayContract, all_contracts
from ptycho_contracts.description import Description
from ptycho_contracts.documents import check_document
from ptycho_contracts.engine_codes import DIMENSION_MISMATCH
from ptycho_contracts.schema import schema_of
from ptycho_contracts.structure import check_structure, solve_dimensions
from ptycho_contracts.testing import descriptions

ARRAYS = [c for c in all_contracts().values() if isinstance(c, ArrayContract)]
Mutation = Callable[[st.DrawFn, dict[str, Any]], None]

DTYPES = ("float32", "float64", "complex64", "complex128", "int16", "uint64", "str", "object", "none", "float128")
SHAPES = st.lists(st.integers(-1, 4), max_size=5) | st.sampled_from([None, "3", [[1]], ["a"], 7, [2, None]])
VALUES = st.sampled_from(
    [None, "text", "NaN", "", True, False, 0, -1, 3, 0.0, 1.5, -2.5, [1.5], [0.0], [2, 3], [], ["a"], [True], [None]]
)
CONTAINERS = ("npz", "hdf5", "pickle", "torch-zip", "dataset", "zarr")


def engine_accepts(contract: ArrayContract, description: Description) -> bool:
    found = [f for f in check_structure(contract, description) if f.code != DIMENSION_MISMATCH.id]
    for role, model in contract.documents.items():
        if role not in description.documents:
            return False
        found += check_document(model, description.documents[role], role)
    return all(f.severity != "error" for f in found)


@pytest.mark.parametrize("contract", ARRAYS, ids=lambda c: c.id)
def test_engine_and_json_schema_agree(contract: ArrayContract) -> None:
    validator = Draft202012Validator(schema_of(contract))
    seen = set()

    @settings(max_examples=80, deadline=None)
    @given(mutated(contract))
    def agree(value: dict[str, Any]) -> None:
        try:
            description = Description.model_validate(value)
        except ValidationError:
            assert not validator.is_valid(value)
            return
        accepted = engine_accepts(contract, description)
        assert validator.is_valid(description.model_dump(mode="json")) == accepted
        seen.add(accepted)

    agree()
    assert seen == {True, False}


@st.composite
def mutated(draw: st.DrawFn, contract: ArrayContract) -> dict[str, Any]:
    value = draw(descriptions(contract)).model_dump(mode="json")
    for _ in range(draw(st.integers(0, 2))):
        draw(st.sampled_from(mutations(contract)))(draw, value)
    return value


def any_file(draw: st.DrawFn, value: dict[str, Any]) -> dict[str, Any]:
    files: dict[str, Any] = value["files"]
    return files[draw(st.sampled_from(sorted(files)))] if files else {"members": {}, "attributes": {}}


def any_member(draw: st.DrawFn, value: dict[str, Any]) -> dict[str, Any]:
    members = any_file(draw, value)["members"]
    return members[draw(st.sampled_from(sorted(members)))] if members else {"attributes": {}}


def drop_file(draw: st.DrawFn, value: dict[str, Any]) -> None:
    drop_some(draw, value["files"])


def rename_file(draw: st.DrawFn, value: dict[str, Any]) -> None:
    rename_some(draw, value["files"])


def change_container(draw: st.DrawFn, value: dict[str, Any]) -> None:
    file = any_file(draw, value)
    file["container"] = draw(st.sampled_from(CONTAINERS))


def drop_member(draw: st.DrawFn, value: dict[str, Any]) -> None:
    drop_some(draw, any_file(draw, value)["members"])


def rename_member(draw: st.DrawFn, value: dict[str, Any]) -> None:
    rename_some(draw, any_file(draw, value)["members"])


def add_member(draw: st.DrawFn, value: dict[str, Any]) -> None:
    info = {"dtype": "float32", "shape": [3], "attributes": {}}
    any_file(draw, value)["members"][draw(st.sampled_from(["dp", "probe", "README", "encoder.x", "extra/deep"]))] = info


def change_dtype(draw: st.DrawFn, value: dict[str, Any]) -> None:
    any_member(draw, value)["dtype"] = draw(st.sampled_from(DTYPES))


def change_shape(declared: set[str], draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Of a declared member only: inside others the schema does not look."""
    members = [m for f in value["files"].values() for path, m in f["members"].items() if path in declared]
    if members:
        draw(st.sampled_from(members))["shape"] = draw(SHAPES)


def drop_attribute(draw: st.DrawFn, value: dict[str, Any]) -> None:
    drop_some(draw, any_member(draw, value)["attributes"])


def change_attribute(draw: st.DrawFn, value: dict[str, Any]) -> None:
    change_some(draw, any_member(draw, value)["attributes"])


def drop_root_attribute(draw: st.DrawFn, value: dict[str, Any]) -> None:
    drop_some(draw, any_file(draw, value)["attributes"])


def change_root_attribute(draw: st.DrawFn, value: dict[str, Any]) -> None:
    change_some(draw, any_file(draw, value)["attributes"])


def drop_document(draw: st.DrawFn, value: dict[str, Any]) -> None:
    drop_some(draw, value["documents"])


def change_document(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Drop or replace a field, at the first or the second level."""
    for document in value["documents"].values():
        section = document[draw(st.sampled_from(sorted(document)))] if draw(st.booleans()) else document
        if not isinstance(section, dict) or not section:
            continue
        name = draw(st.sampled_from(sorted(section)))
        if draw(st.booleans()):
            del section[name]
        else:
            section[name] = draw(VALUES.map(not_an_integral_float))


def not_an_integral_float(value: Any) -> Any:
    """0.0 is an integer to JSON Schema and none to a strict field: the documented edge."""
    return 0.25 if isinstance(value, float) and value.is_integer() else value


def drop_some(draw: st.DrawFn, items: dict[str, Any]) -> None:
    if items:
        del items[draw(st.sampled_from(sorted(items)))]


def rename_some(draw: st.DrawFn, items: dict[str, Any]) -> None:
    if items:
        name = draw(st.sampled_from(sorted(items)))
        items[f"{name}_x"] = items.pop(name)


def change_some(draw: st.DrawFn, attributes: dict[str, Any]) -> None:
    if attributes:
        attributes[draw(st.sampled_from(sorted(attributes)))]["value"] = draw(VALUES)


def mutations(contract: ArrayContract) -> list[Mutation]:
    declared = {path for model in contract.files.values() for path in model.arrays()}
    return [
        drop_file,
        rename_file,
        change_container,
        drop_member,
        rename_member,
        add_member,
        change_dtype,
        partial(change_shape, declared),
        drop_attribute,
        change_attribute,
        drop_root_attribute,
        change_root_attribute,
        *([drop_document, change_document] if contract.documents else []),
    ]


@pytest.mark.parametrize("contract", ARRAYS, ids=lambda c: c.id)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_dimension_is_one_size_across_members_and_files(contract: ArrayContract, data: st.DataObject) -> None:
    """Any one use of a shared dimension made larger is found; JSON Schema alone does not see it."""
    description = data.draw(descriptions(contract))
    shared = {name: uses for name, uses in solve_dimensions(contract, description).items() if len(uses) > 1}
    assert all(len({size for size, _ in uses}) == 1 for uses in shared.values())
    if not shared:
        return
    name = data.draw(st.sampled_from(sorted(shared)))
    size, location = data.draw(st.sampled_from(shared[name]))
    broken = enlarged(contract, description, location, name)
    found = [f for f in check_structure(contract, broken) if f.severity == "error"]
    assert {f.code for f in found} == {DIMENSION_MISMATCH.id}
    assert all(name in f.message and str(size + 1) in f.message for f in found)
    assert Draft202012Validator(schema_of(contract)).is_valid(broken.model_dump(mode="json"))


def enlarged(contract: ArrayContract, description: Description, location: str, name: str) -> Description:
    """The description with the first axis of that name at that location one larger."""
    role, _, path = location.partition(":/")
    declared = contract.files[role].arrays()[path]
    value = description.model_dump()
    shape = list(value["files"][role]["members"][path]["shape"])
    form = next(
        form
        for form in declared.alternatives
        if len(form) == len(shape) and all(not n.isdigit() or int(n) == s for n, s in zip(form, shape, strict=True))
    )
    shape[[n.rstrip("*") for n in form].index(name)] += 1
    value["files"][role]["members"][path]["shape"] = shape
    return Description.model_validate(value)
