"""Zip files made to harm or to mislead are refused, each with its code, before any data are read."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ptycho_contracts.codes import Code
from ptycho_contracts.engine_codes import RESOURCE_LIMIT, UNREADABLE
from ptycho_contracts.sources import SourceError
from ptycho_contracts.sources.npz import NpzSource

HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"


def npy(header: str | bytes = HEADER, data: bytes = bytes(8), version: int = 1) -> bytes:
    text = header.encode() if isinstance(header, str) else header
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def zipped(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def shape_header(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    "header",
    [
        shape_header("(-2,)"),
        shape_header("(2.0,)"),
        shape_header("(True, True)"),
        shape_header("(3,)"),
        shape_header("(1,)"),
        shape_header("(10**9,)"),
        shape_header("(1000000000000, 1000000000000)"),
        shape_header("(4611686018427387904, 0)"),
        shape_header("(99999999999, 0)"),
        shape_header("(" + "1, " * 40 + "2)"),
        shape_header("(2,)", "'<U0'"),
        shape_header("(999999999999,)", "'<V0'"),
        shape_header("(2,)", "'no such type'"),
        shape_header("(2,)", "('<f4', ('<f4', ('<f4',)))"),
        shape_header("(2,)", "[('a', '<f4', (-1,))]"),
        shape_header("(2,)", "[('a',)]"),
        shape_header("(2,)", "{'names': ['a'], 'formats': ['<f4'], 'offsets': [-8]}"),
        shape_header("(2,)", "__import__('os').system('true')"),
        "{'descr': '<f4', 'shape': (2,)}",
        "[]",
        "",
        "(" * 3000,
        "-" * 9000 + "1",
        "{" * 9000,
        b"\xff\xfe\x00",
        b"\x00" * 50,
    ],
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_hostile_numpy_headers(tmp_path: Path, refuses, header: str | bytes, version: int) -> None:
    path = zipped(tmp_path / "x.npz", ("x.npy", npy(header, version=version)))
    refuses(UNREADABLE, lambda: NpzSource(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x02\x00\xff\xff",
        b"\x93NUMPY\x04\x00" + npy()[8:],
        b"PK\x03\x04" + bytes(60),
        npy(data=bytes(7)),
        npy(data=bytes(9)),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + bytes(100),
    ],
)
def test_members_that_are_not_what_their_name_says(tmp_path: Path, refuses, content: bytes) -> None:
    path = zipped(tmp_path / "x.npz", ("x.npy", content))
    refuses(UNREADABLE, lambda: NpzSource(path))


def duplicate(path: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped(path, ("x.npy", npy()), ("x.npy", npy()))


def namesakes(path: Path) -> Path:
    return zipped(path, ("x.npy", npy()), ("x", b"text"))


def renamed_inside(path: Path) -> Path:
    raw = zipped(path, ("x.npy", npy())).read_bytes()
    path.write_bytes(raw.replace(b"x.npy", b"y.npy", 1))
    return path


def encrypted(path: Path) -> Path:
    raw = bytearray(zipped(path, ("x.npy", npy())).read_bytes())
    raw[6] |= 1
    path.write_bytes(raw)
    return path


def bzipped(path: Path) -> Path:
    return zipped(path, ("x.npy", npy()), method=zipfile.ZIP_BZIP2)


def overlapping(path: Path) -> Path:
    """A second directory entry whose member lies inside the data of the first."""
    inner = zipped(path, ("b.npy", npy())).read_bytes()
    outer = npy(shape_header(f"({len(inner)},)", "'|u1'"), inner)
    raw = bytearray(zipped(path, ("a.npy", outer), ("b.npy", npy())).read_bytes())
    entry = raw.rindex(b"PK\x01\x02")
    raw[entry + 42 : entry + 46] = struct.pack("<I", raw.index(inner))
    path.write_bytes(raw)
    return path


def longer_than_the_file(path: Path) -> Path:
    raw = bytearray(zipped(path, ("x.npy", npy())).read_bytes())
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 20 : entry + 28] = struct.pack("<II", 10**6, 10**6)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (duplicate, "two zip members are named"),
        (namesakes, "holds both x and x.npy"),
        (renamed_inside, "its header 'y.npy'"),
        (encrypted, "encrypted"),
        (bzipped, "method 12"),
        (overlapping, "overlaps"),
        (longer_than_the_file, "beyond the end"),
    ],
)
def test_ambiguous_and_odd_archives(tmp_path: Path, refuses, make: Callable[[Path], Path], words: str) -> None:
    path = make(tmp_path / "x.npz")
    assert words in refuses(UNREADABLE, lambda: NpzSource(path))


@pytest.mark.parametrize("name", ["/etc/x.npy", "../x.npy", "a/../x.npy", "a\\x.npy", "a\nb.npy", "\x1b[2J.npy"])
def test_odd_names(tmp_path: Path, refuses, name: str) -> None:
    path = zipped(tmp_path / "x.npz", (name, npy()))
    refuses(UNREADABLE, lambda: NpzSource(path))


def test_a_bomb_is_told_by_its_directory(tmp_path: Path, refuses) -> None:
    path = lying_deflate(tmp_path / "bomb.npz", npy(), 2**31)
    assert "zip bomb" in refuses(RESOURCE_LIMIT, lambda: NpzSource(path))


def test_a_mask_of_zeros_is_no_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", mask=np.zeros((500, 256, 256), bool))
    with NpzSource(tmp_path / "x.npz") as source:
        assert sum(int(block.sum()) for _, block in source.blocks("mask")) == 0


def test_members_without_end(tmp_path: Path, refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ptycho_contracts.sources.zip_archive.MAX_MEMBERS", 3)
    path = zipped(tmp_path / "x.npz", *((f"{i}.npy", npy()) for i in range(4)))
    refuses(RESOURCE_LIMIT, lambda: NpzSource(path))


def lying_deflate(path: Path, content: bytes, declared: int) -> Path:
    """A deflated member whose directory declares another size than it inflates to."""
    squeeze = zlib.compressobj(wbits=-15)
    packed = squeeze.compress(content) + squeeze.flush()
    header = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, zlib.crc32(content), len(packed), declared, 5, 0)
    crc, size = zlib.crc32(content), len(packed)
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, size, declared, 5, 0, 0, 0, 0, 0, 0)
    body = header + b"x.npy" + packed
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) + 5, len(body), 0)
    path.write_bytes(body + entry + b"x.npy" + end)
    return path


@pytest.mark.parametrize("stored_floats", [10, 1000])
def test_a_member_that_inflates_to_another_size(tmp_path: Path, refuses, stored_floats: int) -> None:
    content = npy(shape_header("(100,)"), bytes(4 * stored_floats))
    declared = len(npy(shape_header("(100,)"), bytes(400)))
    source = NpzSource(lying_deflate(tmp_path / "x.npz", content, declared))
    refuses(UNREADABLE, lambda: source.read("x"))
    source.close()


@pytest.mark.parametrize("deflate", [False, True])
def test_a_file_truncated_at_any_byte_is_refused(tmp_path: Path, refuses, deflate: bool) -> None:
    buffer = io.BytesIO()
    (np.savez_compressed if deflate else np.savez)(buffer, x=np.arange(40.0), y=np.array("z", dtype=object))
    whole, path = buffer.getvalue(), tmp_path / "x.npz"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        refuses(UNREADABLE, lambda: NpzSource(path))


def read_everything(path: Path) -> None:
    with NpzSource(path) as source:
        for key, info in source.describe().members.items():
            if info.dtype in ("object", "str", "bytes"):
                source.text(key)
            else:
                list(source.blocks(key, 3))


@pytest.mark.parametrize("deflate", [False, True])
def test_flipped_bytes_give_values_or_findings(tmp_path: Path, deflate: bool) -> None:
    buffer = io.BytesIO()
    (np.savez_compressed if deflate else np.savez)(
        buffer, x=np.arange(20.0).reshape(4, 5), m=np.array("{}", dtype=object), t=np.array("text")
    )
    whole, path = buffer.getvalue(), tmp_path / "x.npz"
    rng = np.random.default_rng(7)
    refused: list[Code | str] = []
    for _ in range(600):
        raw = bytearray(whole)
        for position in rng.integers(0, len(raw), rng.integers(1, 4)):
            raw[position] = rng.integers(0, 256)
        path.write_bytes(raw)
        try:
            read_everything(path)
        except SourceError as error:
            refused.extend(finding.code for finding in error.findings)
    assert len(refused) > 200
