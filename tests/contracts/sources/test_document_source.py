"""JSON and YAML documents: values where every reader agrees, findings with a place where not."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_contracts.engine_codes import FILE_ABSENT, RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.sources import SourceError
from ptycho_contracts.sources.document import NOT_STRICT_JSON, read_json, read_yaml
from ptycho_contracts.sources.stand_ins import STAND_IN


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # PyYAML has its own idea of \ud83d\ude00, and a key of YAML ends within 1024 characters, escapes included.
    texts = st.text(st.characters(max_codepoint=0xD7FF), max_size=100)
    return st.recursive(
        st.none() | st.booleans() | st.integers() | texts | leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=10,
    )


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents") / "document"


@given(value=values(st.floats(allow_nan=False, allow_infinity=False)))
def test_json_comes_back(document: Path, value: Any) -> None:
    document.write_text(json.dumps(value), encoding="utf-8")
    assert read_json(document) == (value, [])


@given(value=values(st.nothing()))
def test_json_is_yaml_too(document: Path, value: Any) -> None:
    """Without floats: PyYAML reads 1e-05 as a text."""
    document.write_text(json.dumps(value), encoding="utf-8")
    assert read_yaml(document) == value


def test_nan_is_kept_and_reported(document: Path) -> None:
    document.write_text('{"pinn": {"metrics": {"psnr": [NaN, Infinity], "mae": [1.0, -Infinity]}}}')
    value, findings = read_json(document, "json")
    psnr, mae = value["pinn"]["metrics"]["psnr"], value["pinn"]["metrics"]["mae"]
    assert math.isnan(psnr[0])
    assert (psnr[1], mae[1]) == (math.inf, -math.inf)
    assert [(f.code, f.location) for f in findings] == [(NOT_STRICT_JSON.id, "json:/")]
    assert "3 values" in findings[0].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1, column 2"),
        ('{"a": 1,\n "b": }', "line 2, column 7"),
        ("[1] 2", "line 1, column 5"),
        ('{"a": 1, "a": 2}', "'a' is given twice"),
        ("[" * 100_000, "sound"),
        ("1" * 5000, "sound"),
        ('"\\ud800"', "sound"),
        ("{'a': 1}", "line 1, column 2"),
        ("[nan]", "line 1"),
    ],
)
def test_what_is_not_json(document: Path, refuses: Any, text: str, words: str) -> None:
    document.write_text(text)
    assert words in refuses(UNREADABLE, lambda: read_json(document))


def test_a_byte_order_mark_is_no_part_of_the_document(document: Path) -> None:
    document.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(document)[0] == read_yaml(document) == [1]


def test_yaml_values(document: Path) -> None:
    document.write_text(
        "base: &base {epochs: 3, lr: 1.0e-4}\n"
        "run: {<<: *base, epochs: 5}\n"
        "again: {<<: *base}\n"
        "text: 1e-4\n"
        "day: 2026-02-01\n"
        "list: [*base, *base]\n"
    )
    base = {"epochs": 3, "lr": 1e-4}
    assert read_yaml(document) == {
        "base": base,
        "run": {"epochs": 5, "lr": 1e-4},
        "again": base,
        "text": "1e-4",
        "day": datetime.date(2026, 2, 1),
        "list": [base, base],
    }
    document.write_text("# nothing\n")
    assert read_yaml(document) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: [1,\n", "line 3"),
        ("a: 1\na: 2\n", "'a' is given twice at line 2, column 1"),
        ("x:\n  a: 1\n  a: 2\n", "line 3, column 3"),
        ("a: &x {<<: *y}\n", "undefined alias"),
        ("a: &x [*x]\n", "an alias to what it lies in"),
        ("a: &x {b: *x}\n", "an alias to what it lies in"),
        ("!!python/object/apply:os.system ['true']\n", "python/object"),
        ("!!python/name:os.system\n", "python/name"),
        ("--- 1\n--- 2\n", "line 2"),
        ("? [1, 2]\n: 3\n", "unhashable"),
        ("a: 2026-13-45\n", "month"),
        ("a: !!int x\n", "sound"),
        ("a: !!bool x\n", "sound"),
        ("a: !!binary x\n", "base64"),
        ("[" * 20_000, "sound"),
        ("a: \x01\n", "special characters"),
        ("\t- a", "line 1"),
        ('"\\ud800"', "sound"),
    ],
)
def test_what_is_not_yaml(document: Path, refuses: Any, text: str, words: str) -> None:
    document.write_text(text)
    assert words in refuses(UNREADABLE, lambda: read_yaml(document))


@pytest.mark.parametrize("merge", [False, True])
def test_an_alias_bomb(document: Path, refuses: Any, merge: bool) -> None:
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, 30):
        twice = f"[*a{level - 1}, *a{level - 1}]"
        lines.append(f"a{level}: &a{level} " + (f"{{<<: {twice}, y{level}: 1}}" if merge else twice))
    document.write_text("\n".join(lines))
    refuses(RESOURCE_LIMIT, lambda: read_yaml(document))


@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_files_that_are_no_documents(document: Path, refuses: Any, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses(FILE_ABSENT, lambda: read(document.parent / "absent"))
    refuses(UNREADABLE, lambda: read(document.parent))
    document.write_bytes(b"[1, \xff]")
    assert "byte 4" in refuses(UNREADABLE, lambda: read(document))
    monkeypatch.setattr("ptycho_contracts.sources.document.MAX_DOCUMENT_BYTES", 3)
    refuses(RESOURCE_LIMIT, lambda: read(document))


@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,-?!&*'\"#|>%@` \n\tab1", max_size=60).map(str.encode))
def test_any_bytes_give_a_value_or_a_finding(document: Path, content: bytes) -> None:
    document.write_bytes(content or b" ")
    for read in (read_json, read_yaml):
        try:
            read(document)
        except SourceError as error:
            assert error.findings[0].code in (UNREADABLE.id, RESOURCE_LIMIT.id, STAND_IN.id)  # noqa: PT017
