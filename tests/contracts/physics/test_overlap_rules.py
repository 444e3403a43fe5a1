"""`validate --depth physics` of files without an object: overlapping patterns decide what they can, and it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from overlapping import FORMATS, TURNS, cxi, fold_slice, measured, ptyd, ptylab

from ptycho_contracts import validate
from ptycho_contracts.render.text import render_text


@pytest.mark.parametrize("contract", FORMATS)
def test_positions_that_are_right_are_proven(contract: str, tmp_path: Path) -> None:
    make, _ = FORMATS[contract]
    report = validate(make(tmp_path, *measured()), depth="physics")
    assert (report.contract, report.errors, report.unexamined) == (contract, (), ())
    assert (report.evidence["physics"]["verdict"], report.evidence["physics"]["method"]) == ("as stated", "overlap")
    assert "neighbouring patterns overlap as stated" in render_text([report])


@pytest.mark.parametrize("contract", FORMATS)
def test_exchanged_axes_are_found_where_they_lie(contract: str, tmp_path: Path) -> None:
    make, (_, _, x) = FORMATS[contract]
    patterns, positions = measured()
    report = validate(make(tmp_path, patterns, positions[:, ::-1]), depth="physics")
    assert [(f.code, f.location) for f in report.errors] == [("PTY312", x)]
    assert "neighbouring patterns overlap as stated" not in render_text([report])


@pytest.mark.parametrize("contract", FORMATS)
def test_a_negated_axis_and_patterns_from_the_corner_are_two_findings(contract: str, tmp_path: Path) -> None:
    make, (at, y, _) = FORMATS[contract]
    patterns, positions = measured()
    turned = TURNS["negated-y",](positions)
    report = validate(make(tmp_path, np.fft.fftshift(patterns, axes=(1, 2)), turned), depth="physics")
    assert {(f.code, f.location) for f in report.errors} == {("PTY314", y), ("PTY318", at)}
    negated = next(f for f in report.errors if f.code == "PTY314")
    assert "it stays open which of the axes" in (negated.found or "")


@pytest.mark.parametrize("contract", FORMATS)
def test_another_order_is_no_claim_of_an_error(contract: str, tmp_path: Path) -> None:
    make, (at, _, _) = FORMATS[contract]
    patterns, positions = measured()
    order = np.random.default_rng(9).permutation(len(positions))
    report = validate(make(tmp_path, patterns, positions[order]), depth="physics")
    assert report.errors == ()
    assert [(f.code, f.location) for f in report.findings if f.code == "PTY316"] == [("PTY316", at)]


def _said(path: Path, rule: str) -> str:
    report = validate(path, depth="physics")
    return next(u.reason for u in report.unexamined if u.check == rule)


@pytest.mark.parametrize("contract", FORMATS)
def test_what_overlap_cannot_look_at_is_not_examined(contract: str, tmp_path: Path) -> None:
    make, _ = FORMATS[contract]
    patterns, positions = measured()
    report = validate(make(tmp_path, patterns[:8], positions[:8]), depth="physics")
    assert [u.reason for u in report.unexamined] == ["fewer than 12 patterns overlap too little"]
    assert report.errors == ()


def test_patterns_that_are_not_square_are_not_examined(tmp_path: Path) -> None:
    patterns, positions = measured()
    assert _said(cxi(tmp_path, patterns[:, :, :-2], positions), "cxi_physics") == "the patterns are not square"
    assert _said(ptyd(tmp_path, patterns[:, :-4], positions), "ptyd_overlap") == "the patterns are not square"


def test_the_near_field_is_not_examined(tmp_path: Path) -> None:
    path = ptyd(tmp_path, *measured())
    with h5py.File(path, "a") as file:
        file.attrs["ptycho_contracts_propagation"] = "near-field"
    assert "near field" in _said(path, "ptyd_overlap")


@pytest.mark.parametrize(
    ("make", "rule", "spoil", "why"),
    [
        (ptyd, "ptyd_overlap", {"meta/distance": 0.0}, "the object pixel is not known"),
        (ptyd, "ptyd_overlap", {"chunks/1/positions": np.zeros((50, 3))}, "the positions are not (y, x)"),
        (ptyd, "ptyd_overlap", {"chunks/1/data": np.ones((50, 8, 8))}, "patterns of different shapes"),
        (ptyd, "ptyd_overlap", {"chunks/1/data": np.ones((49, 32, 32))}, "99 patterns have 100 positions"),
        (ptylab, "ptylab_overlap", {"orientation": 9}, "orientations 0 to 7, not 9"),
        (ptylab, "ptylab_overlap", {"zo": 0.0}, "the object pixel is not known"),
    ],
)
def test_why_nothing_has_a_place_is_told(make: Any, rule: str, spoil: dict[str, Any], why: str, tmp_path: Path) -> None:
    path = make(tmp_path, *measured())
    with h5py.File(path, "a") as file:
        for name, value in spoil.items():
            del file[name]
            file[name] = value
    assert why in _said(path, rule)


def test_a_fold_slice_pair_without_a_pixel_is_not_examined(tmp_path: Path) -> None:
    path = fold_slice(tmp_path, *measured())
    with h5py.File(tmp_path / "scan_para.hdf5", "a") as file:
        file["dx"][()] = 0.0
    assert _said(path, "fold_slice_overlap") == "para:/dx is no length"
    with h5py.File(tmp_path / "scan_para.hdf5", "a") as file:
        del file["dx"]
    assert _said(path, "fold_slice_overlap") == "para:/dx is missing"


def test_a_fold_slice_pair_of_matlab_is_caught(tmp_path: Path) -> None:
    """MATLAB writes every array with its axes reversed, and nothing in the file says so."""
    patterns, positions = measured()
    path = fold_slice(tmp_path, patterns.transpose(0, 2, 1), positions)
    assert [f.code for f in validate(path, depth="physics").errors] == ["PTY312"]
