"""CXI: what is written comes back, and what the field's tools wrote is understood as they understand it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from drawn_scans import assert_holds, scans
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_files import PIXEL_M, STEPS_PX, Members, N, cxi_members, patterns
from measured_files import write as write_file
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, ReadOptions, convert, read, write
from ptycho_adapters.scan import centres_px, describe_scan
from ptycho_contracts.contracts.scan import CONTRACT as SCAN
from ptycho_contracts.structure import check_structure
from ptycho_contracts.validation import validate

TRUSTED = ReadOptions(order="as-stored")
DETECTOR, SOURCE = "entry_1/instrument_1/detector_1", "entry_1/instrument_1/source_1"
TRANSLATION = "entry_1/sample_1/geometry_1/translation"
HALF = (N - 1) / 2


def scan_of(path: Path, options: ReadOptions = TRUSTED) -> xr.Dataset:
    with read(path, options) as loaded:
        return loaded.scans[0].load()


def codes_of(path: Path, **options: Any) -> list[str]:
    with pytest.raises(ConversionError) as caught:
        read(path, ReadOptions(**({"order": "as-stored"} | options)))
    return [f.code for f in caught.value.findings]


def cxi(folder: Path, changes: Members | None = None) -> Path:
    return write_file(folder / "scan.cxi", cxi_members(), changes)


@settings(max_examples=30)
@given(scan=scans() | scans(near=True))
def test_what_is_written_comes_back(scan: xr.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = write(scan, folder, "cxi", "scan")
        assert written.dropped == []
        report = validate(written.files["cxi"], depth="data")
        found = scan_of(written.files["cxi"])
    assert (report.contract, report.errors) == ("cxi", ())
    assert_holds(found, scan)
    assert check_structure(SCAN, describe_scan(found)) == []


@settings(max_examples=15)
@given(scan=scans())
def test_a_second_writing_changes_nothing(scan: xr.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        once = scan_of(write(scan, folder, "cxi", "once").files["cxi"])
        twice = scan_of(write(once, folder, "cxi", "twice").files["cxi"])
    assert_holds(twice, once)
    assert_holds(once, twice)


@pytest.mark.parametrize("there", ["cxi", "ptychovit-pair"])
def test_a_pair_comes_back_from_cxi(shared: Path, tmp_path: Path, there: str) -> None:
    """Exactly: patterns, object and probe; the positions to a millionth of a pixel. Its own evidence is proof."""
    source = shared / "pairs" / "s64_dp.hdf5"
    done = convert(source, tmp_path, "cxi", name="there")
    if there == "ptychovit-pair":
        done = convert(done.files[0]["cxi"], tmp_path, "ptychovit-pair", name="back")
        assert done.manifest.decisions["parts"]["evidence"]["verdict"] == "proven"
    with read(source) as before, read(next(iter(done.files[0].values()))) as after:
        assert_holds(after.scans[0], before.scans[0].drop_attrs(deep=False))
        names = [k for k in before.scans[0].attrs if k.endswith(("_m", "_eV"))]
        assert {k: after.scans[0].attrs[k] for k in names} == pytest.approx(
            {k: before.scans[0].attrs[k] for k in names}
        )


@pytest.mark.parametrize("name", ["s64_cdtools.cxi", "ptychodus_product.cxi"])
def test_samples_of_both_tools_lie_where_they_were_simulated(shared: Path, name: str) -> None:
    """The product knows the object, so its positions are absolute; the measured file's are so up to the origin."""
    with np.load(shared / "pairs" / "s64_truth.npz") as truth:
        corners, pixel = truth["start"], float(truth["px"])
    scan = scan_of(shared / "cxi" / name)
    found = centres_px(scan) - 31.5
    origin = 0 if "object" in scan else corners.min(axis=0)
    np.testing.assert_allclose(found, corners - origin, rtol=0, atol=1e-5)
    assert scan.attrs["pixel_size_y_m"] == pytest.approx(pixel, rel=1e-6)
    assert scan.attrs["photon_energy_eV"] == pytest.approx(8000, rel=1e-6)


