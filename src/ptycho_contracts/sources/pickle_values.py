"""What the symbols of a walked pickle mean: numpy's scalars and arrays of texts, ordered dicts, bytes.

The spellings are those that pickle, numpy 1.x (`numpy.core`) and numpy 2.x (`numpy._core`) write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ptycho_contracts.sources.faults import unreadable
from ptycho_contracts.sources.pickle_walk import AllowList, Call, Persistent, Symbol, walk

_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
_SCALAR = frozenset(Symbol(core, "scalar") for core in _CORES)
_RECONSTRUCT = frozenset(Symbol(core, "_reconstruct") for core in _CORES)
_NDARRAY = Symbol("numpy", "ndarray")
_DTYPE = Symbol("numpy", "dtype")
_ENCODE = Symbol("_codecs", "encode")
_DICTS = frozenset({Symbol("collections", "OrderedDict"), Symbol("collections", "defaultdict")})
_LIST = Symbol("builtins", "list")  # what a defaultdict(list) is made of

NUMBERS: AllowList = _SCALAR | _DICTS | {_DTYPE, _ENCODE, _LIST}
_OBJECT_ARRAY: AllowList = _RECONSTRUCT | {_NDARRAY, _DTYPE, _ENCODE}
_NUMBER_CODE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16")


def object_array_string(data: bytes, where: str) -> str:
    """The text in a pickled 0-d numpy object array, as `np.savez` stores a Python string given as an object.

    Raises:
        SourceError: FORBIDDEN_PICKLE, RESOURCE_LIMIT or UNREADABLE (see `walk`); UNREADABLE too where the
            array holds something else.
    """
    match walk(data, _OBJECT_ARRAY, where):
        case Call(symbol=symbol, state=(1, (), dtype, bool() | int(), [str(text)])) if (
            symbol in _RECONSTRUCT and _dtype_code(dtype) == "O8"
        ):
            return text
    raise unreadable(where, "the pickle is not a 0-d array of one text")


def number_dict(data: bytes, where: str) -> dict[str, float]:
    """A pickled dict from names to numbers, Python's or numpy's, as Python floats.

    Raises:
        SourceError: FORBIDDEN_PICKLE, RESOURCE_LIMIT or UNREADABLE (see `walk`); UNREADABLE too where it is
            no dict of numbers by names.
    """
    value = plain(walk(data, NUMBERS, where), where)
    if not isinstance(value, dict):
        raise unreadable(where, f"the pickle holds a {type(value).__name__}, not a dict of numbers by name")
    numbers: dict[str, float] = {}
    for key, number in value.items():
        if not isinstance(key, str) or isinstance(number, bool) or not isinstance(number, int | float):
            raise unreadable(where, f"the entry {key!r} is a {type(number).__name__}, not a number by name")
        numbers[key] = float(number)
    return numbers


def plain(value: Any, where: str, other: Callable[[Call], Any] | None = None) -> Any:
    """A walked value in plain Python: dicts, lists, tuples, texts, numbers (numpy's become Python's), None.

    `other` gives the meaning of calls that are not pickle's or numpy's; its arguments are not plain yet.

    Raises:
        SourceError: UNREADABLE where a call has arguments that its writer would not give.
    """
    match value:
        case list() | tuple():
            return type(value)(plain(item, where, other) for item in value)
        case dict():
            return {key: plain(item, where, other) for key, item in value.items()}
        case Call():
            return _called(value, where, other)
        case Persistent():
            raise unreadable(where, "the pickle refers to something outside itself")
        case _:
            return value


def _called(call: Call, where: str, other: Callable[[Call], Any] | None) -> Any:
    """What a call would have given."""
    if call.symbol in _DICTS:
        return {key: plain(item, where, other) for key, item in call.items.items()}
    if call.symbol in _SCALAR and len(call.args) == 2:
        return _numpy_scalar(*call.args, where)
    if call.symbol == _ENCODE:
        return _bytes(call, where)
    if other is not None:
        return other(call)
    raise unreadable(where, f"a call of {call.symbol} means nothing here")


def _numpy_scalar(dtype: Any, raw: Any, where: str) -> bool | float | complex:
    """The number in a numpy scalar, from its dtype and its bytes."""
    code, content = _dtype_code(dtype), _bytes(raw, where)
    if code is None or not _NUMBER_CODE.fullmatch(code):
        raise unreadable(where, f"a numpy scalar of the dtype {code!r}")
    order = dtype.state[1] if dtype.state[1] in ("<", ">") else "<"
    numpy_dtype = np.dtype(order + code)
    if len(content) != numpy_dtype.itemsize:
        raise unreadable(where, f"a numpy scalar of {code} with {len(content)} bytes")
    number: bool | float | complex = np.frombuffer(content, numpy_dtype)[0].item()
    return number


def _dtype_code(value: Any) -> str | None:
    """The code ("f4") of a pickled dtype, None where the value is no such thing."""
    match value:
        case Call(symbol=symbol, args=(str(code), _, _), state=(3, str(), *_)) if symbol == _DTYPE:
            return code
    return None


def _bytes(value: Any, where: str) -> bytes:
    """Bytes, also as protocol 2 writes them: a text to be encoded as latin-1."""
    match value:
        case bytes():
            return value
        case Call(symbol=symbol, args=(str(text), "latin1")) if symbol == _ENCODE:
            try:
                return text.encode("latin1")
            except UnicodeEncodeError as error:
                raise unreadable(where, f"bytes that are not latin-1: {error}") from error
    raise unreadable(where, f"bytes expected, not a {type(value).__name__}")
