"""A NaN among positions, or in a probe or an object, stops every reader with the place where it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, convert
from ptycho_adapters.diagnosis import diagnose
from ptycho_adapters.fix.run import fix
from ptycho_contracts import validate

Split = dict[str, NDArray[Any]]


@pytest.fixture
def pair(simulated: Callable[..., Split], tmp_path: Path) -> Path:
    np.savez(tmp_path / "split.npz", **simulated("test"))
    return convert(tmp_path / "split.npz", tmp_path, "ptychovit-pair", name="scan").files[0]["dp"]


def stopped(path: Path, folder: Path) -> str:
    """The location at which diagnosis and conversion both stop; `fix` repairs nothing."""
    locations = set()
    for attempt in (lambda: diagnose(path), lambda: convert(path, folder, "cxi", name="out")):
        with pytest.raises(ConversionError) as refused:
            attempt()
        assert {f.code for f in refused.value.findings} == {"PTY401"}
        locations |= {f.location for f in refused.value.findings}
    assert fix(path, folder / "fixed").record is None
    (location,) = locations
    return location


@pytest.mark.parametrize(
    ("member", "index", "value"),
    [
        ("probe_position_x_m", (3,), np.nan),
        ("probe_position_y_m", (5,), np.inf),
        ("object", (0, 7, 9), np.nan),
        ("probe", (0, 0, 4, 4), complex(0, np.inf)),
    ],
)
def test_of_a_pair(member: str, index: tuple[int, ...], value: complex, pair: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "scan_para.hdf5", "a") as file:
        file[member][index] = value
    assert stopped(pair, tmp_path / "out") == f"para:/{member}[{', '.join(map(str, index))}]"


def test_of_raw_data(pair: Path, tmp_path: Path) -> None:
    raw = convert(pair, tmp_path, "raw-data-npz", name="raw").files[0]["npz"]
    with np.load(raw) as members:
        spoilt = dict(members)
    spoilt["xcoords"][2] = np.nan
    np.savez(tmp_path / "spoilt.npz", **spoilt)
    assert stopped(tmp_path / "spoilt.npz", tmp_path / "out") == "npz:/xcoords[2]"


@pytest.mark.parametrize("member", ["objectGuess", "probeGuess"])
def test_the_physics_of_raw_data_is_not_examined(member: str, pair: Path, tmp_path: Path) -> None:
    raw = convert(pair, tmp_path, "raw-data-npz", name="raw").files[0]["npz"]
    with np.load(raw) as members:
        spoilt = dict(members)
    spoilt[member][3, 3] = np.nan
    np.savez(tmp_path / "spoilt.npz", **spoilt)
    report = validate(tmp_path / "spoilt.npz", depth="physics")
    assert {f.code for f in report.findings} == {"PTY401"}
    assert [u.check for u in report.unexamined] == ["raw_data_physics"]


def test_of_a_grid_lines_split(simulated: Callable[..., Split], tmp_path: Path) -> None:
    """And its physics is not examined, because nothing has a place."""
    members = {name: value.copy() for name, value in simulated("test").items()}
    members["coords_offsets"].reshape(-1)[1] = np.nan
    np.savez(tmp_path / "spoilt.npz", **members)
    assert stopped(tmp_path / "spoilt.npz", tmp_path / "out").startswith("npz:/coords_offsets[")
    report = validate(tmp_path / "spoilt.npz", depth="physics")
    assert {f.code for f in report.findings} == {"PTY401"}
    assert [u.reason for u in report.unexamined] == ["npz:/coords_offsets is not finite"]


def test_patterns_are_told_by_the_pattern_when_they_are_written(pair: Path, tmp_path: Path) -> None:
    for value, code in ((np.nan, "PTY401"), (-1.0, "PTY402")):
        with h5py.File(pair, "a") as file:
            file["dp"][5, 3, 3] = value
        with pytest.raises(ConversionError) as refused:
            convert(pair, tmp_path / code, "raw-data-npz")
        assert [(f.code, f.location) for f in refused.value.findings] == [(code, "scan:/intensity[5]")]
        assert not list((tmp_path / code).glob("*.npz"))


def test_patterns_without_any_signal_are_not_written(tmp_path: Path) -> None:
    from measured_files import ptylab_members, write

    dark = write(tmp_path / "dark.hdf5", ptylab_members(), {"ptychogram": np.zeros((12, 16, 16), np.float32)})
    with pytest.raises(ConversionError) as refused:
        convert(dark, tmp_path / "out", "cxi")
    assert [f.code for f in refused.value.findings] == ["PTY404"]
    assert not list((tmp_path / "out").glob("*.cxi"))
