from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ptycho_adapters
from ptycho_adapters import ConversionError, ReadOptions, read, write, write_normalization
from ptycho_adapters.io import reader_of
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contract import ArrayContract, get_contract
from ptycho_contracts.sources.pickle_file import read_number_dict


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, ptycho_adapters; print({'numpy', 'xarray', 'h5py', 'scipy', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ptycho_adapters.__all__)
def test_public_names_are_there_and_no_modules(name: str) -> None:
    """A submodule of the same name would hide the function as soon as somebody imports it."""
    value = getattr(ptycho_adapters, name)
    assert value.__module__.startswith("ptycho_adapters.")
    assert value.__doc__
    assert not (Path(ptycho_adapters.__file__).parent / f"{name}.py").exists()


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'transmogrify'"):
        _ = ptycho_adapters.transmogrify


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        read(tmp_path / "absent.npz")
    assert [f.code for f in caught.value.findings] == ["PTY001"]


def test_what_no_codec_reads_is_a_finding_that_names_what_can_be_read() -> None:
    contract = get_contract("scan")  # it lives in memory
    assert isinstance(contract, ArrayContract)
    with pytest.raises(ConversionError, match="is scan, which cannot be converted") as caught:
        reader_of(contract, Path("memory"))
    assert set((caught.value.findings[0].expected or "").split(", ")) >= {"cxi", "ptychovit-pair", "ptypy-ptyr"}


def test_an_unknown_frame_names_the_known_ones(shared: Path) -> None:
    with pytest.raises(KeyError, match="no frame is called 'centre'; known: ptychovit"):
        read(shared / "pairs" / "s64_dp.hdf5", ReadOptions(frame="centre"))


def test_an_unknown_target_names_the_known_ones(tmp_path: Path) -> None:
    scan = make_scan(np.ones((1, 2, 2)), np.ones((1, 2)), None, None, {})
    with pytest.raises(KeyError, match=r"writable: cxi, grid-lines-npz, .*, raw-data-npz"):
        write(scan, tmp_path, "hdf4", "name")


def test_a_scan_that_the_format_cannot_hold_is_a_finding(tmp_path: Path) -> None:
    scan = make_scan(np.ones((1, 2, 2)), np.ones((1, 2)), None, None, {})
    for to in ("grid-lines-npz", "ptychovit-pair", "raw-data-npz"):
        with pytest.raises(ConversionError, match="cannot be written") as caught:
            write(scan, tmp_path / "out", to, "name")
        assert {f.code for f in caught.value.findings} == {"PTY013"}
    assert not (tmp_path / "out").exists()


def test_normalization_is_a_pickle_of_plain_floats(tmp_path: Path) -> None:
    path = tmp_path / "normalization.pkl"
    write_normalization(path, {"a_000": float(np.float32(1.5)), "b": np.float64(7)})
    assert read_number_dict(path) == {"a_000": 1.5, "b": 7.0}
    loaded = pickle.loads(path.read_bytes())  # noqa: S301 - written by this test
    assert {name: type(value) for name, value in loaded.items()} == {"a_000": float, "b": float}


@pytest.mark.parametrize("maxima", [{}, {"a": 0.0}, {"a": float("nan")}, {"a": float("inf")}, {"a": -1.0}])
def test_an_impossible_normalization_is_refused(tmp_path: Path, maxima: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        write_normalization(tmp_path / "normalization.pkl", maxima)
    assert list(tmp_path.iterdir()) == []
