"""Depth `header` touches no array data, which two ways prove: reading is made to fail, and the data are destroyed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from simulated_pair import simulate_pair, write_pair
from simulated_split import simulate_split

from ptycho_contracts.sources.hdf5 import Hdf5Source
from ptycho_contracts.sources.npz import NpzSource
from ptycho_contracts.validation import validate


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_pair(simulate_pair(), tmp_path), simulate_split().write(tmp_path / "split.npz")]


def test_header_asks_no_source_for_data(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise AssertionError("array data were asked for")

    for source in (Hdf5Source, NpzSource):
        for method in ("rows", "read", "blocks", "text"):
            monkeypatch.setattr(source, method, refuse)
    assert all(validate(path).findings == () for path in files)
    for path in files:
        with pytest.raises(AssertionError, match="array data were asked for"):
            validate(path, depth="data")


def test_header_is_blind_to_destroyed_data(files: list[Path]) -> None:
    """Every byte of every array becomes 0xFF: NaN in HDF5, and another checksum in a zip."""
    before = [validate(path) for path in files]
    for path in files:
        destroy(path)
    assert [validate(path) for path in files] == before
    assert [{f.code for f in validate(path, depth="data").errors} for path in files] == [{"PTY401"}, {"PTY002"}]


def destroy(path: Path) -> None:
    paths = [path] if path.suffix == ".npz" else sorted(path.parent.glob("*.hdf5"))
    for file in paths:
        spans = zip_spans(file) if file.suffix == ".npz" else hdf5_spans(file)
        with file.open("r+b") as stream:
            for start, length in spans:
                stream.seek(start)
                stream.write(b"\xff" * length)


def hdf5_spans(path: Path) -> list[tuple[int, int]]:
    """(first byte, bytes) of every contiguous dataset."""
    with h5py.File(path) as file:
        return [(d.id.get_offset(), d.nbytes) for d in file.values()]


def zip_spans(path: Path) -> list[tuple[int, int]]:
    """(first byte, bytes) of the numbers of every stored array, which end their member."""
    with np.load(path) as arrays:
        sizes = {f"{key}.npy": arrays[key].nbytes for key in arrays.files}
    spans = []
    with zipfile.ZipFile(path) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
        for info, end in zip(infos, ends, strict=True):
            spans.append((end - sizes[info.filename], sizes[info.filename]))
    return spans
