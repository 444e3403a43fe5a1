"""The generated page `docs/arms.md`: what may stand under an arm's `options`, from the options models."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ptycho_contracts.reference_markdown import page, prose, table
from ptycho_runners.arms.base import Arm, all_arms

_GENERATED = "<!-- Generated from the options of the arms by `docs/generate.py`; edit those, not this page. -->"
_INTRO = (
    "What may stand under `options:` of an arm in a study file. An option that is misspelt or out of its range "
    "refuses the study before anything runs. Paths are relative to the study file, but for that of an interpreter. "
    "An arm from another package (entry point `ptycho_runners.arms`) is documented there."
)
# Defaults that differ from machine to machine.
_IN_WORDS = {sys.executable: "the interpreter that runs `ptycho`"}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_KINDS = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "mapping"}


def arms_page() -> str:
    """The page as Markdown, about the arms of this package."""
    ours = [arm for kind, arm in sorted(all_arms().items()) if type(arm).__module__.startswith(f"{__package__}.")]
    return page("# Arms and their options", _GENERATED, _INTRO, *(block for arm in ours for block in _blocks(arm)))


def _blocks(arm: Arm) -> Iterator[str]:
    schema = arm.options.model_json_schema()
    yield f"## {arm.kind}"
    yield _summary(schema)
    yield _options_table(schema, _defaults(arm.options))
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            yield f"### {name}"
            yield _summary(part)
            yield _options_table(part, {})


def _summary(schema: Mapping[str, Any]) -> str:
    return prose(" ".join(schema.get("description", "").split()))


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Defaults that the JSON Schema leaves out, because a function makes them."""
    return {
        name: to_jsonable_python(field.get_default(call_default_factory=True))
        for name, field in model.model_fields.items()
        if field.default_factory is not None
    }


def _options_table(schema: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        [
            f"`{name}`",
            _type(part),
            "required" if name in required else _default(part["default"] if "default" in part else made.get(name)),
            part.get("description", ""),
        ]
        for name, part in schema["properties"].items()
        if "const" not in part  # the name and version of a contract, which nobody needs to write
    ]
    return table(["option", "type", "default", "says"], rows)


def _default(value: Any) -> str:
    if isinstance(value, str) and value in _IN_WORDS:
        return _IN_WORDS[value]
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _type(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        name = str(part["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in part:
        return " or ".join(_type(option) for option in part["anyOf"])
    if "enum" in part or "const" in part:
        return " or ".join(f"`{value}`" for value in part.get("enum", [part.get("const")]))
    if part.get("type") == "array":
        return _array_type(part)
    kind = "path" if part.get("format") == "path" else str(part.get("type", "anything"))
    bounds = [f"{sign} {part[key]}" for key, sign in _BOUNDS.items() if key in part]
    return " ".join([_KINDS.get(kind, kind), ", ".join(bounds)]).strip()


def _array_type(part: Mapping[str, Any]) -> str:
    if "items" in part:
        return f"list of {_type(part['items'])}"
    return f"[{', '.join(_type(item) for item in part['prefixItems'])}]"
