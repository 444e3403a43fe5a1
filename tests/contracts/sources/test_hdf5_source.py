"""An HDF5 source says and gives what h5py wrote."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ptycho_contracts.description import AttributeInfo
from ptycho_contracts.engine_codes import RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.sources.base import Source
from ptycho_contracts.sources.hdf5 import Hdf5Source

DTYPES = st.one_of(
    hnp.floating_dtypes(endianness="?", sizes=(32, 64)),
    hnp.integer_dtypes(endianness="?"),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.boolean_dtypes(),
)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_side=5, min_side=0)))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hdf5") / "x.hdf5"


def save(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name] = value
    return path


@settings(max_examples=150, deadline=None)
@given(data=st.data(), array=ARRAYS)
def test_header_and_rows_are_the_array_s(path: Path, data: st.DataObject, array: np.ndarray) -> None:
    wanted = array.astype(array.dtype.newbyteorder("="))
    with Hdf5Source(save(path, x=array)) as source:
        info = source.describe().members["x"]
        assert (info.dtype, info.shape) == (array.dtype.name, array.shape)
        assert info.storage is not None
        assert info.storage.byte_order == ("big" if array.dtype.byteorder == ">" else "little")
        whole = source.read("x")
        assert (whole.dtype, whole.shape, whole.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
        if array.ndim == 0:
            with pytest.raises(ValueError, match="scalar"):
                source.rows("x", 0, 1)
            return
        start, stop = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 6))
        assert source.rows("x", start, stop).tobytes() == wanted[start:stop].tobytes()
        assert source.rows("x", start, stop).shape == wanted[start:stop].shape


def test_blocks_are_whole_chunks_unless_rows_are_asked_for(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("dp", data=np.ones((50, 64, 1024), np.float64), chunks=(7, 64, 1024), compression="lzf")
    with Hdf5Source(path, "dp") as source:
        assert [first for first, _ in source.blocks("dp")] == [0, 28]
        assert [block.shape[0] for _, block in source.blocks("dp", 20)] == [20, 20, 10]
        assert sum(float(block.sum()) for _, block in source.blocks("dp")) == 50 * 64 * 1024


def test_storage_is_described(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "z", data=np.zeros((8, 8)), chunks=(4, 8), compression="gzip", shuffle=True, fletcher32=True
        )
        file.create_dataset("plain", data=np.zeros(3, ">f4"))
    with Hdf5Source(path) as source:
        storage = source.describe().members["z"].storage
        assert storage is not None
        assert (storage.chunks, storage.filters) == ((4, 8), ("shuffle", "gzip", "fletcher32"))
        assert storage.unavailable_filters == ()
        plain = source.describe().members["plain"].storage
        assert plain is not None
        assert (plain.chunks, plain.filters, plain.bytes_stored) == (None, (), 12)


def test_attributes_in_strict_json(path: Path) -> None:
    values = {
        "one": np.float32(2.5),
        "vector": np.array([1.0, math.nan, math.inf, -math.inf]),
        "flag": True,
        "text": "µm",
        "bytes": np.bytes_(b"abc"),
        "texts": ["a", "b"],
        "empty": h5py.Empty("f4"),
        "long": np.zeros(65),
        "complex": 1j,
        "int": np.int64(-(2**63)),
        "huge text": "x" * 70_000,
    }
    with h5py.File(path, "w", track_order=True, libver="latest") as file:
        for name, value in values.items():
            file.attrs[name] = value
        file.create_dataset("x", data=0.0).attrs["units"] = np.array([b"m"])
    with Hdf5Source(path) as source:
        info = source.describe()
    assert {name: attribute.value for name, attribute in info.attributes.items()} == {
        "one": 2.5,
        "vector": [1.0, "NaN", "Infinity", "-Infinity"],
        "flag": True,
        "text": "µm",
        "bytes": "abc",
        "texts": ["a", "b"],
        "empty": None,
        "long": None,
        "complex": None,
        "int": -(2**63),
        "huge text": None,
    }
    assert info.attributes["vector"] == AttributeInfo(
        dtype="float64", shape=(4,), value=[1.0, "NaN", "Infinity", "-Infinity"]
    )
    assert (info.attributes["text"].dtype, info.attributes["empty"].dtype) == ("str", "none")
    assert info.members["x"].attributes["units"].value == ["m"]
    assert info.model_dump_json()


def test_texts(path: Path, refuses) -> None:
    bad = np.array([b"\xff"], dtype=h5py.string_dtype())
    with Hdf5Source(save(path, vlen="µ", fixed=np.bytes_(b"abc"), one=["x"], two=["x", "y"], n=1.0, bad=bad)) as source:
        assert [source.text(name) for name in ("vlen", "fixed", "one", "bad")] == ["µ", "abc", "x", "\ufffd"]
        assert source.describe().members["vlen"].dtype == "str"
        refuses(UNREADABLE, lambda: source.text("two"))
        refuses(UNREADABLE, lambda: source.text("n"))


def test_paths_groups_and_datasets_without_data(path: Path, refuses) -> None:
    with h5py.File(path, "w") as file:
        file["entry_1/data_1/data"] = np.zeros((2, 3))
        file.create_group("empty")
        file["none"] = h5py.Empty("f4")
        file["type"] = np.dtype("f4")
    with Hdf5Source(path) as source:
        members = source.describe().members
        assert sorted(members) == ["entry_1/data_1/data", "none"]
        assert (members["none"].dtype, members["none"].shape) == ("none", ())
        refuses(UNREADABLE, lambda: source.read("none"))
        with pytest.raises(KeyError, match="entry_1/data_1/data"):
            source.read("data")


def test_a_dataset_in_a_file_with_a_user_block(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["x"] = [1, 2]
    with Hdf5Source(path) as source:
        assert source.read("x").tolist() == [1, 2]


def test_a_sparse_dataset_is_reported_and_not_read(path: Path, refuses) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("dp", (10**6, 10**6), chunks=(1, 10**6), dtype="f8")
    with Hdf5Source(path) as source:
        assert [(f.code, f.location) for f in source.findings] == [(RESOURCE_LIMIT.id, "hdf5:/dp")]
        assert source.describe().members["dp"].shape == (10**6, 10**6)
        refuses(RESOURCE_LIMIT, lambda: source.read("dp"))


def test_a_file_that_a_reader_has_open_can_be_read(path: Path) -> None:
    save(path, x=[1.0])
    with h5py.File(path, "r", libver="latest", swmr=True), Hdf5Source(path) as source:
        assert source.read("x") == [1.0]


def test_a_read_only_file_in_a_read_only_folder(tmp_path: Path) -> None:
    path = save(tmp_path / "x.hdf5", x=[1.0])
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with Hdf5Source(path) as source:
            assert source.read("x") == [1.0]
    finally:
        tmp_path.chmod(0o755)


def test_it_is_a_source(path: Path) -> None:
    source: Source = Hdf5Source(save(path, x=[1.0]), role="para")
    assert (source.role, source.findings) == ("para", ())
    source.close()
