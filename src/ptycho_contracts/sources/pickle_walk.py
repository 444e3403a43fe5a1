"""Pickles read symbol by symbol: a stack machine that builds plain values, imports nothing and calls nothing.

A global becomes a `Symbol` and only if it is allowed by name; calling one becomes an inert `Call` that holds
the arguments; a persistent id becomes a `Persistent`. What these mean is for the interpreters in
`pickle_values` and `torch_zip`. Everything else is refused with its name and byte offset.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ptycho_contracts.engine_codes import FORBIDDEN_PICKLE
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.faults import MAX_TEXT_BYTES, fault, over_limit, unreadable

MAX_OPCODES = 2_000_000
MAX_DEPTH = 64
MAX_NODES = 4_000_000
_MAX_INT = 2**64
_MAX_KEY = 2**60


@dataclass(frozen=True)
class Symbol:
    """A global by its name; nothing was imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


AllowList = frozenset[Symbol]


@dataclass
class Call:
    """What calling `symbol` with `args` would give, had it been called, with what was then put into it."""

    symbol: Symbol
    args: tuple[Any, ...]
    state: Any = None
    items: dict[str | int, Any] = field(default_factory=dict)


@dataclass
class Persistent:
    """A persistent id: a value that lies outside the pickle (torch: the storage of a tensor)."""

    id: Any


