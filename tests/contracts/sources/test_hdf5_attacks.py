"""HDF5 files that point elsewhere, loop or are damaged give findings, and no other file is ever opened."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_contracts.engine_codes import EXTERNAL_REFERENCE, RESOURCE_LIMIT, UNAVAILABLE_FILTER, UNREADABLE
from ptycho_contracts.sources import SourceError, open_source
from ptycho_contracts.sources.hdf5 import Hdf5Source


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.hdf5"
    with h5py.File(path, "w") as file:
        file["group/x"] = np.arange(3.0)
    return path


def reported(source: Hdf5Source) -> list[tuple[str, str]]:
    return sorted((f.code, f.location) for f in source.findings)


def test_external_links_are_reported_and_not_followed(tmp_path: Path, secret: Path) -> None:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["mine"] = [1.0]
        file["dp"] = h5py.ExternalLink(str(secret), "/group/x")
        file["dir"] = h5py.ExternalLink(str(secret), "/group")
        file["through"] = h5py.SoftLink("/dir/x")
        file["relative"] = h5py.SoftLink("dir/./x")
        file["absent"] = h5py.ExternalLink("/no/such/file", "/x")
    with Hdf5Source(tmp_path / "x.hdf5", "dp") as source:
        assert list(source.describe().members) == ["mine"]
        places = ["absent", "dir", "dp", "relative", "through"]
        assert reported(source) == [(EXTERNAL_REFERENCE.id, f"dp:/{place}") for place in places]


def test_virtual_datasets_and_external_storage(tmp_path: Path, secret: Path) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "group/x", (3,))
    with h5py.File(tmp_path / "x.hdf5", "w", libver="latest") as file:
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("raw", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        file["mine"] = [1.0]
    with Hdf5Source(tmp_path / "x.hdf5") as source:
        assert list(source.describe().members) == ["mine"]
        assert reported(source) == [(EXTERNAL_REFERENCE.id, "hdf5:/raw"), (EXTERNAL_REFERENCE.id, "hdf5:/virtual")]


def test_soft_and_hard_links_inside_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["a/data"] = [1.0, 2.0]
        file["hard"] = file["a/data"]
        file["soft"] = h5py.SoftLink("/a/data")
        file["a/sibling"] = h5py.SoftLink("data")
        file["group"] = h5py.SoftLink("a")
        file["dangling"] = h5py.SoftLink("/nowhere/data")
        file["a/data_in_data"] = h5py.SoftLink("data/x")
    with Hdf5Source(tmp_path / "x.hdf5") as source:
        paths = ["a/data", "a/sibling", "group/data", "group/sibling", "hard", "soft"]
        assert sorted(source.describe().members) == paths
        assert source.findings == ()
        for path in paths:
            assert source.read(path).tolist() == [1.0, 2.0]


def test_cycles_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["a/b/x"] = [1.0]
        file["a/b/up"] = file["a"]
        file["a/root"] = file["/"]
        file["a/soft"] = h5py.SoftLink("/a")
        file["self"] = h5py.SoftLink("self")
        file["ping"] = h5py.SoftLink("pong")
        file["pong"] = h5py.SoftLink("ping")
    with Hdf5Source(tmp_path / "x.hdf5") as source:
        assert "a/b/x" in source.describe().members
        assert source.findings == ()


def test_groups_that_multiply_are_refused(tmp_path: Path, refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty groups of two links to the next are a million paths."""
    monkeypatch.setattr("ptycho_contracts.sources.hdf5_links.MAX_OBJECTS", 500)
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        group = file.create_group("g")
        for _ in range(20):
            inner = group.create_group("left")
            group["right"] = inner
            group = inner
    refuses(RESOURCE_LIMIT, lambda: Hdf5Source(tmp_path / "x.hdf5"))


def test_groups_too_deep(tmp_path: Path, refuses) -> None:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file.create_group("/".join(["g"] * 200))
    refuses(RESOURCE_LIMIT, lambda: Hdf5Source(tmp_path / "x.hdf5"))


def test_a_missing_filter(tmp_path: Path, refuses) -> None:
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("dp", data=np.zeros((4, 4)), chunks=(4, 4), compression="lzf")
    # The header holds the number of the filter, 32000 for lzf, beside its name; 32700 is nobody's.
    raw = path.read_bytes()
    assert raw.count(b"\x00\x7d\x08\x00") == 1
    path.write_bytes(raw.replace(b"\x00\x7d\x08\x00", b"\xbc\x7f\x08\x00"))
    with Hdf5Source(path) as source:
        assert reported(source) == [(UNAVAILABLE_FILTER.id, "hdf5:/dp")]
        storage = source.describe().members["dp"].storage
        assert storage is not None
        assert storage.unavailable_filters == ("filter 32700",)
        refuses(UNAVAILABLE_FILTER, lambda: source.read("dp"))


def test_a_damaged_chunk(tmp_path: Path, refuses) -> None:
    path = tmp_path / "x.hdf5"
    data = np.random.default_rng(0).random((40, 40))
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("dp", data=data, chunks=(10, 40), compression="gzip")
        file["good"] = data
        offset = dataset.id.get_chunk_info(1).byte_offset
    raw = bytearray(path.read_bytes())
    raw[offset : offset + 200] = bytes(200)
    path.write_bytes(raw)
    with Hdf5Source(path) as source:
        assert source.describe().members["dp"].shape == (40, 40)
        np.testing.assert_array_equal(source.rows("dp", 0, 10), data[:10])
        np.testing.assert_array_equal(source.read("good"), data)
        with pytest.raises(SourceError) as caught:
            list(source.blocks("dp"))
        assert caught.value.findings[0].location == "hdf5:/dp"
        assert caught.value.findings[0].code == UNREADABLE.id


def test_truncated(tmp_path: Path, refuses) -> None:
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w") as file:
        file["dp"] = np.random.default_rng(0).random((10, 10))
    whole = path.read_bytes()
    for length in range(8, len(whole), 97):
        path.write_bytes(whole[:length])
        refuses(UNREADABLE, lambda: Hdf5Source(path))
    path.write_bytes(whole[:-1])
    assert "truncated" in refuses(UNREADABLE, lambda: Hdf5Source(path))


def test_another_kind_of_file(tmp_path: Path, refuses) -> None:
    path = tmp_path / "x.hdf5"
    path.write_bytes(b"not HDF5 at all")
    refuses(UNREADABLE, lambda: Hdf5Source(path))


def test_flipped_bytes_give_values_or_findings(tmp_path: Path) -> None:
    """In the format whose headers have checksums; without them the HDF5 library itself may crash or hang."""
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("dp", data=np.arange(60.0).reshape(3, 4, 5), chunks=(1, 4, 5), compression="gzip")
        file["text"] = np.bytes_("abc")
        file["group/x"] = np.arange(5)
        file["group"].attrs["unit"] = np.bytes_("m")
        file["dp"].attrs["pixel"] = 1e-9
    whole = path.read_bytes()
    rng = np.random.default_rng(11)
    refused = 0
    for _ in range(300):
        raw = bytearray(whole)
        for position in rng.integers(0, len(raw), rng.integers(1, 4)):
            raw[position] = rng.integers(0, 256)
        path.write_bytes(raw)
        try:
            with open_source(path) as source:
                for key, info in source.describe().members.items():
                    if info.dtype == "bytes":
                        source.text(key)
                    else:
                        list(source.blocks(key))
        except SourceError as error:
            refused += len(error.findings)
    assert refused > 100
