"""JSON Schemas of the contracts (draft 2020-12), generated from the declarations.

The schema of an array contract validates what `ptycho describe FILE --format json` prints, with both halves of a
pair in one document; the schema of a document contract validates the document itself. Two things are beyond
JSON Schema and are the engine's: equal sizes of a named dimension, listed under `x-dimensions`, and the numbers.
A file `<id>/<version>.schema.json` is never changed: another schema is another version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema as cs

from ptycho_contracts.atomic import atomic_write_text
from ptycho_contracts.contract import AnyContract, ArrayContract, all_contracts, get_contract
from ptycho_contracts.declaration import Array, Attr, FileModel, attributes_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUFFIX = ".schema.json"
# The installed package carries the files; in a checkout they lie beside src/.
_FOLDERS = (Path(__file__).parent / "schemas", Path(__file__).parents[2] / "schemas")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_REGEX_SIGNS = re.compile(r"[\\^$.|?*+()\[\]{}]")

Schema = dict[str, Any]


class _Documents(GenerateJsonSchema):
    """pydantic's own, without the titles that it makes of field names.

    A tag that chooses between models has a default in each, but pydantic demands it; so does the schema.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def tagged_union_schema(self, schema: cs.TaggedUnionSchema) -> JsonSchemaValue:
        union = super().tagged_union_schema(schema)
        tag = union.pop("discriminator")["propertyName"]
        return {"type": "object", "required": [tag]} | union


