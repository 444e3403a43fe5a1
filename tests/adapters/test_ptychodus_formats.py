"""Ptychodus products, diffraction and training files: what is written is read again, and what is open is decided."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, ReadOptions, convert, read, write
from ptycho_adapters.scan import centres_px, describe_scan, make_scan
from ptycho_contracts.contracts.scan import CONTRACT as SCAN
from ptycho_contracts.structure import check_structure
from ptycho_contracts.validation import validate

TRUSTED = ReadOptions(order="as-stored")


@contextmanager
def folder() -> Iterator[Path]:
    """Hypothesis runs many examples in one call, each needs its own."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@st.composite
def scans(draw: st.DrawFn) -> xr.Dataset:
    """Everything that a product and its diffraction file can hold, on canvases of odd and even sizes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, n, layers = draw(st.integers(1, 6)), draw(st.integers(2, 6)), draw(st.integers(1, 3))
    size = (draw(st.integers(6, 12)), draw(st.integers(6, 12)))
    kind = draw(st.sampled_from(["complex64", "complex128"]))
    dtype = draw(st.sampled_from(["uint16", "int32", "float32", "float64"]))

    def field(*shape: int) -> NDArray[Any]:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(kind)

    known = {
        "pixel_size_y_m": draw(st.floats(1e-9, 1e-6)),
        "pixel_size_x_m": draw(st.floats(1e-9, 1e-6)),
        "photon_energy_eV": draw(st.floats(100, 1e5)),
        "detector_object_distance_m": draw(st.floats(0.1, 50)),
        "propagation": draw(st.sampled_from(["far-field", "near-field"])),
    }
    bad = rng.random((n, n)) < 0.3
    return make_scan(
        rng.integers(0, 300, (count, n, n)).astype(dtype),
        rng.uniform(0, min(size), (count, 2)),
        field(draw(st.integers(1, 3)), n, n),
        field(layers, *size),
        known,
        frame_index=rng.choice(1000, count, replace=False),
        bad_pixels=bad if bad.any() else None,
        layer_spacing_m=rng.uniform(1e-7, 1e-5, layers - 1) if layers > 1 else None,
    )


def assert_equal_parts(mine: xr.Dataset, other: xr.Dataset, *names: str) -> None:
    for name in names:
        assert (name in mine) == (name in other), name
        if name in mine:
            np.testing.assert_array_equal(mine[name].values, other[name].values, strict=True)


def assert_placed_by_the_formula_of_ptychodus(path: Path, scan: xr.Dataset) -> None:
    """With plain h5py: the middle of the object, (size − 1)/2, is position 0, for tools that ignore its centre too."""
    with h5py.File(path) as file:
        stored = file["object"]
        for letter, side, size in zip("yx", ("height", "width"), stored.shape[1:], strict=True):
            assert stored.attrs[f"center_{letter}_m"] == 0
            centre = file[f"probe_position_{letter}_m"][()] / stored.attrs[f"pixel_{side}_m"] + (size - 1) / 2
            np.testing.assert_allclose(centre, scan[f"position_{letter}"], rtol=0, atol=1e-9)


@given(scans())
@settings(max_examples=30)
def test_scan_to_product_to_scan(scan: xr.Dataset) -> None:
    with folder() as where:
        written = write(scan, where, "ptychodus-product", "made")
        assert any(text.startswith("patterns") for text in written.dropped)
        assert validate(where / "made.h5", depth="data").findings == ()  # no version of Ptychodus misses anything
        assert_placed_by_the_formula_of_ptychodus(where / "made.h5", scan)
        with read(where / "made.h5") as loaded:
            back = loaded.scans[0]
            assert check_structure(SCAN, describe_scan(back))  # advises the patterns, which a product cannot hold
            assert not any(f.severity == "error" for f in check_structure(SCAN, describe_scan(back)))
            assert_equal_parts(scan, back, "object", "probe", "frame_index", "layer_spacing_m")
            np.testing.assert_allclose(centres_px(back), centres_px(scan), rtol=0, atol=1e-9)
            assert {k: back.attrs[k] for k in scan.attrs} == scan.attrs
            assert back.attrs["probe_scale"] == "calibrated"
            assert loaded.dropped == []


@given(scans())
@settings(max_examples=20)
def test_product_and_diffraction_together_carry_the_whole_scan(scan: xr.Dataset) -> None:
    with folder() as where:
        write(scan, where, "ptychodus-product", "made")
        write(scan, where, "ptychodus-diffraction", "made")
        assert validate(where / "made_diffraction.h5", depth="data").findings == ()
        with read(where / "made_diffraction.h5") as loaded:
            assert_equal_parts(scan, loaded.scans[0], "intensity", "bad_pixels", "frame_index")
        if scan.attrs["propagation"] == "near-field":
            return
        both = {"patterns": where / "made_diffraction.h5"}
        done = convert(where / "made.h5", where, "ptychovit-pair", name="whole", take=both, options=TRUSTED)
        with read(done.files[0]["dp"], TRUSTED) as loaded:
            assert_equal_parts(scan, loaded.scans[0], "intensity", "object", "frame_index")
            np.testing.assert_allclose(centres_px(loaded.scans[0]), centres_px(scan), rtol=0, atol=1e-9)


def test_frames_that_were_never_assembled_are_passed_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["patterns"] = np.arange(4 * 9, dtype=np.uint16).reshape(4, 3, 3)
        file["patterns"].attrs.update({"detector_pixel_width_m": 75e-6, "detector_pixel_height_m": 50e-6})
        file["indexes"] = np.array([7, -1, 5, -1])
        file["bad_pixels"] = np.zeros((3, 3), bool)
    options = ReadOptions(energy_eV=8000.0, distance_m=2.0)
    with read(tmp_path / "d.h5", options) as loaded:
        scan = loaded.scans[0]
        np.testing.assert_array_equal(scan["frame_index"], [7, 5])
        np.testing.assert_array_equal(scan["intensity"][:, 0, 0], [0, 18])
        assert "bad_pixels" not in scan
        # λ·z/(n·pixel), by hand: 1.5498e-10 · 2 / (3 · 50e-6)
        assert scan.attrs["pixel_size_y_m"] == pytest.approx(2.0664e-6, rel=1e-4)
        assert scan.attrs["pixel_size_x_m"] == pytest.approx(2.0664e-6 * 50 / 75, rel=1e-4)


def test_a_diffraction_file_asks_for_what_gives_the_detector_pixel(tmp_path: Path) -> None:
    scan = make_scan(np.ones((2, 4, 4)), np.full((2, 2), 2.0), None, None, {"photon_energy_eV": 8000.0})
    with pytest.raises(ConversionError) as refused:
        write(scan, tmp_path, "ptychodus-diffraction", "made")
    assert refused.value.findings[0].code == "PTY013"
    assert "`--distance-m`" in (refused.value.findings[0].fix or "")
    assert list(tmp_path.iterdir()) == []


def old_product(path: Path, **attributes: Any) -> Path:
    """As Ptychodus ≤ 1.6 names things, with an object centre that is not 0; positions 0 and (1, 2) pixels."""
    pixel = 2e-8
    with h5py.File(path, "w") as file:
        file.attrs.update({"probe_energy_eV": 8000.0, "detector_object_distance_m": 2.0} | attributes)
        file["object"] = np.ones((40, 51), np.complex64)
        file["object"].attrs.update({"pixel_width_m": pixel, "pixel_height_m": pixel})
        file["object"].attrs.update({"center_x_m": 30 * pixel, "center_y_m": -7 * pixel})
        file["probe"] = np.ones((2, 8, 8), np.complex64)
        file["probe_position_indexes"] = np.array([4, 9])
        file["probe_position_y_m"] = np.array([-7, -6]) * pixel
        file["probe_position_x_m"] = np.array([30, 32]) * pixel
    return path


def test_the_frame_of_an_older_product_is_assumed_said_and_can_be_named(tmp_path: Path) -> None:
    path = old_product(tmp_path / "old.h5")
    with read(path) as loaded:
        assert loaded.decisions["frame"]["method"] == "assumed"
        assert "--frame half-size" in loaded.decisions["frame"]["because"]
        np.testing.assert_allclose(centres_px(loaded.scans[0]), [[19.5, 25.0], [20.5, 27.0]])
        assert loaded.scans[0].sizes["mode"] == 2
        assert loaded.scans[0].attrs["probe_scale"] == "unknown"
    with read(path, ReadOptions(frame="half-size")) as loaded:
        assert loaded.decisions["frame"] == {"frame": "half-size", "method": "named by the caller"}
        np.testing.assert_allclose(centres_px(loaded.scans[0]), [[20.0, 25.5], [21.0, 27.5]])
    # Tools other than Ptychodus pass over the object's centre.
    with read(path, ReadOptions(frame="pty-chi-2.1")) as loaded:
        np.testing.assert_allclose(centres_px(loaded.scans[0])[0], [19.5 - 7, 25.5 + 30])
    with pytest.raises(KeyError, match="no frame is called"):
        read(path, ReadOptions(frame="middle"))


def test_what_older_readers_miss_is_advised_and_what_all_need_is_an_error(tmp_path: Path) -> None:
    report = validate(old_product(tmp_path / "old.h5"))
    assert report.ok
    advised = {f.location for f in report.findings}
    assert {"product:/@name", "product:/@comments", "product:/@exposure_time_s", "product:/loss_values"} <= advised
    assert "product:/@probe_energy_eV" not in advised
    with h5py.File(tmp_path / "old.h5", "a") as file:
        del file.attrs["probe_energy_eV"]
        file["object_layer_spacing_m"] = np.array([1e-6])
    errors = validate(tmp_path / "old.h5").errors
    assert [(f.code, f.location) for f in errors] == [
        ("PTY104", "product:/@photon_energy_eV"),
        ("PTY201", "product:/object_layer_spacing_m"),
    ]


def test_layers_without_distances_make_no_product_but_a_pair_that_says_so(tmp_path: Path) -> None:
    known = {"pixel_size_y_m": 1e-8, "pixel_size_x_m": 1e-8}
    known |= {"photon_energy_eV": 8000.0, "detector_object_distance_m": 2.0}
    layers = np.ones((2, 9, 9), np.complex64)
    scan = make_scan(np.ones((2, 4, 4)), np.full((2, 2), 3.0), layers[:1, :4, :4], layers, known)
    with pytest.raises(ConversionError, match="nothing says how far apart"):
        write(scan, tmp_path, "ptychodus-product", "made")
    assert list(tmp_path.iterdir()) == []
    written = write(scan, tmp_path, "ptychovit-pair", "made")
    assert any("use as a Ptychodus product" in text for text in written.dropped)
    with h5py.File(tmp_path / "made_para.hdf5") as file:
        assert "object_layer_spacing_m" not in file


def test_its_own_product_with_the_patterns_of_its_scan_is_the_pair(shared: Path, tmp_path: Path) -> None:
    product, dp = shared / "ptychodus/product_1.7.h5", shared / "pairs/s64_dp.hdf5"
    assert validate(product).ok
    with pytest.raises(ConversionError, match="needs patterns") as refused:
        convert(product, tmp_path, "ptychovit-pair")
    assert refused.value.findings[0].fix == "`--patterns-from FILE` takes it from another artifact."
    done = convert(product, tmp_path, "ptychovit-pair", take={"patterns": dp})
    assert done.manifest.decisions["parts"]["method"] == "put together by the caller, proven"
    assert "@probe_photon_count (a Scan has no room for it)" in done.manifest.dropped
    with read(done.files[0]["dp"]) as mine, read(dp) as theirs:
        np.testing.assert_allclose(centres_px(mine.scans[0]), centres_px(theirs.scans[0]), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(mine.scans[0]["intensity"], theirs.scans[0]["intensity"])
        # Its scale was unknown, and was solved from the energies.
        np.testing.assert_allclose(mine.scans[0]["probe"], theirs.scans[0]["probe"], rtol=2e-2)
    with pytest.raises(ConversionError) as contradicted:
        convert(product, tmp_path, "ptychovit-pair", take={"patterns": dp}, options=ReadOptions(frame="half-size"))
    assert contradicted.value.findings[0].code == "PTY313"


def test_a_training_file_is_verified_and_becomes_every_writable_format(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "training.h5"
    with read(shared / "pairs/s64_dp.hdf5") as loaded, h5py.File(path, "w") as file:
        scan = loaded.scans[0]
        file["patterns"], file["bad_pixels"] = scan["intensity"].values, np.zeros((64, 64), bool)
        file["probe"], file["object"] = scan["probe"].values, scan["object"].values[0]
        for letter in "yx":
            file[f"probe_position_{letter}_px"] = scan[f"position_{letter}"].values
        for letter, side in (("y", "height"), ("x", "width")):
            file[f"object_pixel_{side}_m"] = scan.attrs[f"pixel_size_{letter}_m"]
        for name in ("photon_energy_eV", "detector_object_distance_m"):
            file[name] = scan.attrs[name]
    assert validate(path, depth="data").findings == ()
    for target in ("ptychovit-pair", "ptychodus-product", "ptychodus-diffraction", "raw-data-npz", "grid-lines-npz"):
        done = convert(path, tmp_path / target, target)
        assert done.manifest.decisions["physics"]["method"] == "stated by the file, proven"
    with h5py.File(path, "a") as file:
        file["probe_position_y_px"][...] += 1
    with pytest.raises(ConversionError) as contradicted:
        convert(path, tmp_path / "moved", "ptychovit-pair")
    assert contradicted.value.findings[0].code == "PTY313"


def test_its_ptychopinn_export_keeps_its_bad_pixels_and_becomes_every_format_of_its_family(
    shared: Path, tmp_path: Path
) -> None:
    export = shared / "ptychodus" / "ptychopinn_training.npz"
    options = ReadOptions(pixel_size_m=6.457510335062514e-08, energy_eV=8000.0, distance_m=2.0)
    with np.load(export) as stored:
        bad, counts = stored["bad_pixels"], stored["diff3d"]
    assert bad.sum() == 3
    again = convert(export, tmp_path, "raw-data-npz", name="again", options=options).files[0]["npz"]
    with np.load(again) as stored:
        np.testing.assert_array_equal(stored["bad_pixels"], bad, strict=True)
    diffraction = convert(export, tmp_path, "ptychodus-diffraction", name="d", options=options).files[0]["diffraction"]
    with h5py.File(diffraction) as file:
        np.testing.assert_array_equal(file["bad_pixels"], bad, strict=True)
        np.testing.assert_array_equal(file["patterns"], counts, strict=True)
    for target, lost in (("ptychodus-product", "they go with the patterns"), ("ptychovit-pair", "no room")):
        done = convert(export, tmp_path / target, target, options=options)
        assert any(text.startswith("bad_pixels") and lost in text for text in done.manifest.outputs[0].dropped)
    with pytest.raises(ConversionError) as refused:
        convert(export, tmp_path / "refused", "ptychodus-product")
    named = " ".join(f.fix or "" for f in refused.value.findings)
    assert all(option in named for option in ("--pixel-size-m", "--energy-ev", "--distance-m"))
