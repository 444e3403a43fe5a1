"""JSON Schemas of the contracts (draft 2020-12), generated from the declarations.

The schema of an array contract validates what `ptycho describe FILE --format json` prints, with both halves of a
pair in one document; the schema of a document contract validates the document itself. Two things are beyond
JSON Schema and are the engine's: equal sizes of a named dimension, listed under `x-dimensions`, and the numbers.
The files that are made of them, and their lock, are `schema_files`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema as cs

from ptycho_contracts.contract import AnyContract, ArrayContract
from ptycho_contracts.declaration import Array, Attr, FileModel, attributes_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
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
