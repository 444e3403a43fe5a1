"""Pickles: plain values come through, everything that would run code is refused, nothing else ever happens."""

from __future__ import annotations

import collections
import io
import os
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_contracts.engine_codes import FILE_ABSENT, FORBIDDEN_PICKLE, RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.sources import SourceError
from ptycho_contracts.sources.pickle_file import PickleSource, read_number_dict
from ptycho_contracts.sources.pickle_values import NUMBERS, number_dict, object_array_string, plain
from ptycho_contracts.sources.pickle_walk import MAX_DEPTH, Call, Symbol, walk

WHERE = "pickle:/"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(min_size=1, max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=4)
    ),
    max_leaves=12,
)
PROTOCOLS = st.integers(0, pickle.HIGHEST_PROTOCOL)


def value_of(data: bytes) -> Any:
    return plain(walk(data, NUMBERS, WHERE), WHERE)


@given(value=VALUES, protocol=PROTOCOLS)
def test_plain_values_come_through_in_every_protocol(value: Any, protocol: int) -> None:
    assert value_of(pickle.dumps(value, protocol)) == value


@given(value=st.dictionaries(st.text(), st.floats() | st.integers(-(2**63), 2**63 - 1)), protocol=PROTOCOLS)
def test_a_number_dict(value: dict[str, float], protocol: int) -> None:
    got = number_dict(pickle.dumps(value, protocol), WHERE)
    assert list(got) == list(value)
    np.testing.assert_array_equal(list(got.values()), [float(number) for number in value.values()])


