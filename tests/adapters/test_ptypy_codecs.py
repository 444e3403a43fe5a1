"""PtyPy's data and reconstruction files: what is written comes back, chunks are one scan, views lie as PtyPy cuts."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from drawn_scans import assert_holds, scans
from hypothesis import given, settings
from hypothesis import strategies as st
from measured_files import PIXEL_M, STEPS_PX, Members, N, patterns, ptyd_members
from measured_files import write as write_file

from ptycho_adapters import ConversionError, ReadOptions, convert, read, write
from ptycho_adapters.scan import centres_px
from ptycho_contracts.validation import validate

TRUSTED = ReadOptions(order="as-stored")
HALF = (N - 1) / 2
FIRST_PX = np.array([5, 7])
# What a ptyd file has no room for; the near field's geometry becomes that of a parallel beam.
NOT_IN_PTYD = ["probe", "object"]


def scan_of(path: Path, options: ReadOptions = TRUSTED) -> xr.Dataset:
    with read(path, options) as loaded:
        return loaded.scans[0].load()


def refusal(path: Path, options: ReadOptions = TRUSTED) -> str:
    with pytest.raises(ConversionError) as caught:
        read(path, options)
    return " ".join(f"{f.code} {f.message}" for f in caught.value.findings)


def ptyd(folder: Path, changes: Members | None = None) -> Path:
    return write_file(folder / "scan.ptyd", ptyd_members(), changes)


@settings(max_examples=30)
@given(scan=scans(square=True))
def test_what_is_written_comes_back(scan: xr.Dataset) -> None:
    """All but probe and object, which is said; an object's size stays as the canvas."""
    with tempfile.TemporaryDirectory() as folder:
        written = write(scan, folder, "ptypy-ptyd", "scan")
        report = validate(written.files["ptyd"], depth="data")
        found = scan_of(written.files["ptyd"])
    lost = [name for name in NOT_IN_PTYD if name in scan]
    assert [text.split()[0] for text in written.dropped] == lost
    assert (report.contract, report.errors) == ("ptypy-ptyd", ())
    assert_holds(found, scan.drop_vars(lost))
    if "object" in scan:
        canvas = (found.attrs["canvas_y_px"], found.attrs["canvas_x_px"])
        assert canvas == (scan.sizes["object_y"], scan.sizes["object_x"])


@settings(max_examples=15)
@given(scan=scans(square=True, near=True))
def test_a_magnified_near_field_is_written_as_a_parallel_beam(scan: xr.Dataset) -> None:
    """Fresnel scaling: pixel/M and z/M give the same patterns, so z·λ/pixel² of the two is equal up to M."""
    with tempfile.TemporaryDirectory() as folder:
        written = write(scan, folder, "ptypy-ptyd", "scan")
        found = scan_of(written.files["ptyd"])
    assert [text for text in written.dropped if "parallel beam" in text]
    magnification = scan.attrs["detector_pixel_size_y_m"] / scan.attrs["pixel_size_y_m"]
    z = "detector_object_distance_m"
    np.testing.assert_allclose(found.attrs[z] * magnification, scan.attrs[z], rtol=1e-12)
    assert found.attrs["propagation"] == "near-field"
    names = ["intensity", "position_y", "position_x"]
    assert_holds(found, scan[names].drop_attrs().assign_attrs(pixel_size_y_m=scan.attrs["pixel_size_y_m"]))


def test_the_sample_of_ptypy_lies_where_it_was_simulated(shared: Path) -> None:
    with np.load(shared / "pairs" / "s64_truth.npz") as truth:
        corners, pixel = truth["start"], float(truth["px"])
    scan = scan_of(shared / "ptypy" / "pair.ptyd")
    np.testing.assert_allclose(centres_px(scan) - 31.5, corners - corners.min(axis=0), rtol=0, atol=1e-6)
    assert scan.attrs["pixel_size_x_m"] == pytest.approx(pixel)
    assert scan.attrs["photon_energy_eV"] == pytest.approx(8000)
    assert "bad_pixels" not in scan  # every weight is 1


def test_object_and_probe_of_a_product_make_the_sample_a_pair(shared: Path, tmp_path: Path) -> None:
    """The product's positions and the patterns of the ptyd file explain each other, frame by frame number."""
    product = shared / "ptychodus" / "product_1.7.h5"
    done = convert(
        shared / "ptypy" / "pair.ptyd", tmp_path, "ptychovit-pair", take={"probe": product, "object": product}
    )
    assert done.manifest.decisions["parts"]["evidence"]["verdict"] == "proven"


