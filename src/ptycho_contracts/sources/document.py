"""JSON, YAML and TOML documents as Python values: strict where readers would disagree, safe for hostile ones."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.sources.faults import existing_file, over_limit, unreadable

NOT_STRICT_JSON = Code(
    "PTY009",
    Severity.WARNING,
    "JSON with NaN or Infinity",
    "The document holds NaN, Infinity or -Infinity, which JSON does not have.",
    "Python writes and reads them, JavaScript, jq and most databases refuse the whole file.",
    "Write null or a text for a number that does not exist (in Python: `json.dump(…, allow_nan=False)`).",
)
_CORRECT = "Correct the document there; where its end is missing, copy or write it again."
MAX_DOCUMENT_BYTES = 64 * 2**20
MAX_YAML_NODES = 1_000_000


def read_json(path: Path | str, role: str = "json") -> tuple[Any, list[Finding]]:
    """The value of a JSON document, and a finding if it holds NaN or infinities, which are kept as floats.

    Raises:
        SourceError: FILE_ABSENT; RESOURCE_LIMIT beyond `MAX_DOCUMENT_BYTES`; UNREADABLE where it is not JSON
            (with line and column) or gives a key twice.
    """
    where = f"{role}:/"
    constants: list[str] = []

    def constant(name: str) -> float:
        constants.append(name)
        return float(name)

    text = _text(Path(path), role)
    try:
        value = json.loads(text, parse_constant=constant, object_pairs_hook=_once_each)
        if "\\u" in text:  # half of a surrogate pair, which no output could print
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise unreadable(where, f"not JSON: {error.msg} at {_place(error.lineno, error.colno)}", _CORRECT) from error
    except (ValueError, RecursionError) as error:
        raise unreadable(where, f"not a sound JSON document: {error}", _CORRECT) from error
    if not constants:
        return value, []
    message = f"{len(constants)} values are {' or '.join(sorted(set(constants)))}, which strict JSON has not"
    return value, [finding(NOT_STRICT_JSON, where, message)]


def read_yaml(path: Path | str, role: str = "yaml") -> Any:
    """The value of one YAML document of plain values (None for an empty one); tags that construct raise.

    Raises:
        SourceError: FILE_ABSENT; RESOURCE_LIMIT beyond `MAX_DOCUMENT_BYTES`, or where aliases expand to more
            than `MAX_YAML_NODES`; UNREADABLE where it is not YAML (with line and column) or gives a key
            twice.
    """
    where = f"{role}:/"
    try:
        loader = yaml.SafeLoader(_text(Path(path), role))
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _inspect(node, where)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark.line + 1, mark.column + 1) if mark else "an unknown place"
        raise unreadable(where, f"not YAML: {error.problem or error.context} at {place}", _CORRECT) from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise unreadable(where, f"not a sound YAML document: {error}", _CORRECT) from error


def read_toml(path: Path | str, role: str = "toml") -> dict[str, Any]:
    """The value of a TOML document.

    Raises:
        SourceError: FILE_ABSENT; RESOURCE_LIMIT beyond `MAX_DOCUMENT_BYTES`; UNREADABLE where it is not TOML.
    """
    try:
        return tomllib.loads(_text(Path(path), role))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise unreadable(f"{role}:/", f"not TOML: {error}", _CORRECT) from error


def _inspect(root: yaml.Node, where: str) -> None:
    """Refuse a node that contains itself, aliases that multiply, and mappings that give a key twice."""
    sizes: dict[int, int] = {}
    open_now: set[int] = set()

    def visit(node: yaml.Node) -> int:
        """How many nodes this one is, with every alias written out."""
        if id(node) in open_now:
            raise yaml.constructor.ConstructorError(None, None, "an alias to what it lies in", node.start_mark)
        if id(node) not in sizes:
            open_now.add(id(node))
            sizes[id(node)] = 1 + sum(visit(child) for child in _children(node))
            open_now.remove(id(node))
        if sizes[id(node)] > MAX_YAML_NODES:
            raise over_limit(where, f"the YAML aliases expand to more than {MAX_YAML_NODES} nodes")
        return sizes[id(node)]

    visit(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    """The nodes in a node; raises for texts and keys that cannot be told apart or printed."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        node.value.encode()  # fails for half of a surrogate pair, which no output could print
        return []
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                problem = f"the key {key.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add((key.tag, key.value))
    return [node for pair in node.value for node in pair]


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The dict of a JSON object, whose keys must differ."""
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is given twice")
    return value


def _text(path: Path, role: str) -> str:
    with existing_file(path, role).open("rb") as file:
        data = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise over_limit(f"{role}:/", f"{path} has more than {MAX_DOCUMENT_BYTES} bytes; no document has")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(f"{role}:/", f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error


def _place(line: int, column: int) -> str:
    return f"line {line}, column {column}"
