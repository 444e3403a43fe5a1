"""What the header of an HDF5 object says: attributes, storage and filters as values of a Description."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from ptycho_contracts.description import AttributeInfo, MemberInfo, Scalar, StorageInfo
from ptycho_contracts.sources.array_source import byte_order, dtype_name, json_number
from ptycho_contracts.sources.hdf5_links import sound

MAX_ATTRIBUTE_ELEMENTS = 64
MAX_ATTRIBUTE_TEXT = 2**16
# What HDF5 and h5py raise for damaged bytes, found by flipping bits of small files.
HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)

# Registered filter numbers of the HDF Group; the first six are HDF5's own.
_FILTER_NAMES = {
    1: "gzip",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32026: "blosc2",
}


def hdf5_dtype_name(dtype: np.dtype[Any]) -> str:
    """As `dtype_name`, with HDF5's strings of variable length as "str"."""
    return "str" if h5py.check_string_dtype(dtype) is not None else dtype_name(dtype)


def dataset_info(dataset: h5py.Dataset) -> MemberInfo:
    """The header of a dataset; one without a dataspace is "none"."""
    attributes = attributes_info(dataset)
    if dataset.shape is None:
        return MemberInfo(dtype="none", shape=(), attributes=attributes)
    return MemberInfo(
        dtype=hdf5_dtype_name(dataset.dtype),
        shape=dataset.shape,
        attributes=attributes,
        storage=storage_info(dataset),
    )


def storage_info(dataset: h5py.Dataset) -> StorageInfo:
    """Chunks, filters by name in the order of writing, and which of them this installation lacks."""
    plist = dataset.id.get_create_plist()
    codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    return StorageInfo(
        chunks=dataset.chunks,
        filters=tuple(filter_name(code) for code in codes),
        unavailable_filters=tuple(filter_name(code) for code in codes if not h5py.h5z.filter_avail(code)),
        bytes_stored=dataset.id.get_storage_size(),
        byte_order=byte_order(dataset.dtype),
    )


def filter_name(code: int) -> str:
    """The usual name of a filter, or its registered number."""
    return _FILTER_NAMES.get(code, f"filter {code}")


def attributes_info(thing: h5py.Group | h5py.Dataset) -> dict[str, AttributeInfo]:
    """Every attribute that can be read; a damaged one has the dtype "none" and no value."""
    return {sound(name): _attribute(thing, name) for name in thing.attrs}


def _attribute(thing: h5py.Group | h5py.Dataset, name: str) -> AttributeInfo:
    try:
        header = thing.attrs.get_id(name)
        if header.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            return AttributeInfo(dtype="none", shape=())
        value: Any = None
        if np.prod(header.shape, dtype=np.float64) <= MAX_ATTRIBUTE_ELEMENTS:
            value = _plain(thing.attrs[name])
        return AttributeInfo(dtype=hdf5_dtype_name(header.dtype), shape=header.shape, value=value)
    except HDF5_ERRORS:
        return AttributeInfo(dtype="none", shape=())


def _plain(value: Any) -> Scalar | list[Scalar]:
    """An attribute's value in strict JSON; arrays of any rank are flat lists; null where JSON has no form."""
    if isinstance(value, np.ndarray):
        items = [_plain_scalar(item) for item in value.reshape(-1)]
        return None if any(item is None for item in items) else items
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Scalar:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return sound(value) if len(value) <= MAX_ATTRIBUTE_TEXT else None
    return json_number(value)