def walk(data: bytes, allow: AllowList, where: str = "pickle:/") -> Any:
    """The value that a pickle of protocol 0 to 5 describes, in Python's plain types and the three above.

    Args:
        data: The pickle, from its first opcode to its STOP.
        allow: The globals that may occur.
        where: The location for findings.

    Raises:
        SourceError: FORBIDDEN_PICKLE for an opcode or a global outside the allow-list, or a container inside
            itself; RESOURCE_LIMIT for too many bytes, opcodes or levels, integers beyond 64 bits, and values
            that sharing would expand without bound; UNREADABLE for a damaged stream.
    """
    if len(data) > MAX_TEXT_BYTES:
        raise over_limit(where, f"a pickle of {len(data)} bytes; at most {MAX_TEXT_BYTES} are read")
    machine = _Machine(allow, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the strings of protocol 0
            value = machine.run(data)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise unreadable(where, f"the pickle is damaged near byte {machine.offset}: {error}") from error
    _measure(value, where)
    return value


class _Machine:
    """The unpickling stack, its marks and its memo."""

    def __init__(self, allow: AllowList, where: str) -> None:
        self._allow = allow
        self._where = where
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.offset = 0

    def run(self, data: bytes) -> Any:
        for count, (opcode, arg, position) in enumerate(pickletools.genops(data)):
            self.offset = position or 0
            if count >= MAX_OPCODES:
                raise over_limit(self._where, f"more than {MAX_OPCODES} pickle opcodes")
            if opcode.name == "STOP":
                return self._result(data)
            if opcode.name in _LITERALS:
                self.push(self._literal(arg))
            elif opcode.name in _HANDLERS:
                _HANDLERS[opcode.name](self, arg)
            else:
                raise self._forbid(f"the opcode {opcode.name}")
        raise ValueError("no STOP")

    def _result(self, data: bytes) -> Any:
        if self.offset + 1 != len(data):
            raise ValueError(f"{len(data) - self.offset - 1} bytes follow the end")
        if self._marks or len(self._stack) != 1:
            raise ValueError("the stack is not one value at the end")
        return self._stack.pop()

    def _forbid(self, what: str) -> SourceError:
        message = f"the pickle holds {what} at byte {self.offset}, which is outside the allow-list"
        return fault(FORBIDDEN_PICKLE, self._where, message, found=what)

    def _literal(self, value: Any) -> Any:
        if isinstance(value, int) and abs(value) > _MAX_INT:
            raise over_limit(self._where, f"an integer of {value.bit_length()} bits at byte {self.offset}")
        if isinstance(value, str):
            value.encode()  # fails for half of a surrogate pair, which no output could print
        return value

    # Stack and memo

    def protocol(self, version: int) -> None:
        if version > 5:
            raise ValueError(f"protocol {version}")

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def top(self) -> Any:
        return self._stack[-1]

    def take(self, count: int) -> list[Any]:
        """The last `count` values, off the stack."""
        if len(self._stack) < count:
            raise IndexError("the stack is empty")
        values = self._stack[-count:]
        del self._stack[-count:]
        return values

    def mark(self, _: Any) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def to_mark(self) -> list[Any]:
        """The values above the last mark, off the stack."""
        items, self._stack = self._stack, self._marks.pop()
        return items

    def pop(self, _: Any) -> None:
        # As unpicklers have it: POP directly on a mark removes the mark.
        if self._stack:
            self._stack.pop()
        else:
            self.to_mark()

    def memo_size(self) -> int:
        return len(self._memo)

    def put(self, index: int) -> None:
        self._memo[index] = self.top()

    def get(self, index: int) -> None:
        self.push(self._memo[index])

    # Containers

    def extend(self, items: list[Any]) -> None:
        self._container(list).extend(items)

    def add_items(self, items: list[Any]) -> None:
        self._container(set).update(self.keys(items))

    def dict_from_mark(self, _: Any) -> None:
        items = self.to_mark()
        self.push({})
        self.set_items(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.top()
        into = target.items if isinstance(target, Call) else self._container(dict)
        into.update(zip(self.keys(items[::2]), items[1::2], strict=True))

    def keys(self, values: list[Any]) -> list[Any]:
        """`values`, all fit to be keys: hashing a deep tuple would overflow the C stack."""
        for value in values:
            if not isinstance(value, str | int) or (isinstance(value, int) and abs(value) >= _MAX_KEY):
                raise self._forbid(f"a {type(value).__name__} as a key")
        return values

    def _container(self, kind: type[Any]) -> Any:
        if not isinstance(self.top(), kind):
            raise TypeError(f"a {type(self.top()).__name__} cannot take these items")
        return self.top()

    # Globals and calls

    def find(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("the name of a global is not a text")
        symbol = Symbol(module, name)
        if symbol not in self._allow:
            raise self._forbid(f"the global {str(symbol)[:200]!r}")
        self.push(symbol)

    def call(self, symbol: Any, args: Any) -> None:
        if not isinstance(symbol, Symbol):
            raise self._forbid(f"a call of a {type(symbol).__name__}")
        if not isinstance(args, tuple):
            raise TypeError("the arguments of a call are not a tuple")
        self.push(Call(symbol, args))

    def build(self, state: Any) -> None:
        target = self.top()
        if not isinstance(target, Call) or target.state is not None:
            raise self._forbid(f"a state for a {type(target).__name__}")
        target.state = state


def _opcode_handlers() -> dict[str, Callable[[_Machine, Any], object]]:
    """What each opcode does, by name; an opcode that is not here is forbidden."""
    push: dict[str, Callable[[], Any]] = {
        "NONE": lambda: None,
        "NEWTRUE": lambda: True,
        "NEWFALSE": lambda: False,
        "EMPTY_LIST": list,
        "EMPTY_TUPLE": tuple,
        "EMPTY_DICT": dict,
        "EMPTY_SET": set,
    }
    return {name: _pushes(make) for name, make in push.items()} | {
        "PROTO": _Machine.protocol,
        "FRAME": lambda m, _: None,
        "MARK": _Machine.mark,
        "POP": _Machine.pop,
        "POP_MARK": lambda m, _: m.to_mark(),
        "DUP": lambda m, _: m.push(m.top()),
        "MEMOIZE": lambda m, _: m.put(m.memo_size()),
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
        "TUPLE1": lambda m, _: m.push(tuple(m.take(1))),
        "TUPLE2": lambda m, _: m.push(tuple(m.take(2))),
        "TUPLE3": lambda m, _: m.push(tuple(m.take(3))),
        "TUPLE": lambda m, _: m.push(tuple(m.to_mark())),
        "LIST": lambda m, _: m.push(m.to_mark()),
        "DICT": _Machine.dict_from_mark,
        "FROZENSET": lambda m, _: m.push(frozenset(m.keys(m.to_mark()))),
        "APPEND": lambda m, _: m.extend(m.take(1)),
        "APPENDS": lambda m, _: m.extend(m.to_mark()),
        "SETITEM": lambda m, _: m.set_items(m.take(2)),
        "SETITEMS": lambda m, _: m.set_items(m.to_mark()),
        "ADDITEMS": lambda m, _: m.add_items(m.to_mark()),
        "BYTEARRAY8": lambda m, arg: m.push(bytes(arg)),
        "GLOBAL": lambda m, arg: m.find(*arg.split(" ", 1)),
        "STACK_GLOBAL": lambda m, _: m.find(*m.take(2)),
        "REDUCE": lambda m, _: m.call(*m.take(2)),
        "NEWOBJ": lambda m, _: m.call(*m.take(2)),
        "BUILD": lambda m, _: m.build(*m.take(1)),
        "PERSID": lambda m, arg: m.push(Persistent(arg)),
        "BINPERSID": lambda m, _: m.push(Persistent(*m.take(1))),
    }


def _pushes(make: Callable[[], Any]) -> Callable[[_Machine, Any], object]:
    return lambda machine, _: machine.push(make())


_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_BYTES = ("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
_TEXTS = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
_LITERALS = frozenset({*_NUMBERS, *_BYTES, *_TEXTS})
_HANDLERS = _opcode_handlers()


def _measure(root: Any, where: str) -> None:
    """Refuse a value that contains itself, is too deep, or grows without bound when sharing is undone.

    Every reader of the value may then simply recurse. Containers that occur several times are measured once.
    """
    measured: dict[int, tuple[int, int]] = {}
    open_now: set[int] = set()

    def visit(value: Any, depth: int) -> tuple[int, int]:
        """(levels, nodes) of a value that lies `depth` levels down."""
        children = _children(value)
        if children is None:
            return 0, 1
        if id(value) in open_now:
            raise fault(FORBIDDEN_PICKLE, where, "the pickle holds a container that contains itself")
        if (known := measured.get(id(value))) is None:
            if depth >= MAX_DEPTH:
                raise over_limit(where, f"the pickle nests deeper than {MAX_DEPTH} levels")
            open_now.add(id(value))
            parts = [visit(child, depth + 1) for child in children]
            open_now.remove(id(value))
            known = (1 + max((p[0] for p in parts), default=0), 1 + sum(p[1] for p in parts))
            measured[id(value)] = known
        if depth + known[0] > MAX_DEPTH or known[1] > MAX_NODES:
            raise over_limit(where, f"the pickle expands to more than {MAX_DEPTH} levels or {MAX_NODES} values")
        return known

    visit(root, 0)


def _children(value: Any) -> list[Any] | None:
    """What a container holds; None for a plain value."""
    match value:
        case list() | tuple():
            return list(value)
        case dict():
            return list(value.values())
        case Call():
            return [*value.args, value.state, *value.items.values()]
        case Persistent():
            return [value.id]
        case _:
            return None
