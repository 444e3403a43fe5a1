"""The part of a page that tells the fields of a document, from its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.reference_markdown import names, prose, table
from ptycho_contracts.schema import first_paragraph, schema_of

_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def document_blocks(contract: DocumentContract) -> Iterator[str]:
    """What the document must be: its fields, then those of every model inside it."""
    schema = schema_of(contract)
    yield first_paragraph(contract.model)
    if contract.names:
        yield f"Recognised by its name: {names(contract.names)}."
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    if schema.get("properties"):
        yield "## Fields"
        yield _fields_table(schema)
    else:
        tags = names(tuple(schema.get("required", ())))
        yield f"The document: {_type_text(schema)}{f', told apart by the required field {tags}' if tags else ''}."
    for name, part in definitions.items():
        if part.get("properties"):
            yield f"## {name}"
            yield prose(" ".join(part.get("description", "").split("\n\n")[0].split()))
            yield _fields_table(part)


def _fields_table(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        [f"`{name}`", "required" if name in required else _default(part), _type_text(part), part.get("description", "")]
        for name, part in schema["properties"].items()
    ]
    return table(["field", "needed", "type", "says"], rows)


def _default(part: Mapping[str, Any]) -> str:
    return f"default {part['default']!r}" if part.get("default") not in (None, {}, []) else "optional"


def _type_text(part: Mapping[str, Any]) -> str:
    """The type in a few words; the schema itself says every detail."""
    if "$ref" in part:
        return str(part["$ref"]).removeprefix("#/$defs/")
    for key in ("anyOf", "oneOf"):
        if key in part:
            return " or ".join(dict.fromkeys(_type_text(option) for option in part[key]))
    if "const" in part or "enum" in part:
        return " or ".join(f"`{value}`" for value in part.get("enum", [part.get("const")]))
    kind = str(part.get("type", "anything"))
    if kind == "array":
        return f"list of {_grouped(part['items'])}" if "items" in part else "list"
    if kind == "object" and isinstance(part.get("additionalProperties"), dict):
        return f"dictionary of {_grouped(part['additionalProperties'])}"
    return kind + "".join(f" {sign} {part[key]}" for key, sign in _BOUNDS.items() if key in part)


def _grouped(part: Mapping[str, Any]) -> str:
    text = _type_text(part)
    return f"({text})" if " or " in text else text
