"""The generator of JSON values refuses a schema that it does not understand, instead of breaking its promise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ptycho_contracts.testing.json_values import json_values

SCHEMAS: list[dict[str, Any]] = [
    {"type": "integer", "exclusiveMinimum": 3, "maximum": 5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 3},
    {"type": "array", "prefixItems": [{"const": 1}, {"type": "boolean"}], "minItems": 2, "maxItems": 2},
    {
        "type": "object",
        "properties": {"a": {"enum": [1, "b"]}, "c": {}},
        "required": ["a"],
        "additionalProperties": False,
    },
    {"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"pattern": "^k[0-9]$"}},
    {"type": "object", "patternProperties": {"^k[0-9]$": {"type": "integer"}}, "additionalProperties": False},
    {
        "$defs": {"T": {"type": "object", "properties": {"t": {"const": "x"}}}},
        "oneOf": [{"$ref": "#/$defs/T"}],
        "required": ["t"],
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_values_fulfil_their_schema(schema: dict[str, Any], data: st.DataObject) -> None:
    Draft202012Validator(schema).validate(data.draw(json_values(schema)))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "multipleOf": 3},
        {"type": "tuple"},
        {"allOf": [{}]},
        {"type": "object", "patternProperties": {"^a": {}, "^b": {}}},
    ],
)
def test_an_unknown_keyword_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError, match="JSON Schema"):
        json_values(schema)
