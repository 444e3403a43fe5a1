"""`validate --depth physics` and `ptycho diagnose` say the same of a file: they ask one engine about one reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_adapters import convert
from ptycho_adapters.diagnosis import diagnose
from ptycho_contracts import validate

SAMPLES = ("cxi/s64_cdtools.cxi", "ptypy/pair.ptyd", "ptylab/s64_ptylab.hdf5", "ptychopinn/rawdata.npz")


def the_same(path: Path) -> str:
    """The verdict on which both agree, with every candidate and number."""
    report, told = validate(path, depth="physics"), diagnose(path)
    evidence = {k: v for k, v in report.evidence["physics"].items() if k in type(told).model_fields}
    assert told.model_copy(update={"repair": None}) == type(told).model_validate(evidence)
    codes = {change.code.id for change in told.changes or () if change.kind != "probe-scale"}
    assert {f.code for f in report.findings if f.code in codes} == codes
    return told.verdict


@pytest.mark.shared_data
@pytest.mark.parametrize("name", SAMPLES)
def test_of_samples(shared: Path, name: str) -> None:
    assert the_same(shared / name) == "as stated"


def _as_it_is(file: h5py.File, at: str) -> None:
    pass


def _negated(file: h5py.File, at: str) -> None:
    file[at][:, 0] *= -1


@pytest.mark.shared_data
@pytest.mark.parametrize(("spoil", "verdict"), [(_as_it_is, "as stated"), (_negated, "mistaken")])
def test_of_a_cxi_file_that_holds_everything(
    shared: Path, tmp_path: Path, spoil: Callable[[h5py.File, str], None], verdict: str
) -> None:
    path = convert(shared / "pairs" / "s64_dp.hdf5", tmp_path, "cxi", name="all").files[0]["cxi"]
    with h5py.File(path, "a") as file:
        spoil(file, "entry_1/sample_1/geometry_1/translation")
    assert the_same(path) == verdict


def training(shared: Path, path: Path, changes: dict[str, Any]) -> Path:
    """Ptychodus' training file of its own PtychoPINN export: positions are pixels of the object in both."""
    with np.load(shared / "ptychodus" / "ptychopinn_training.npz") as export, h5py.File(path, "w") as file:
        probe = export["probeGuess"].reshape(-1, *export["probeGuess"].shape[-2:])
        members = {
            "patterns": export["diff3d"],
            "bad_pixels": np.zeros(export["diff3d"].shape[1:], bool),
            "probe": probe,
            "object": export["objectGuess"],
            "probe_position_y_px": export["ycoords"],
            "probe_position_x_px": export["xcoords"],
            "object_pixel_height_m": 1e-8,
            "object_pixel_width_m": 1e-8,
            "photon_energy_eV": 8000.0,
            "detector_object_distance_m": 1.0,
        }
        for name, value in (members | changes).items():
            file[name] = value
    return path


@pytest.mark.shared_data
def test_of_training_data(shared: Path, tmp_path: Path) -> None:
    right = training(shared, tmp_path / "right.h5", {})
    assert the_same(right) == "as stated"
    with h5py.File(right) as file:
        turned = {"object": np.conj(file["object"][()]), "patterns": np.sqrt(file["patterns"][()])}
    wrong = training(shared, tmp_path / "wrong.h5", turned)
    assert the_same(wrong) == "mistaken"
    report = validate(wrong, depth="physics")
    assert {(f.code, f.location) for f in report.errors} == {
        ("PTY311", "training:/patterns"),
        ("PTY322", "training:/object"),
    }