def test_patterns_of_one_file_and_object_of_another_prove_each_other(shared: Path, tmp_path: Path) -> None:
    product = shared / "cxi" / "ptychodus_product.cxi"
    done = convert(product, tmp_path, "ptychovit-pair", take={"patterns": shared / "cxi" / "s64_cdtools.cxi"})
    assert done.manifest.decisions["parts"]["evidence"]["verdict"] == "proven"
    assert validate(done.files[0]["dp"], depth="physics").ok


def test_the_canvas_is_what_the_scan_spans(tmp_path: Path) -> None:
    scan = scan_of(cxi(tmp_path))
    np.testing.assert_allclose(centres_px(scan), STEPS_PX + HALF, rtol=0, atol=1e-6)
    assert scan.attrs["canvas_y_px"] == 6 + N  # the last row of patches begins at 6
    assert scan.attrs["canvas_x_px"] == 7 + N  # and the last column at 6.75
    assert scan.attrs["pixel_size_x_m"] == pytest.approx(PIXEL_M)


@given(st.permutations([0, 1]), st.sampled_from([1, -1]), st.sampled_from([1, -1]), st.booleans())
@settings(max_examples=16)
def test_basis_vectors_turn_the_positions(axes: list[int], row_sign: int, column_sign: int, transposed: bool) -> None:
    """Law of cdtools: pixel = −(translation · unit basis vector)/pixel, for every axis and every sign."""
    basis = np.zeros((3, 2))
    basis[axes[0], 0], basis[axes[1], 1] = row_sign * 75e-6, column_sign * 75e-6
    with tempfile.TemporaryDirectory() as folder:
        path = cxi(Path(folder), {f"{DETECTOR}/basis_vectors": basis.T if transposed else basis})
        found = centres_px(scan_of(path))
    xy = STEPS_PX[:, ::-1]
    moved = np.column_stack([-row_sign * xy[:, axes[0]], -column_sign * xy[:, axes[1]]])
    np.testing.assert_allclose(found, moved - moved.min(axis=0) + HALF, rtol=0, atol=1e-6)


def test_without_basis_vectors_and_with_one_pixel_size(tmp_path: Path) -> None:
    scan = scan_of(cxi(tmp_path, {f"{DETECTOR}/basis_vectors": None, f"{DETECTOR}/x_pixel_size": None}))
    np.testing.assert_allclose(centres_px(scan), STEPS_PX + HALF, rtol=0, atol=1e-6)


@pytest.mark.parametrize("missing", ["energy", "wavelength"])
def test_energy_or_wavelength_is_enough(tmp_path: Path, missing: str) -> None:
    scan = scan_of(cxi(tmp_path, {f"{SOURCE}/{missing}": None}))
    assert scan.attrs["photon_energy_eV"] == pytest.approx(8000)


def test_the_corner_of_the_detector_gives_the_distance(tmp_path: Path) -> None:
    corner = np.array([6e-4, 5e-4, 2.0])
    scan = scan_of(cxi(tmp_path, {f"{DETECTOR}/distance": None, f"{DETECTOR}/corner_position": corner}))
    assert scan.attrs["detector_object_distance_m"] == pytest.approx(2.0)


def masks() -> tuple[NDArray[Any], NDArray[Any]]:
    good = np.zeros((N, N), np.uint32)
    good[3, 4] = 0x1000  # the pixel has signal
    one = good.copy()
    one[2, 5], one[1, 1] = 0x1, 0x1002
    return good, one


def test_a_mask_is_read_by_its_bits(tmp_path: Path) -> None:
    good, one = masks()
    assert "bad_pixels" not in scan_of(cxi(tmp_path, {f"{DETECTOR}/mask": good}))
    found = scan_of(cxi(tmp_path, {f"{DETECTOR}/mask": one}))["bad_pixels"].values
    assert np.argwhere(found).tolist() == [[1, 1], [2, 5]]


def test_masks_that_differ_become_one_and_that_is_said(tmp_path: Path) -> None:
    good, one = masks()
    several = np.stack([one, *[good] * (len(STEPS_PX) - 1)])
    with read(cxi(tmp_path, {f"{DETECTOR}/mask": several}), TRUSTED) as loaded:
        assert np.argwhere(loaded.scans[0]["bad_pixels"].values).tolist() == [[1, 1], [2, 5]]
        assert [text for text in loaded.dropped if text.startswith("masks that differ")]


