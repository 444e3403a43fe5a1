"""Values that a JSON Schema allows, for the keywords that the schemas of our documents use.

An unknown keyword raises, so that a contract that begins to use one is not tested with values it forbids.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

_ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "default", "x-dimensions"}
_CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc"])
_TEXTS = st.text(_CHARACTERS, max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.floats(-1e9, 1e9) | _TEXTS
_ANYTHING = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=5
)
_MAX_EXTRA = 3


def json_values(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that fulfil `schema`, whose `$ref`s point into its own `$defs`.

    Raises:
        NotImplementedError: the schema uses a keyword that is not understood here.
    """
    return _values(schema, schema.get("$defs", {}))


def _values(schema: Schema, definitions: Schema) -> st.SearchStrategy[Any]:
    rules = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    if "$ref" in rules:
        name = rules.pop("$ref").removeprefix("#/$defs/")
        return st.deferred(lambda: _values(definitions[name], definitions))
    for key in ("anyOf", "oneOf"):
        if key in rules:
            parts = [_demanding(part, rules.get("required", []), definitions) for part in rules[key]]
            return st.one_of([_values(part, definitions) for part in parts])
    if "const" in rules:
        return st.just(rules["const"])
    if "enum" in rules:
        return st.sampled_from(rules["enum"])
    return _of_type(rules, definitions)


def _demanding(schema: Schema, required: list[str], definitions: Schema) -> Schema:
    """`schema`, where the union around it requires more fields than it does itself (the tag)."""
    if not required:
        return schema
    resolved = definitions[schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema
    return resolved | {"required": [*resolved.get("required", []), *required]}


def _of_type(rules: dict[str, Any], definitions: Schema) -> st.SearchStrategy[Any]:
    match rules.pop("type", None):
        case None:
            strategy: st.SearchStrategy[Any] = _ANYTHING
        case "null":
            strategy = st.none()
        case "boolean":
            strategy = st.booleans()
        case "integer":
            strategy = _integers(rules)
        case "number":
            strategy = _numbers(rules)
        case "string":
            strategy = _strings(rules)
        case "array":
            strategy = _arrays(rules, definitions)
        case "object":
            strategy = _objects(rules, definitions)
        case other:
            raise NotImplementedError(f"JSON Schema type {other!r}")
    if rules:
        raise NotImplementedError(f"JSON Schema keywords {', '.join(rules)}")
    return strategy


def _integers(rules: dict[str, Any]) -> st.SearchStrategy[int]:
    low = max(rules.pop("minimum", -(2**31)), rules.pop("exclusiveMinimum", -(2**31)) + 1)
    high = min(rules.pop("maximum", 2**31), rules.pop("exclusiveMaximum", 2**31) - 1)
    return st.integers(low, high)


def _numbers(rules: dict[str, Any]) -> st.SearchStrategy[float]:
    low, open_low = rules.pop("minimum", -1e9), rules.pop("exclusiveMinimum", None)
    high, open_high = rules.pop("maximum", 1e9), rules.pop("exclusiveMaximum", None)
    return st.floats(
        low if open_low is None else open_low,
        high if open_high is None else open_high,
        exclude_min=open_low is not None,
        exclude_max=open_high is not None,
    )


def _strings(rules: dict[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in rules:
        return st.from_regex(rules.pop("pattern"), fullmatch=True)
    if rules.pop("format", None) == "date-time":
        first, last = datetime(1990, 1, 1), datetime(2100, 1, 1)
        return st.datetimes(first, last, timezones=st.just(UTC)).map(datetime.isoformat)
    low = rules.pop("minLength", 0)
    return st.text(_CHARACTERS, min_size=low, max_size=low + 20)


def _arrays(rules: dict[str, Any], definitions: Schema) -> st.SearchStrategy[list[Any]]:
    low, high = rules.pop("minItems", 0), rules.pop("maxItems", None)
    if "prefixItems" in rules:
        return st.tuples(*(_values(item, definitions) for item in rules.pop("prefixItems"))).map(list)
    items = _values(rules.pop("items", {}), definitions)
    return st.lists(items, min_size=low, max_size=low + _MAX_EXTRA if high is None else high)


def _objects(rules: dict[str, Any], definitions: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Named fields where the schema names some; otherwise a dictionary of what it allows as names and values."""
    needed, extra = rules.pop("required", ()), rules.pop("additionalProperties", True)
    low = rules.pop("minProperties", 0)
    names = _values({"type": "string"} | rules.pop("propertyNames", {}), definitions)
    if "properties" in rules:
        fields = {name: _values(part, definitions) for name, part in rules.pop("properties").items()}
        required = {name: fields.pop(name) for name in list(fields) if name in needed}
        return st.fixed_dictionaries(required, optional=fields)
    if len(rules.get("patternProperties", ())) == 1:
        ((pattern, extra),) = rules.pop("patternProperties").items()
        names = st.from_regex(pattern, fullmatch=True)
    values = _values({} if extra is True else extra, definitions)
    return st.dictionaries(names, values, min_size=low, max_size=low + _MAX_EXTRA)
