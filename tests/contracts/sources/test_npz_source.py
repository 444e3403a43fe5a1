"""An NPZ source says and gives what numpy wrote, whatever the compression, the order and the layout."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ptycho_contracts.engine_codes import FORBIDDEN_PICKLE, UNREADABLE
from ptycho_contracts.sources.base import Source
from ptycho_contracts.sources.npz import NpzSource

DTYPES = st.one_of(
    hnp.floating_dtypes(endianness="?"),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.complex_number_dtypes(endianness="?"),
    hnp.boolean_dtypes(),
)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_side=5, min_side=0)))


def save(path: Path, deflate: bool, **arrays: np.ndarray) -> Path:
    (np.savez_compressed if deflate else np.savez)(path, **arrays)
    return path


@pytest.fixture(scope="module")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npz") / "x.npz"


@settings(max_examples=150, deadline=None)
@given(array=ARRAYS, deflate=st.booleans(), fortran=st.booleans())
def test_the_description_is_the_array_s(npz: Path, array: np.ndarray, deflate: bool, fortran: bool) -> None:
    array = np.asfortranarray(array) if fortran and array.ndim else array
    with NpzSource(save(npz, deflate, x=array)) as source:
        info = source.describe().members["x"]
    assert info.dtype == array.dtype.name
    assert info.shape == array.shape
    assert info.storage is not None
    assert info.storage.byte_order == ("big" if array.dtype.byteorder == ">" else "little")
    assert info.storage.filters == (("deflate",) if deflate else ())


@settings(max_examples=150, deadline=None)
@given(data=st.data(), array=ARRAYS, deflate=st.booleans(), fortran=st.booleans())
def test_rows_are_the_slice(npz: Path, data: st.DataObject, array: np.ndarray, deflate: bool, fortran: bool) -> None:
    array = np.asfortranarray(array) if fortran and array.ndim else array
    wanted = array.astype(array.dtype.newbyteorder("="))
    with NpzSource(save(npz, deflate, x=array)) as source:
        whole = source.read("x")
        assert (whole.dtype, whole.shape, whole.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())
        if array.ndim == 0:
            with pytest.raises(ValueError, match="scalar"):
                source.rows("x", 0, 1)
            return
        for _ in range(3):
            start, stop = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 6))
            got = source.rows("x", start, stop)
            assert got.shape == wanted[start:stop].shape
            assert got.tobytes() == wanted[start:stop].tobytes()


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("rows", [None, 1, 3, 100])
def test_blocks_cover_the_array_in_order(npz: Path, deflate: bool, rows: int | None) -> None:
    array = np.random.default_rng(0).normal(size=(10, 4, 3))
    with NpzSource(save(npz, deflate, x=array, scalar=np.array(2.5), none=np.zeros((0, 3)))) as source:
        blocks = list(source.blocks("x", rows))
        assert [first for first, _ in blocks] == list(range(0, 10, rows or 10))[: len(blocks)]
        np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), array)
        assert [(first, float(block)) for first, block in source.blocks("scalar")] == [(0, 2.5)]
        assert list(source.blocks("none")) == []


def test_a_block_is_about_16_mib(npz: Path) -> None:
    with NpzSource(save(npz, True, x=np.zeros((3, 2048, 2048), np.float32))) as source:
        assert [block.shape[0] for _, block in source.blocks("x")] == [1, 1, 1]


def test_reading_back_and_forth_in_a_deflated_member(npz: Path) -> None:
    array = np.arange(50_000, dtype=np.int32).reshape(100, 500)
    with NpzSource(save(npz, True, x=array)) as source:
        for row in (50, 51, 10, 99, 0, 98):
            np.testing.assert_array_equal(source.rows("x", row, row + 1), array[row : row + 1])


def test_a_pickled_text_is_read_without_loading_it(npz: Path, refuses) -> None:
    text = json.dumps({"schema_version": "1.0.0", "µ": "ü" * 300})
    with NpzSource(save(npz, True, _metadata=np.array(text, dtype=object), plain=np.array("abc"))) as source:
        assert source.describe().members["_metadata"].dtype == "object"
        assert source.text("_metadata") == text
        assert source.text("plain") == "abc"
        refuses(FORBIDDEN_PICKLE, lambda: source.read("_metadata"))
        refuses(FORBIDDEN_PICKLE, lambda: source.rows("_metadata", 0, 1))


def test_the_bytes_in_numpy_1_spelling_are_read_too(npz: Path) -> None:
    with zipfile.ZipFile(npz, "w") as archive:
        member = io.BytesIO()
        np.save(member, np.array("{}", dtype=object), allow_pickle=True)
        old = member.getvalue().replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
        header_end = old.index(b"\n") + 1
        pickle = old[header_end:].replace(b"\x95\x8b\x00", b"\x95\x8a\x00", 1)
        archive.writestr("_metadata.npy", old[:header_end] + pickle)
    with NpzSource(npz) as source:
        assert source.text("_metadata") == "{}"


def test_texts_and_odd_dtypes(npz: Path, refuses) -> None:
    arrays = {
        "unicode": np.array(["a", "bc"]),
        "bytes": np.array(b"abc"),
        "when": np.array(["2026-02-01"], dtype="datetime64[D]"),
        "record": np.zeros(3, dtype=[("y", "<f4"), ("ß", "<i2")]),
    }
    with NpzSource(save(npz, False, **arrays)) as source:
        members = source.describe().members
        assert {k: m.dtype for k, m in members.items()} == {
            "unicode": "str",
            "bytes": "bytes",
            "when": "datetime64[D]",
            "record": "void48",
        }
        assert source.text("bytes") == "abc"
        assert source.read("unicode").tolist() == ["a", "bc"]
        refuses(UNREADABLE, lambda: source.text("unicode"))
        refuses(UNREADABLE, lambda: source.text("record"))


def test_greek_field_names_need_header_version_3(npz: Path) -> None:
    record = np.zeros(3, dtype=[("α", "<f4")])
    with pytest.warns(UserWarning, match="Stored array in format 3.0"):
        np.savez(npz, x=record)
    with NpzSource(npz) as source:
        assert source.read("x").dtype == record.dtype


def test_a_long_header_has_version_2(npz: Path) -> None:
    record = np.zeros(1, dtype=[(f"field_{i:04d}", "<f4") for i in range(400)])
    member = io.BytesIO()
    np.lib.format.write_array(member, record, version=(2, 0))
    with zipfile.ZipFile(npz, "w") as archive:
        archive.writestr("x.npy", member.getvalue())
    with NpzSource(npz) as source:
        assert source.layout("x") == ((1,), record.dtype)


def test_a_header_written_by_python_2(npz: Path) -> None:
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }"
    with zipfile.ZipFile(npz, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\x00" * 48)
    with NpzSource(npz) as source:
        assert source.describe().members["x"].shape == (2, 3)


def test_a_member_that_is_no_array_is_bytes(npz: Path, refuses) -> None:
    save(npz, False, x=np.zeros(2))
    with zipfile.ZipFile(npz, "a") as archive:
        archive.writestr("README", "hello")
        archive.writestr("raw.bin", b"\xff\xfe")
    with NpzSource(npz) as source:
        assert source.describe().members["README"].dtype == "bytes"
        assert source.text("README") == "hello"
        refuses(UNREADABLE, lambda: source.text("raw.bin"))
        refuses(UNREADABLE, lambda: source.read("README"))


def test_an_npz_without_members(npz: Path) -> None:
    np.savez(npz)
    with NpzSource(npz) as source:
        assert source.describe().members == {}


def test_an_unknown_member_names_the_known(npz: Path) -> None:
    with (
        NpzSource(save(npz, False, probeGuess=np.zeros(2))) as source,
        pytest.raises(KeyError, match="probeG"),
    ):
        source.read("probe")


def test_it_is_a_source(npz: Path) -> None:
    source: Source = NpzSource(save(npz, False, x=np.zeros(2)), role="truth")
    assert (source.role, source.findings) == ("truth", ())
    source.close()


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("by_blocks", [False, True])
def test_a_pass_over_altered_data_fails_the_checksum(npz: Path, refuses, deflate: bool, by_blocks: bool) -> None:
    array = np.random.default_rng(0).integers(0, 256, 100_000, dtype=np.uint8)
    raw = bytearray(save(npz, deflate, x=array).read_bytes())
    # Random bytes do not shrink: deflate stores them as they are, and the flip changes data, not codes.
    raw[len(raw) // 2] ^= 1
    npz.write_bytes(raw)
    with NpzSource(npz) as source:
        message = refuses(UNREADABLE, lambda: list(source.blocks("x", 1000)) if by_blocks else source.read("x"))
    assert "CRC-32" in message


def test_describing_reads_no_data(npz: Path) -> None:
    """Damaged data do not matter to the headers, so they were not read."""
    raw = bytearray(save(npz, True, x=np.random.default_rng(0).random(100_000)).read_bytes())
    raw[200_000:600_000] = bytes(400_000)
    npz.write_bytes(raw)
    with NpzSource(npz) as source:
        assert source.describe().members["x"].shape == (100_000,)
