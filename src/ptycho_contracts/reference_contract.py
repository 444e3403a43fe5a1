"""The page of one contract: what your file must hold, what is checked beyond that, and how to check it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ptycho_contracts.contract import AnyContract, ArrayContract, DocumentContract
from ptycho_contracts.declaration import Array, Attr, FileModel
from ptycho_contracts.reference_markdown import GENERATED, page, prose, table
from ptycho_contracts.rule import rules_for
from ptycho_contracts.schema import first_paragraph, named_dimensions, schema_of
from ptycho_contracts.structure import EXPECTED

_VALUES = {"finite": "finite", "nonnegative": "≥ 0"}


def contract_page(contract: AnyContract) -> str:
    """The page as Markdown."""
    head = [f"# {contract.id} {contract.version}", GENERATED, prose(_sentence(contract.summary))]
    if isinstance(contract, DocumentContract):
        return page(*head, *_document_blocks(contract), *_commands(contract))
    files = [block for role in contract.files for block in _file_blocks(contract, role)]
    return page(*head, *files, *_documents(contract), *_dimensions(contract), *_rules(contract), *_commands(contract))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _file_blocks(contract: ArrayContract, role: str) -> Iterator[str]:
    model = contract.files[role]
    name = contract.names.get(role) or (f"*{model.suffix}" if model.suffix else "")
    yield f"## File `{role}`" + (f" (`{name}`)" if name else "")
    missed = contract.optional_roles.get(role)
    yield f"{first_paragraph(model)} Container: {model.container}." + (f" Optional; {missed}." if missed else "")
    if model.arrays():
        rows = [_member_row(model, path, declared) for path, declared in model.arrays().items()]
        yield table(["member", "needed", "dtype", "dimensions", "holds"], rows)
    yield from (f"At least one of {_names(group)} must be there." for group in model.one_of)
    if model.prefixes:
        yield f"For each of {_names(model.prefixes)} some member's name must begin so."
    attributes = list(_attribute_rows(model))
    if attributes:
        yield table(["attribute of", "attribute", "needed", "value", "says"], attributes)


def _member_row(model: type[FileModel], path: str, declared: Array) -> list[str]:
    required = path in model.required_members()
    grouped = any(path in group for group in model.one_of)
    needed = "required" if required else "one of" if grouped else "advised" if declared.advised else "optional"
    holds = declared.meaning
    if declared.advised:
        holds += f" Advised: {declared.advised}."
    if declared.values:
        holds += f" Values: {', '.join(_VALUES[rule] for rule in declared.values)}."
    dims = " or ".join(f"({', '.join(form)})" if form else "scalar" for form in declared.alternatives)
    dims = dims.replace("*", " ≥ 0")
    return [f"`{path}`", needed, ", ".join(declared.allowed_dtypes), dims, holds]


def _attribute_rows(model: type[FileModel]) -> Iterator[list[str]]:
    yield from (_attribute_row("the file", name, attr) for name, attr in model.root_attrs.items())
    for path, declared in model.arrays().items():
        yield from (_attribute_row(f"`{path}`", name, attr) for name, attr in declared.attrs.items())


def _attribute_row(where: str, name: str, attr: Attr) -> list[str]:
    needed = "required" if attr.required else "advised" if attr.advised else "optional"
    says = attr.meaning + (f". Advised: {attr.advised}" if attr.advised else "")
    return [where, f"`{name}`", needed, EXPECTED[attr.kind], _sentence(says)]


def _documents(contract: ArrayContract) -> Iterator[str]:
    for role, model in contract.documents.items():
        yield f"## Document `{role}` (`{contract.names[role]}`)"
        yield f"{first_paragraph(model)} Its fields are part of the JSON Schema."


def _dimensions(contract: ArrayContract) -> Iterator[str]:
    dimensions = named_dimensions(contract)
    if dimensions:
        yield "## Sizes that must agree"
        yield (
            "Equal names mean equal sizes, in all these places; a number is a fixed size. Plain JSON Schema cannot "
            "say this; `ptycho validate` reports PTY201."
        )
        yield table(["dimension", "where"], [[f"`{n}`", ", ".join(places)] for n, places in dimensions.items()])


def _rules(contract: ArrayContract) -> Iterator[str]:
    yield "## What is checked beyond the structure"
    rows = [
        [rule.depth, f"[{code.id}](../codes.md)", code.severity.value, code.title]
        for rule in rules_for(contract)
        for code in rule.codes
    ]
    if any(declared.values for model in contract.files.values() for declared in model.arrays().values()):
        rows = [["data", "[PTY401, PTY402](../codes.md)", "error", "values that the tables above forbid"], *rows]
    yield table(["depth", "code", "severity", "finding"], rows) if rows else "Nothing."


def _commands(contract: AnyContract) -> Iterator[str]:
    yield "## How to check"
    if isinstance(contract, ArrayContract) and any(m.container == "dataset" for m in contract.files.values()):
        yield "A scan lives in memory; the adapters that make one keep to this page."
        return
    depth = " --depth data" if isinstance(contract, ArrayContract) else ""
    yield f"```\nptycho validate PATH --contract {contract.id}{depth}\n```"
    schema = f"schemas/{contract.id}/{contract.version}.schema.json"
    if isinstance(contract, ArrayContract):
        yield "The structure alone, with any JSON Schema validator:"
        yield f"```\nptycho describe PATH --format json | check-jsonschema --schemafile {schema} -\n```"
    elif contract.role in ("json", "yaml"):
        yield "Or with any JSON Schema validator:"
        yield f"```\ncheck-jsonschema --schemafile {schema} PATH\n```"


def _document_blocks(contract: DocumentContract) -> Iterator[str]:
    schema = schema_of(contract)
    yield first_paragraph(contract.model)
    if contract.names:
        yield f"Recognised by its name: {_names(contract.names)}."
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    if schema.get("properties"):
        yield "## Fields"
        yield _fields_table(schema)
    else:
        tags = _names(tuple(schema.get("required", ())))
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


_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
