"""Files are recognised by what they hold, and the real ones of every tool open."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_contracts.engine_codes import FILE_ABSENT, UNREADABLE
from ptycho_contracts.sources import SourceError, open_source, sniff
from ptycho_contracts.sources.stand_ins import STAND_IN

SHARED = Path(__file__).parents[4] / "shared" / "data"
REAL = sorted(p for p in SHARED.rglob("*") if p.suffix in {".npz", ".hdf5", ".h5", ".cxi", ".ptyd"})


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.ones(3))
    return buffer.getvalue()


def torch_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("best_model/data.pkl", pickle.dumps({}, 2))
    return buffer.getvalue()


def hdf5(**options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        file["x"] = [1.0]
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (npz(), "npz"),
        (npz()[:40], "npz"),
        (b"PK\x05\x06" + bytes(18), "npz"),
        (torch_zip(), "torch-zip"),
        (torch_zip()[:60], "torch-zip"),
        (hdf5(), "hdf5"),
        (hdf5(userblock_size=2048), "hdf5"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "torch-legacy"),
        *[(pickle.dumps({"a": 1.5}, protocol), "pickle") for protocol in range(6)],
        (pickle.dumps([1], 0), "pickle"),
        (b'{"a": 1}', "json"),
        (b"\xef\xbb\xbf\n [1]", "json"),
        (b"a: 1\n", "yaml"),
        (("µ: " + "ü" * 5000).encode(), "yaml"),
        (("µ:  " + "ü" * 5000).encode(), "yaml"),
    ],
)
def test_kinds_by_content(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(content)
    assert sniff(path) == kind


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"\x00" * 100, b"\x93NUMPY\x01\x00", b"\x80\x07abc", b"\xff\xfe\x00a"]
)
def test_no_kind_at_all(tmp_path: Path, refuses: Any, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    refuses(UNREADABLE, lambda: sniff(path))
    refuses(UNREADABLE, lambda: open_source(path))


def test_no_file(tmp_path: Path, refuses: Any) -> None:
    assert "does not exist" in refuses(FILE_ABSENT, lambda: open_source(tmp_path / "absent.npz"))
    assert "a directory" in refuses(UNREADABLE, lambda: open_source(tmp_path))
    refuses(FILE_ABSENT, lambda: open_source("a\x00b"))
    (tmp_path / "dangling").symlink_to(tmp_path / "absent.npz")
    refuses(FILE_ABSENT, lambda: open_source(tmp_path / "dangling"))
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refuses(UNREADABLE, lambda: open_source(tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4096\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s4096--00.h5\n", "git annex get"),
    ],
)
def test_a_file_that_was_not_fetched(tmp_path: Path, refuses: Any, content: bytes, command: str) -> None:
    path = tmp_path / "x_dp.hdf5"
    path.write_bytes(content)
    assert "not fetched" in refuses(STAND_IN, lambda: open_source(path))
    with pytest.raises(SourceError) as refused:
        sniff(path)
    assert command in (refused.value.findings[0].fix or "")


def test_a_link_into_an_annex_that_holds_nothing(tmp_path: Path, refuses: Any) -> None:
    (tmp_path / "x.h5").symlink_to(".git/annex/objects/a/b/SHA256E-s4096--00.h5/SHA256E-s4096--00.h5")
    assert "git-annex" in refuses(STAND_IN, lambda: open_source(tmp_path / "x.h5"))


@pytest.mark.parametrize(
    ("content", "kind", "fix"),
    [
        (b"\x93NUMPY\x01\x00", ".npy", "np.savez"),
        (b"MATLAB 5.0 MAT-file" + bytes(8) + b"\x00\x01IM", "before version 7.3", "-v7.3"),
        (b"II*\x00", "TIFF", "NPZ or HDF5"),
        (b"\x1f\x8b\x08", "gzip", "Unpack"),
        (bytes(600), "zero bytes", ""),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, refuses: Any, content: bytes, kind: str, fix: str) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    assert kind in refuses(UNREADABLE, lambda: open_source(path))
    with pytest.raises(SourceError) as refused:
        open_source(path)
    assert fix in (refused.value.findings[0].fix or "")


def test_a_cut_file_says_how_much_is_there(tmp_path: Path, refuses: Any) -> None:
    path = tmp_path / "x.h5"
    whole = hdf5()
    path.write_bytes(whole[:-100])
    said = refuses(UNREADABLE, lambda: open_source(path))
    assert f"truncated, {len(whole) - 100} of {len(whole)} bytes are there" in said


@pytest.mark.parametrize("content", [b'{"a": 1}', b"a: 1\n"])
def test_a_document_is_no_source(tmp_path: Path, refuses: Any, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert "holds no arrays" in refuses(UNREADABLE, lambda: open_source(path))


@pytest.mark.parametrize(
    ("content", "role"), [(npz(), "npz"), (hdf5(), "hdf5"), (pickle.dumps({}), "pickle"), (torch_zip(), "pth")]
)
def test_roles(tmp_path: Path, content: bytes, role: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with open_source(path) as source:
        assert source.role == role
    with open_source(path, "dp") as source:
        assert source.role == "dp"
    if role == "pth":
        with open_source(path.rename(tmp_path / "checkpoint.state")) as source:
            assert source.role == "state"


@pytest.mark.shared_data
@pytest.mark.skipif(not REAL, reason="the folder of real sample files is not beside the checkout")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_real_files_are_described_and_read(path: Path) -> None:
    with open_source(path) as source:
        info = source.describe()
        assert source.findings == ()
        assert info.members
        assert info.model_validate_json(info.model_dump_json()) == info
        for name, member in info.members.items():
            if member.dtype in ("str", "object"):
                assert isinstance(source.text(name), str)
                continue
            for _, block in source.blocks(name):
                assert (block.shape[1:], block.dtype.name) == (member.shape[1:], member.dtype)


@pytest.mark.shared_data
@pytest.mark.skipif(not REAL, reason="the folder of real sample files is not beside the checkout")
def test_real_arrays_are_what_numpy_and_h5py_read() -> None:
    npz_path = SHARED / "ptychopinn" / "grid_lines_N64_two_objects_test.npz"
    with open_source(npz_path) as source, np.load(npz_path) as wanted:
        for name in ("diffraction", "probeGuess", "YY_full", "norm_Y_I", "coords_offsets"):
            np.testing.assert_array_equal(source.read(name), wanted[name])
        assert '"schema_version"' in source.text("_metadata")
    para_path = SHARED / "pairs" / "s64_para.hdf5"
    with open_source(para_path) as source, h5py.File(para_path) as file:
        np.testing.assert_array_equal(source.read("probe"), file["probe"][()])
        height = source.describe().members["object"].attributes["pixel_height_m"].value
        assert height == file["object"].attrs["pixel_height_m"]


def test_opening_does_not_need_torch() -> None:
    import subprocess
    import sys

    modules = "ptycho_contracts.sources, ptycho_contracts.sources.torch_zip"
    program = f"import sys, {modules}; print('torch' in sys.modules, 'h5py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_source_error_is_readable() -> None:
    with pytest.raises(SourceError, match=r"^nowhere\.npz does not exist$"):
        open_source("nowhere.npz")