class _Members(_Documents):
    """For members: an optional one is absent, never null, so no default is stated."""

    def default_schema(self, schema: cs.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def schema_of(contract: AnyContract) -> Schema:
    """The JSON Schema of a contract, with `$id` `urn:ptycho-contracts:<id>:<version>`; the same on every call."""
    body = _described(contract) if isinstance(contract, ArrayContract) else _model(contract.model)
    text = f"{contract.summary}. {body.pop('description', '')}".rstrip()
    return {
        "$schema": DIALECT,
        "$id": f"urn:ptycho-contracts:{contract.id}:{contract.version}",
        "title": f"{contract.id} {contract.version}",
        "description": text,
    } | {key: value for key, value in body.items() if key != "title"}


def _model(model: type[BaseModel]) -> Schema:
    return model.model_json_schema(schema_generator=_Documents, mode="validation")


def _described(contract: ArrayContract) -> Schema:
    """The schema of a `Description` of the artifact."""
    files = {role: _file(model) for role, model in contract.files.items()}
    properties: Schema = {"files": _object(files, [r for r in files if r not in contract.optional_roles])}
    definitions: Schema = {}
    if contract.documents:
        documents = {role: _model(model) for role, model in contract.documents.items()}
        for document in documents.values():
            definitions |= document.pop("$defs", {})
        properties["documents"] = _object(documents, list(documents))
    schema = {"description": "Headers as `ptycho describe FILE --format json` prints them."}
    schema |= _object(properties, list(properties)) | {"x-dimensions": named_dimensions(contract)}
    return schema | ({"$defs": definitions} if definitions else {})


def _file(model: type[FileModel]) -> Schema:
    properties: Schema = {"container": {"const": model.container}}
    required = ["container"]
    if model.root_attrs:
        properties["attributes"] = _attributes(model.root_attrs)
        required += ["attributes"] if properties["attributes"].get("required") else []
    properties["members"] = _members(model)
    required += ["members"] if properties["members"].keys() & {"required", "allOf"} else []
    return {"description": first_paragraph(model)} | _object(properties, required)


def _members(model: type[FileModel]) -> Schema:
    """Members by path, as pydantic checks them, with what only a reader needs: meanings and dimension names."""
    generated = model.model_json_schema(schema_generator=_Members, mode="validation")
    properties: Schema = {}
    for path, declared in model.arrays().items():
        properties[path] = _member(generated["properties"][path], declared)
    schema = _object(properties, list(model.required_members()))
    presence = [{"anyOf": [{"required": [name]} for name in group]} for group in model.one_of]
    presence += [_some_name_begins(prefix) for prefix in model.prefixes]
    return schema | ({"allOf": presence} if presence else {})


def _member(generated: Schema, declared: Array) -> Schema:
    facets = dict(generated["properties"])
    forms = facets["shape"].get("anyOf", [facets["shape"]])
    for form, names in zip(forms, declared.alternatives, strict=True):
        for axis, name in zip(form.get("prefixItems", []), names, strict=True):
            if not name.isdigit():
                axis["title"] = name.rstrip("*")
    facets.pop("attributes")
    if declared.attrs:
        facets["attributes"] = _attributes(declared.attrs)
    meaning = {"description": declared.meaning} if declared.meaning else {}
    return meaning | _object(facets, generated["required"])


def _attributes(attrs: Mapping[str, Attr]) -> Schema:
    generated = _Members().generate(attributes_schema(attrs))
    for name, attr in attrs.items():
        generated["properties"][name] = {"description": attr.meaning} | generated["properties"][name]
    return _object(generated["properties"], generated.get("required", []))


def _some_name_begins(prefix: str) -> Schema:
    """Some property name begins with `prefix`: JSON Schema can say it only as "not all names are others"."""
    pattern = "^" + _REGEX_SIGNS.sub(r"\\\g<0>", prefix)
    return {"not": {"propertyNames": {"not": {"pattern": pattern}}}}


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object"}
    if required:
        schema["required"] = required
    return schema | ({"properties": properties} if properties else {})


def first_paragraph(model: type[BaseModel]) -> str:
    """What a model's docstring says first, on one line."""
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def named_dimensions(contract: ArrayContract) -> dict[str, list[str]]:
    """Where each named dimension occurs (`dp:/dp axis 0`); its sizes must be equal in all these places.

    A member of several allowed forms has an axis in the places of each.
    """
    places: dict[str, list[str]] = {}
    for role, model in contract.files.items():
        for path, declared in model.arrays().items():
            for form in declared.alternatives:
                for axis, name in enumerate(form):
                    place = f"{role}:/{path} axis {axis}"
                    if not name.isdigit() and place not in places.setdefault(name.rstrip("*"), []):
                        places[name.rstrip("*")].append(place)
    return {name: found for name, found in places.items() if len(found) > 1}


def file_of(contract: AnyContract, folder: Path) -> Path:
    """Where the schema of a contract's present version lies below `folder`."""
    return folder / contract.id / f"{contract.version}{SUFFIX}"


def write_all(folder: Path | str) -> list[Path]:
    """Write the schemas that are not there yet; returns the files that were written.

    Raises:
        ValueError: a file of that version exists and says something else. Nothing was written.
    """
    folder = Path(folder)
    states = {contract.id: _state(contract, folder) for contract in all_contracts().values()}
    changed = [problem for problem in states.values() if problem and "differs" in problem]
    if changed:
        raise ValueError("\n".join(changed))
    missing = [contract for contract in all_contracts().values() if states[contract.id]]
    for contract in missing:
        text = json.dumps(schema_of(contract), indent=2, ensure_ascii=False) + "\n"
        atomic_write_text(file_of(contract, folder), text)
    return [file_of(contract, folder) for contract in missing]


def check_all(folder: Path | str) -> list[str]:
    """What is wrong with the schema files: missing, different, or of no contract; empty where all is well.

    Files of earlier versions of a contract are right where they are.
    """
    folder = Path(folder)
    problems = [problem for contract in all_contracts().values() if (problem := _state(contract, folder))]
    return problems + [
        f"{path.relative_to(folder)} belongs to no version of a contract up to the present one"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _known(path.relative_to(folder))
    ]


def _state(contract: AnyContract, folder: Path) -> str | None:
    path = file_of(contract, folder)
    name = path.relative_to(folder)
    if not path.is_file():
        return f"{name} is missing; `ptycho schema write` makes it"
    try:
        same = json.loads(path.read_text(encoding="utf-8")) == schema_of(contract)
    except ValueError:
        same = False
    if same:
        return None
    return (
        f"{name} differs from what the contract declares; give the contract another version (a version that was "
        "never released may be deleted and written again)"
    )


def _known(path: Path) -> bool:
    contract = all_contracts().get(path.parts[0])
    version = path.name.removesuffix(SUFFIX)
    if contract is None or len(path.parts) != 2 or path.name == version or not _VERSION.fullmatch(version):
        return False
    return _numbers(version) <= _numbers(contract.version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def load(contract_id: str) -> Schema:
    """The committed schema of a contract's present version: from the installed package, else from the checkout.

    Raises:
        KeyError: no contract of that id.
        FileNotFoundError: no such file in either place.
    """
    contract = get_contract(contract_id)
    for folder in _FOLDERS:
        path = file_of(contract, folder)
        if path.is_file():
            schema: Schema = json.loads(path.read_text(encoding="utf-8"))
            return schema
    raise FileNotFoundError(f"no schema file for {contract_id} {contract.version} in {_FOLDERS[0]} or {_FOLDERS[1]}")