@settings(max_examples=15)
@given(st.lists(st.integers(1, len(STEPS_PX) - 1), max_size=3, unique=True))
def test_chunks_are_one_scan(cuts: list[int]) -> None:
    """However a scan is cut into chunks, it is the same scan; 10 follows 2."""
    whole = ptyd_members()
    edges = [0, *sorted(cuts), len(STEPS_PX)]
    changes: Members = dict.fromkeys(("chunks/0/data", "chunks/0/positions", "chunks/0/indices"))
    for number, (a, b) in zip([0, 2, 10, 11], pairwise(edges), strict=False):
        for part in ("data", "positions", "indices"):
            changes[f"chunks/{number}/{part}"] = whole[f"chunks/0/{part}"][a:b]
    with tempfile.TemporaryDirectory() as folder:
        found = scan_of(ptyd(Path(folder), changes))
    np.testing.assert_array_equal(found["intensity"], patterns())
    np.testing.assert_array_equal(found["frame_index"], np.arange(len(STEPS_PX)))
    np.testing.assert_allclose(centres_px(found), STEPS_PX + HALF, rtol=0, atol=1e-6)


def test_patterns_of_chunks_are_read_lazily_in_any_order(tmp_path: Path) -> None:
    both = {"chunks/0/data": patterns()[:5], "chunks/1/data": patterns()[5:], "chunks/0/indices": None}
    positions = STEPS_PX * PIXEL_M
    path = ptyd(tmp_path, {**both, "chunks/0/positions": positions[:5], "chunks/1/positions": positions[5:]})
    with read(path, TRUSTED) as loaded:
        variable = loaded.scans[0]["intensity"].variable
        rows = np.array([9, 4, 5, 0, 5])
        np.testing.assert_array_equal(variable[rows, 2:5, 1].values, patterns()[rows, 2:5, 1])
        np.testing.assert_array_equal(variable[11].values, patterns()[11])


def test_weights_of_0_are_bad_pixels_and_differing_ones_are_said(tmp_path: Path) -> None:
    weights = np.ones((len(STEPS_PX), N, N), np.int64)
    weights[:, 2, 3] = 0
    with read(ptyd(tmp_path, {"chunks/0/weights": weights}), TRUSTED) as loaded:
        assert np.argwhere(loaded.scans[0]["bad_pixels"].values).tolist() == [[2, 3]]
        assert loaded.dropped == []
    weights[4, 7, 7] = 0
    with read(ptyd(tmp_path, {"chunks/0/weights": weights}), TRUSTED) as loaded:
        assert np.argwhere(loaded.scans[0]["bad_pixels"].values).tolist() == [[2, 3], [7, 7]]
        assert [text for text in loaded.dropped if text.startswith("weights that differ")]


def test_an_optical_axis_elsewhere_is_refused_and_one_between_pixels_said(tmp_path: Path) -> None:
    assert "PTY011" in refusal(ptyd(tmp_path, {"meta/center": np.array([8.0, 10.0])}))
    with read(ptyd(tmp_path, {"meta/center": np.array([8.25, 8.0])}), TRUSTED) as loaded:
        assert [text for text in loaded.dropped if text.startswith("optical axis")]


def test_none_of_ptypy_is_no_value(tmp_path: Path) -> None:
    """`None` is a zero in HDF5, and its type says what it is."""
    path = ptyd(tmp_path, {"meta/energy": np.zeros(1)})
    with h5py.File(path, "a") as file:
        file["meta/energy"].attrs["type"] = "None"
    assert "PTY013" in refusal(path)
    scan = scan_of(path, ReadOptions(order="as-stored", energy_eV=8000.0))
    assert scan.attrs["pixel_size_y_m"] == pytest.approx(PIXEL_M)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"meta/energy": 8000.0}, "PTY330"),
        ({"meta/energy": 1.3e-15}, "PTY330"),
        ({"meta/distance": 2000.0}, "PTY332"),
        ({"meta/psize": 75.0}, "PTY332"),
        ({"chunks/0/positions": STEPS_PX * PIXEL_M * 1e6}, "PTY332"),
        ({"chunks/0/positions": STEPS_PX * PIXEL_M * 10}, "PTY333"),
        ({"chunks/0/positions": STEPS_PX * 0}, "PTY403"),
        ({"chunks/0/positions": STEPS_PX[:4]}, "PTY201"),
        ({"chunks/1/data": patterns(shape=(4, 4))}, "PTY011"),
        ({"chunks/1/data": np.ones(3)}, "PTY011"),
        ({"meta/psize": None, "meta/distance": None}, "PTY101"),
    ],
)
def test_what_is_wrong_is_a_finding(tmp_path: Path, changes: Members, code: str) -> None:
    assert code in refusal(ptyd(tmp_path, changes))