def test_position_indexes_of_ptychodus_name_rows_of_the_patterns(tmp_path: Path) -> None:
    order = np.roll(np.arange(len(STEPS_PX)), 5)
    scan = scan_of(cxi(tmp_path, {"entry_1/ptychodus/probe_position_indexes": order}))
    np.testing.assert_array_equal(scan["intensity"], patterns()[order])
    np.testing.assert_array_equal(scan["frame_index"], order)
    np.testing.assert_allclose(centres_px(scan), STEPS_PX + HALF, rtol=0, atol=1e-6)


def test_rectangular_detectors_have_a_pixel_for_each_axis(tmp_path: Path) -> None:
    scan = scan_of(cxi(tmp_path, {f"{DETECTOR}/data": patterns(shape=(N, 2 * N))}))
    assert scan.attrs["pixel_size_y_m"] == pytest.approx(PIXEL_M)
    assert scan.attrs["pixel_size_x_m"] == pytest.approx(PIXEL_M / 2)
    np.testing.assert_allclose(centres_px(scan) - [HALF, N - 0.5], STEPS_PX * [1, 2], rtol=0, atol=1e-6)


def test_a_stored_centre_is_taken_off_and_image_size_gives_the_pixel(tmp_path: Path) -> None:
    """As Ptychodus 1.7 does: (position − centre)/pixel + (size − 1)/2."""
    size = (30, 41)
    scan = scan_of(
        cxi(
            tmp_path,
            {
                "entry_1/image_1/data": np.ones((2, 1, N, N), np.complex64),
                "entry_1/image_2/data": np.ones(size, np.complex64),
                "entry_1/image_2/image_size": np.array([size[1] * PIXEL_M, size[0] * PIXEL_M, 0.0]),
                "entry_1/ptychodus/object_center_y_m": 3 * PIXEL_M,
                "entry_1/ptychodus/object_center_x_m": -2 * PIXEL_M,
            },
        )
    )
    np.testing.assert_allclose(centres_px(scan), STEPS_PX - [3, -2] + [14.5, 20], rtol=0, atol=1e-6)
    assert scan["probe"].shape == (1, N, N)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{SOURCE}/energy": 8000.0}, ["PTY330"]),
        ({f"{SOURCE}/energy": 8.0}, ["PTY330"]),
        ({f"{SOURCE}/wavelength": 1e-9}, ["PTY331"]),
        ({f"{DETECTOR}/distance": 2000.0}, ["PTY332"]),
        ({f"{DETECTOR}/x_pixel_size": 75.0, f"{DETECTOR}/basis_vectors": None}, ["PTY332"]),
        ({TRANSLATION: cxi_members()[TRANSLATION] * 1e6}, ["PTY332"]),
        ({TRANSLATION: np.ones((len(STEPS_PX), 3))}, ["PTY403"]),
        ({f"{DETECTOR}/x_pixel_size": 55e-6}, ["PTY334"]),
        ({f"{DETECTOR}/basis_vectors": np.array([[0, -1], [-0.9, 0], [0.1, 0]]) * 75e-6}, ["PTY334"]),
        ({f"{DETECTOR}/data": patterns()[:5]}, ["PTY201"]),
        ({f"{DETECTOR}/data": patterns()[0]}, ["PTY103"]),
        ({f"{DETECTOR}/mask": np.zeros((3, 3), np.uint8)}, ["PTY201", "PTY201"]),
        ({TRANSLATION: np.zeros((len(STEPS_PX), 4))}, ["PTY103"]),
        ({f"{SOURCE}/energy": "8 keV"}, ["PTY102"]),
        ({f"{DETECTOR}/data": None}, ["PTY003"]),
        ({f"{DETECTOR}/distance": None}, ["PTY013"]),
        ({"entry_1/ptychodus/probe_position_indexes": np.arange(len(STEPS_PX)) + 1}, ["PTY011"]),
    ],
)
def test_what_is_wrong_is_a_finding(tmp_path: Path, changes: Members, expected: list[str]) -> None:
    assert codes_of(cxi(tmp_path, changes)) == expected


