"""PyTorch's `.pth` and `.state` files without PyTorch: a zip of one pickle and the bytes of its storages.

The layout is that of `torch.save` since version 1.6: `<name>/data.pkl`, `<name>/data/<key>` per storage,
`<name>/byteorder`. The pickle is walked, never loaded; tensors are views of storages that we check ourselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.engine_codes import FORBIDDEN_PICKLE
from ptycho_contracts.sources.array_source import native
from ptycho_contracts.sources.faults import MAX_TEXT_BYTES, fault, over_limit, swells, unreadable
from ptycho_contracts.sources.pickle_values import NUMBERS, plain
from ptycho_contracts.sources.pickle_walk import AllowList, Call, Persistent, Symbol, walk
from ptycho_contracts.sources.value_source import LazyArray, ValueSource, flatten
from ptycho_contracts.sources.zip_archive import ZipArchive

# Storage class and dtype by torch's name for the dtype; numpy has no bfloat16, its bits are widened.
_BFLOAT16 = "bfloat16"
_DTYPES = {
    "float64": ("DoubleStorage", "f8"),
    "float32": ("FloatStorage", "f4"),
    "float16": ("HalfStorage", "f2"),
    _BFLOAT16: ("BFloat16Storage", "u2"),
    "int64": ("LongStorage", "i8"),
    "int32": ("IntStorage", "i4"),
    "int16": ("ShortStorage", "i2"),
    "int8": ("CharStorage", "i1"),
    "uint8": ("ByteStorage", "u1"),
    "bool": ("BoolStorage", "b1"),
    "complex128": ("ComplexDoubleStorage", "c16"),
    "complex64": ("ComplexFloatStorage", "c8"),
}
_STORAGES = {Symbol("torch", storage): name for name, (storage, _) in _DTYPES.items()}
_TENSOR = Symbol("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Symbol("torch._utils", "_rebuild_parameter")
_SIZE = Symbol("torch", "Size")
_DEVICE = Symbol("torch", "device")
_ALLOWED: AllowList = NUMBERS | _STORAGES.keys() | {_TENSOR, _PARAMETER, _SIZE, _DEVICE}


class TorchSource(ValueSource):
    """A file of `torch.save`: tensors and values by path, a state dict's keys as they are.

    Tensors are read from their storage when asked for; bfloat16 comes as float32. Checksums are compared, so
    an archive written with `torch.serialization.set_crc32_options(False)`, which has none, is refused.

    Raises:
        SourceError: FILE_ABSENT; FORBIDDEN_PICKLE for classes and functions outside the allow-list, and for
            TorchScript archives, which are programs; RESOURCE_LIMIT; UNREADABLE where the zip, the pickle or
            a tensor's bounds are wrong.
    """

    def __init__(self, path: Path | str, role: str = "pth") -> None:
        path = Path(path)
        self._archive = ZipArchive(path, role)
        try:
            self._prefix = _prefix(self._archive, f"{role}:/")
            self._order = self._byte_order()
            super().__init__(path, role, "torch-zip", flatten(self._value(), f"{role}:/"))
        except BaseException:
            self._archive.close()
            raise

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._archive.close()

    def _byte_order(self) -> str:
        name = f"{self._prefix}byteorder"
        if name not in self._archive.members:
            return "<"
        order = self._archive.content(name, 16)
        if order not in (b"little", b"big"):
            raise unreadable(f"{self._archive.role}:/", f"{name} says {order!r}, neither little nor big")
        return "<" if order == b"little" else ">"

    def _value(self) -> Any:
        """What the pickle describes, with tensors as `LazyArray`."""
        where = f"{self._archive.role}:/"
        data = self._archive.content(f"{self._prefix}data.pkl", MAX_TEXT_BYTES)
        return plain(walk(data, _ALLOWED, where), where, partial(self._rebuild, where))

    def _rebuild(self, where: str, call: Call) -> Any:
        match call:
            case Call(symbol=symbol, args=(Call() as tensor, *_)) if symbol == _PARAMETER:
                return self._rebuild(where, tensor)
            case Call(symbol=symbol, args=(Persistent(id=storage), int(offset), size, stride, *_)) if symbol == _TENSOR:
                return self._tensor(where, storage, offset, size, stride)
            case Call(symbol=symbol, args=(tuple(size),)) if symbol == _SIZE:
                return plain(size, where)
            case Call(symbol=symbol, args=(str(kind), *index)) if symbol == _DEVICE:
                return ":".join([kind, *map(str, index)])
        raise unreadable(where, f"a call of {call.symbol} with arguments that torch does not give")

    def _tensor(self, where: str, storage: Any, offset: int, size: Any, stride: Any) -> LazyArray:
        """A tensor whose elements are proven to lie in its storage, and the storage in the zip."""
        match storage:
            case ("storage", Symbol() as kind, str(key), str(), int(count)) if kind in _STORAGES:
                name, member = _STORAGES[kind], f"{self._prefix}data/{key}"
            case _:
                raise unreadable(where, "a tensor's storage is not described as torch does")
        if not _naturals(size) or not _naturals(stride) or len(size) != len(stride) or len(size) > 32:
            raise unreadable(where, f"a tensor of size {str(size)[:80]} and stride {str(stride)[:80]}")
        stored = np.dtype(self._order + _DTYPES[name][1])
        held = self._archive.members[member].size if member in self._archive.members else None
        if held != count * stored.itemsize:
            raise unreadable(where, f"storage {key} has {held} bytes, {count} × {name} are declared")
        elements = math.prod(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if offset < 0 or (elements and last >= count):
            raise unreadable(where, f"a tensor of size {size} reaches beyond its storage {key} of {count}")
        if swells(elements * stored.itemsize, self._archive.file_bytes):
            raise over_limit(where, f"a tensor of size {size} repeats a storage of {count} elements")
        view = _View(member, stored, offset, size, stride)
        dtype = np.dtype(np.float32) if name == _BFLOAT16 else stored.newbyteorder("=")
        return LazyArray(size, dtype, name, partial(self._load, view, dtype))

    def _load(self, view: _View, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The elements of a tensor, contiguous, in this machine's byte order."""
        raw = np.empty(self._archive.members[view.member].size, np.uint8)
        self._archive.open(view.member).read_into(raw.data)
        flat = raw.view(view.dtype)[view.offset :]
        steps = tuple(step * view.dtype.itemsize for step in view.stride)
        array = native(np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, view.size, steps)))
        array = array.reshape(view.size)  # ascontiguousarray gives scalars an axis
        if view.dtype.kind == "u" and dtype.kind == "f":
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array


@dataclass(frozen=True)
class _View:
    """Which elements of a storage a tensor has; offset and stride count elements, as torch does."""

    member: str
    dtype: np.dtype[Any]
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def _naturals(value: Any) -> bool:
    """Whether the value is a tuple of whole numbers from 0."""
    return isinstance(value, tuple) and all(type(n) is int and n >= 0 for n in value)


def _prefix(archive: ZipArchive, where: str) -> str:
    """The folder of the archive, which torch names after the file, with its slash."""
    pickles = [name for name in archive.members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise unreadable(where, f"{len(pickles)} members are a data.pkl; a file of torch.save has one")
    prefix = pickles[0].removesuffix("data.pkl")
    if any(name.startswith((f"{prefix}code/", f"{prefix}constants.pkl")) for name in archive.members):
        raise fault(FORBIDDEN_PICKLE, where, "a TorchScript archive, which holds a program and not only weights")
    return prefix