def test_near_field_has_the_stored_pixel(tmp_path: Path) -> None:
    """In PtyPy's near field the sample's pixel is `psize`."""
    path = ptyd(tmp_path, {"meta/psize": np.array([2 * PIXEL_M, PIXEL_M])})
    scan = scan_of(path, ReadOptions(order="as-stored", propagation="near-field"))
    np.testing.assert_allclose(centres_px(scan), STEPS_PX * [0.5, 1] + HALF, rtol=0, atol=1e-6)


def ptyr(folder: Path, n: int, changes: Members | None = None) -> Path:
    """In the layout of `Ptycho.save_run` of PtyPy 0.9.0, with views at STEPS_PX from FIRST_PX on."""
    rng = np.random.default_rng(1)

    def field(*shape: int) -> Any:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)

    origin = np.array([-3e-6, 2e-6])
    storage = "content/obj/SMFG00"
    members = {
        "header/kind": "minimal",
        "header/description": "Ptypy .h5 compatible storage format",
        f"{storage}/data": field(1, 40, 50),
        f"{storage}/_psize": np.array([1e-8, 2e-8]),
        f"{storage}/_origin": origin,
        f"{storage}/_energy": 7.2,
        "content/probe/SMFG00/data": field(2, n, n),
        "content/positions/SMFG00": (STEPS_PX + FIRST_PX + n // 2) * [1e-8, 2e-8] + origin,
    }
    return write_file(folder / "run.ptyr", members, changes)


@pytest.mark.parametrize("n", [16, 17])
def test_a_view_of_a_reconstruction_lies_where_ptypy_cuts_it(tmp_path: Path, n: int) -> None:
    """PtyPy cuts [p − n//2, p + (n+1)//2) around its pixel p, for even and odd n."""
    scan = scan_of(ptyr(tmp_path, n))
    np.testing.assert_allclose(centres_px(scan) - (n - 1) / 2, STEPS_PX + FIRST_PX, rtol=0, atol=1e-6)
    assert (scan.sizes["mode"], scan.attrs["photon_energy_eV"]) == (2, 7200.0)
    assert scan.attrs["pixel_size_x_m"] == 2e-8


def test_a_reconstruction_gives_its_object_to_patterns(tmp_path: Path) -> None:
    """Object, probe and positions of one file with the patterns of another; trusted, for they were drawn."""
    done = convert(
        ptyr(tmp_path, N),
        tmp_path,
        "ptychovit-pair",
        take={"patterns": ptyd(tmp_path)},
        options=TRUSTED,
    )
    assert validate(done.files[0]["dp"], depth="header").ok


def test_positions_that_were_not_recorded_are_absent(tmp_path: Path) -> None:
    scan = scan_of(ptyr(tmp_path, N, {"content/positions/SMFG00": None}))
    assert sorted(map(str, scan.data_vars)) == ["object", "probe"]


def test_each_object_storage_is_a_scan_with_the_probe_of_its_name(tmp_path: Path) -> None:
    other = np.full((1, N, N), 2, np.complex64)
    more: Members = {f"content/obj/S2/{key}": np.ones(2) for key in ("_psize", "_origin")}
    more |= {"content/obj/S2/data": np.ones((3, 9, 9), np.complex64), "content/probe/S2/data": other}
    with read(ptyr(tmp_path, N, more), TRUSTED) as loaded:
        second, first = loaded.scans
        assert "modes 1 to 2 of object S2 (layer 0 is taken)" in loaded.dropped
        np.testing.assert_array_equal(second["probe"], other)
        assert first["object"].shape == (1, 40, 50)


@pytest.mark.parametrize(
    "changes",
    [
        {"content/obj/SMFG00/_origin": None},
        {"content/obj/SMFG00/_psize": np.ones(3)},
        {"content/obj/SMFG00/data": np.ones((40, 50), np.complex64)},
        {"content/positions/SMFG00": np.ones((4, 3))},
        {"content/obj/SMFG00/data": None},
    ],
)
def test_a_broken_storage_is_a_finding(tmp_path: Path, changes: Members) -> None:
    assert "PTY011" in refusal(ptyr(tmp_path, N, changes))