def test_an_option_may_say_what_the_file_does_not(tmp_path: Path) -> None:
    path = cxi(tmp_path, {f"{DETECTOR}/distance": None, f"{SOURCE}/wavelength": None})
    assert codes_of(path) == ["PTY013"]
    by_distance = scan_of(path, ReadOptions(order="as-stored", distance_m=2.0))
    by_pixel = scan_of(path, ReadOptions(order="as-stored", pixel_size_m=PIXEL_M))
    np.testing.assert_allclose(centres_px(by_distance), centres_px(by_pixel), rtol=0, atol=1e-6)
    assert codes_of(cxi(tmp_path), pixel_size_m=2 * PIXEL_M) == ["PTY012"]
    assert codes_of(cxi(tmp_path), energy_eV=9000.0) == ["PTY012"]


def test_a_measured_near_field_is_asked_for_and_carried(shared: Path, tmp_path: Path) -> None:
    source = shared / "cxi" / "petra3_p25_near_field.cxi"
    assert codes_of(source) == ["PTY333"]
    assert codes_of(source, propagation="near-field") == ["PTY013"]
    assert codes_of(source, pixel_size_m=1.787e-7) == ["PTY012"]
    assert [f.code for f in validate(source, depth="data").findings] == ["PTY333"]
    near = ReadOptions(propagation="near-field", pixel_size_m=1.787e-7)
    done = convert(source, tmp_path, "cxi", options=near)
    before, after = scan_of(source, near), scan_of(done.files[0]["cxi"])
    assert_holds(after, before)
    assert after.attrs["propagation"] == "near-field"
    assert int(after["bad_pixels"].sum()) == 5
    with pytest.raises(ConversionError, match="stands for far-field patterns"):
        convert(source, tmp_path, "raw-data-npz", options=near)


def test_the_physics_check_judges_a_file_that_holds_everything(shared: Path, tmp_path: Path) -> None:
    """As written it is proven; with the sign of an axis turned the finding names it."""
    path = convert(shared / "pairs" / "s64_dp.hdf5", tmp_path, "cxi", name="all").files[0]["cxi"]
    report = validate(path, depth="physics")
    assert (report.findings, report.unexamined) == ((), ())
    assert report.evidence["physics"]["verdict"] == "as stated"
    with h5py.File(path, "a") as file:
        file[TRANSLATION][:, 0] *= -1
    assert [(f.code, f.location) for f in validate(path, depth="physics").findings] == [
        ("PTY314", f"cxi:/{TRANSLATION}")
    ]
    with h5py.File(path, "a") as file:
        del file["entry_1/image_1/data"]
        file["entry_1/image_1/data"] = np.ones((1, 1, 60, 60), np.complex64)
    assert [f.code for f in validate(path, depth="physics").findings] == ["PTY316"]


def test_a_lone_reconstruction_has_no_physics(shared: Path) -> None:
    report = validate(shared / "cxi" / "ptychodus_product.cxi", depth="physics")
    assert [(u.check, u.reason) for u in report.unexamined] == [("cxi_physics", "the file holds no patterns")]


def test_near_field_can_be_overruled(shared: Path) -> None:
    scan = scan_of(shared / "cxi" / "petra3_p25_near_field.cxi", ReadOptions(propagation="far-field"))
    assert scan.attrs["pixel_size_y_m"] == pytest.approx(1.9946e-8, rel=1e-4)


def test_links_lead_to_every_place_where_readers_look(tmp_path: Path) -> None:
    scan = scan_of(cxi(tmp_path))
    with h5py.File(write(scan, tmp_path, "cxi", "ours").files["cxi"]) as file:
        assert file["entry_1/data_1/data"] == file[f"{DETECTOR}/data"]
        for place in ("entry_1/data_1", DETECTOR):
            assert file[f"{place}/translation"] == file[TRANSLATION]
        assert file["cxi_version"][()] == 160