@pytest.mark.parametrize("dtype", ["?", "i1", "<i8", ">u4", "<f2", ">f4", "<f8"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_numpy_scalars_of_both_numpy_generations(dtype: str, protocol: int, module: bytes) -> None:
    data = pickle.dumps({"a": np.array(1, dtype=dtype)[()]}, protocol)
    if protocol < 4:
        data = data.replace(b"numpy._core.multiarray", module)
    if dtype == "?":
        assert value_of(data) == {"a": True}
    else:
        assert number_dict(data, WHERE) == {"a": 1.0}


def test_ordered_and_default_dicts() -> None:
    losses = collections.defaultdict(list, {"train": [1.0, 2.0]})
    value = collections.OrderedDict(b=losses, a=(np.float64(3.5),))
    assert value_of(pickle.dumps(value)) == {"b": {"train": [1.0, 2.0]}, "a": (3.5,)}


def test_sets_and_bytearrays_and_framed_pickles() -> None:
    value = {"s": {1, 2}, "f": frozenset({"a"}), "b": bytearray(b"x"), "long": "y" * 100_000}
    assert value_of(pickle.dumps(value, 5)) == value
    assert value_of(pickle.dumps([1, (2, 3)], 0)) == [1, (2, 3)]


def test_a_call_is_kept_and_not_made() -> None:
    symbol = Symbol("os", "system")
    assert walk(b"cos\nsystem\n(S'true'\ntR.", frozenset({symbol}), WHERE) == Call(symbol, ("true",))


def object_array(value: object) -> bytes:
    member = io.BytesIO()
    np.save(member, np.array(value, dtype=object), allow_pickle=True)
    return member.getvalue()[128:]


@given(st.text(max_size=500))
def test_a_text_in_an_object_array(text: str) -> None:
    assert object_array_string(object_array(text), WHERE) == text


@pytest.mark.parametrize("value", [None, 5, ["a", "b"], ["a"]])
def test_other_object_arrays_hold_no_text(refuses, value: object) -> None:
    refuses(UNREADABLE, lambda: object_array_string(object_array(value), WHERE))


@pytest.mark.parametrize("value", [[1.0], {"a": "b"}, {"a": True}, {1: 1.0}, {"a": None}, {"a": 1j}])
def test_other_values_are_no_number_dict(refuses, value: Any) -> None:
    allowed = not (isinstance(value, dict) and value.get("a") == 1j)
    refuses(UNREADABLE if allowed else FORBIDDEN_PICKLE, lambda: number_dict(pickle.dumps(value), WHERE))


class Reduced:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self._reduced = (function, args, state) if state is not None else (function, args)

    def __reduce__(self) -> Any:
        return self._reduced


RUNS = "echo pwned > pwned.txt"
_REDUCE = [pickle.dumps(Reduced(os.system, RUNS), protocol) for protocol in range(6)]
ATTACKS: dict[str, bytes] = {
    **{f"reduce, protocol {protocol}": data for protocol, data in enumerate(_REDUCE)},
    "in a dict": pickle.dumps({"a": Reduced(eval, "1")}),
    "as a key's neighbour": pickle.dumps({"a": 1.0, "b": Reduced(exec, "1")}, 2),
    "inst": b"(S'true'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'true'\no.",
    "newobj": b"\x80\x02cos\nsystem\nU\x04true\x85\x81.",
    "newobj_ex": b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93)}\x92.",
    "ext1": b"\x80\x02\x82\x01.",
    "ext2": b"\x80\x02\x83\x01\x00.",
    "ext4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "next buffer": b"\x80\x05\x97.",
    "readonly buffer": b"\x80\x05\x97\x98.",
    "built-in by another name": b"c__builtin__\neval\n(S'1'\ntR.",
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0ddtype.__new__\x93.",
    "module inside an allowed one": b"\x80\x04\x8c\x0bcollections\x8c\x0c_sys.modules\x93.",
    "numpy's own door": b"cnumpy.testing._private.utils\nrunstring\n.",
    "getattr": b"cbuiltins\ngetattr\n.",
    "class of the allowed package": b"cnumpy\nmemmap\n.",
    "state for a dict": b"\x80\x02}}b.",
    "state for a class": b"\x80\x02cnumpy\ndtype\n}U\x0c__setstate__U\x01xsb.",
    "state twice": b"\x80\x02cnumpy\ndtype\n(U\x02f4\x88\x88tR}b}b.",
    "call of a text": b"\x80\x02U\x06systemU\x04true\x85R.",
    "call of a call": b"\x80\x02cnumpy\ndtype\n)R)R.",
    "list in itself": b"\x80\x02]q\x00h\x00a.",
    "dict in itself": b"\x80\x02}q\x00U\x01ah\x00s.",
    "tuple in itself through a list": b"\x80\x02]q\x00h\x00\x85a.",
    "call in its own state": b"\x80\x02cnumpy\ndtype\n)Rq\x00h\x00b.",
    "tuple as a key": pickle.dumps({(1, 2): 3.0}),
    "float as a key": pickle.dumps({1.5: 3.0}),
    "long as a key": pickle.dumps({2**61: 3.0}),
    "set of tuples": pickle.dumps({(1,)}),
    "foreign class": pickle.dumps(Path()),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused(tmp_path: Path, refuses, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = refuses(FORBIDDEN_PICKLE, lambda: value_of(ATTACKS[name]))
    assert "byte" in message or "contains itself" in message
    assert list(tmp_path.iterdir()) == []


def nested(open_: bytes, close: bytes, depth: int) -> bytes:
    return b"\x80\x02" + open_ * depth + close * (depth - 1) + b"."


BOMBS: dict[str, bytes] = {
    "deep lists": nested(b"]", b"a", 100_000),
    "deep tuples": b"\x80\x02)" + b"\x85" * 100_000 + b".",
    "deep dicts": b"\x80\x02" + b"}U\x01a" * 10_000 + b"}" + b"s" * 10_000 + b".",
    "long": b"\x80\x02\x8b" + struct.pack("<i", 1_000_000) + b"\x7f" * 1_000_000 + b".",
    "long1": b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".",
    "long in text": b"L" + b"9" * 4000 + b"L\n.",
    "int in text": b"I" + b"9" * 4000 + b"\n.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(refuses, name: str) -> None:
    refuses(RESOURCE_LIMIT, lambda: value_of(BOMBS[name]))


def test_a_memo_bomb_is_refused(refuses) -> None:
    """Thirty lists, each holding the one before it ten times: 10**30 values in 700 bytes."""
    data = b"\x80\x02]q\x00(h\x00" + b"".join(
        b"(" + (b"h" + bytes([level])) * 10 + b"lq" + bytes([level + 1]) for level in range(30)
    )
    refuses(RESOURCE_LIMIT, lambda: value_of(data + b"t\x86."))


def test_too_many_opcodes(refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptycho_contracts.sources.pickle_walk.MAX_OPCODES", 100)
    refuses(RESOURCE_LIMIT, lambda: value_of(b"\x80\x02" + b"N0" * 200 + b"N."))


def test_too_many_bytes(refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptycho_contracts.sources.pickle_walk.MAX_TEXT_BYTES", 100)
    refuses(RESOURCE_LIMIT, lambda: value_of(pickle.dumps("x" * 200)))


def test_nesting_up_to_the_limit_is_fine() -> None:
    assert value_of(nested(b"]", b"a", MAX_DEPTH - 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"N",
        b"NN.",
        b"(N.",
        b"0.",
        b"N0.",
        b"1.",
        b"t.",
        b"R.",
        b"b.",
        b"2.",
        b"\x94.",
        b"a.",
        b"]Na",
        b"NNa.",
        b"h\x05.",
        b"g5\n.",
        b"q\x00.",
        b"}(U\x01au.",
        b"N.N.",
        b"\x80\x09N.",
        b"\xff.",
        b"X\xff\xff\xff\x7f.",
        b"\x8e" + b"\xff" * 8 + b".",
        b"\x8b\xff\xff\xff\xff.",
        b"S'\\x'\n.",
        b"Sx\n.",
        b"V\\ud800\n.",
        b"Inot\n.",
        b"Fnot\n.",
        b"I" + b"9" * 5000 + b"\n.",
        b"\x8c\x02\xff\xff.",
        b"X\x03\x00\x00\x00\xed\xa0\x80.",
        b"NN\x93.",
        b"cnumpy\n.",
        b"cnumpy\ndtype\nNR.",
    ],
)
def test_damaged_streams_are_unreadable(refuses, data: bytes) -> None:
    refuses(UNREADABLE, lambda: value_of(data))


OUTCOMES = {"value", FORBIDDEN_PICKLE.id, RESOURCE_LIMIT.id, UNREADABLE.id}


def outcome(data: bytes) -> str:
    try:
        value_of(data)
    except SourceError as error:
        return error.findings[0].code
    return "value"


def good_pickles() -> list[bytes]:
    value = {"a": np.float32(2.5), "b": [1, 2.0, "x"], "c": collections.OrderedDict(d=(None, True))}
    return [pickle.dumps(value, protocol) for protocol in range(6)]


@pytest.mark.parametrize("data", good_pickles())
def test_truncated_at_every_byte(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(SourceError):
            value_of(data[:length])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_altered_pickles_give_a_value_or_a_finding(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(good_pickles() + list(ATTACKS.values()))))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(raw)) in OUTCOMES


OPCODES = [op.code.encode("latin1") for op in pickletools.opcodes]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(OPCODES) | st.binary(max_size=3), max_size=40))
def test_random_opcodes_give_a_value_or_a_finding(parts: list[bytes]) -> None:
    assert outcome(b"".join(parts) + b".") in OUTCOMES


def test_a_normalization_file(tmp_path: Path) -> None:
    path = tmp_path / "normalization.pkl"
    path.write_bytes(pickle.dumps({"scan_000": np.float32(1234.5), "dir/scan_001": 7.0}))
    assert read_number_dict(path) == {"scan_000": 1234.5, "dir/scan_001": 7.0}
    with PickleSource(path, "normalization") as source:
        info = source.describe()
        assert info.container == "pickle"
        assert {name: m.value for name, m in info.members.items()} == {"scan_000": 1234.5, "dir/scan_001": 7.0}
        assert source.read("scan_000") == 1234.5


def test_a_metrics_file(tmp_path: Path, refuses) -> None:
    path = tmp_path / "metrics.pickle"
    value = {
        "loss": [1.0, 2.0],
        "epochs": [1, 2, 3],
        "best": float("nan"),
        "none": None,
        "names": ["a", "b"],
        "empty": [],
        "deep": {3: {"x": True}},
        "raw": b"xyz",
        "set": {1},
    }
    path.write_bytes(pickle.dumps(value))
    with PickleSource(path) as source:
        members = source.describe().members
        assert {name: (m.dtype, m.shape, m.value) for name, m in members.items()} == {
            "loss": ("float64", (2,), None),
            "epochs": ("int64", (3,), None),
            "best": ("float64", (), "NaN"),
            "none": ("none", (), None),
            "names/0": ("str", (), "a"),
            "names/1": ("str", (), "b"),
            "empty": ("float64", (0,), None),
            "deep/3/x": ("bool", (), True),
            "raw": ("bytes", (3,), None),
            "set": ("object", (), None),
        }
        assert source.rows("epochs", 1, 9).tolist() == [2, 3]
        assert source.text("names/1") == "b"
        refuses(UNREADABLE, lambda: source.read("none"))
        refuses(UNREADABLE, lambda: source.text("best"))
        with pytest.raises(KeyError, match="loss"):
            source.read("los")
        with pytest.raises(ValueError, match="scalar"):
            source.rows("best", 0, 1)


@pytest.mark.parametrize("value", [{"a/b": 1, "a": {"b": 2}}, {1: 0.0, "1": 0.0}, [2**63, -1, 2**64], 2**64])
def test_values_without_a_clear_member_are_refused(tmp_path: Path, refuses, value: Any) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(value))
    refuses(UNREADABLE, lambda: PickleSource(path))


def test_files_that_are_not_there_or_too_large(tmp_path: Path, refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    refuses(FILE_ABSENT, lambda: read_number_dict(tmp_path / "absent.pkl"))
    monkeypatch.setattr("ptycho_contracts.sources.pickle_file.MAX_TEXT_BYTES", 100)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps("x" * 200))
    refuses(RESOURCE_LIMIT, lambda: read_number_dict(tmp_path / "x.pkl"))
