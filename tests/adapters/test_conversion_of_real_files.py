"""Every stored pattern of the shared files, converted, judged by a forward model that shares no line with ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import Converted, convert
from ptycho_contracts.validation import validate

Arrays = dict[str, NDArray[Any]]
LoadPair = Callable[[Path], Arrays]

PAIRS = {
    "grid_lines_N256_test": 1,
    "grid_lines_N256_train": 2,
    "grid_lines_N64_two_objects_test": 2,
    "grid_lines_N64_gridsize2_test": 1,
}


@pytest.fixture(scope="module", params=list(PAIRS))
def converted(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    source = shared / "ptychopinn" / f"{request.param}.npz"
    return convert(source, tmp_path_factory.mktemp(request.param), "ptychovit-pair")


def raw_positions(source: Path) -> NDArray[np.float64]:
    """The distinct (y, x) of the file's own offsets, in whichever order its rows are."""
    with np.load(source) as stored:
        offsets = stored["coords_offsets"]
    return np.unique(np.moveaxis(offsets[:, 0], 1, 2).reshape(-1, 2).astype(np.float64), axis=0)


def unit_patterns(object_: NDArray[Any], probe: NDArray[Any], centres: NDArray[Any]) -> NDArray[np.float32]:
    """|fftshift(fft2(object·probe))| at each centre, as unit vectors; patches on whole pixels."""
    n = probe.shape[-1]
    rows = np.empty((len(centres), n * n), np.float32)
    for k, (y, x) in enumerate(np.rint(centres - (n - 1) / 2).astype(int)):
        wave = object_[y : y + n, x : x + n] * probe
        rows[k] = np.abs(np.fft.fftshift(np.fft.fft2(wave))).reshape(-1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def test_every_pattern_fits_best_where_the_pair_says(converted: Converted, pair: LoadPair) -> None:
    source = Path(converted.manifest.source[0].path)
    assert len(converted.files) == PAIRS[source.stem]
    arrays = [pair(files["para"]) for files in converted.files]
    places = raw_positions(source)
    candidates = [unit_patterns(a["object"][0], a["probe"][0, 0], places) for a in arrays]
    total = 0
    for own, stated in enumerate(arrays):
        amplitude = np.sqrt(stated["dp"]).reshape(len(stated["dp"]), -1)
        amplitude /= np.linalg.norm(amplitude, axis=1, keepdims=True)
        fit = np.concatenate([amplitude @ rows.T for rows in candidates], axis=1)
        object_index, place = np.divmod(fit.argmax(axis=1), len(places))
        np.testing.assert_array_equal(object_index, own)
        np.testing.assert_allclose(stated["centre"], places[place], rtol=0, atol=1e-6)
        total += len(amplitude)
    with np.load(source) as stored:
        shape = stored["diffraction"].shape
    assert total == shape[0] * shape[3]


def test_energy_of_the_model_is_that_of_the_data(converted: Converted, pair: LoadPair) -> None:
    for files in converted.files:
        arrays = pair(files["para"])
        probe = arrays["probe"][0, 0]
        n = len(probe)
        corners = np.rint(arrays["centre"] - (n - 1) / 2).astype(int)
        predicted = sum(
            float((np.abs(arrays["object"][0, y : y + n, x : x + n] * probe) ** 2).sum()) * n**2 for y, x in corners
        )
        assert predicted == pytest.approx(arrays["dp"].sum(dtype=np.float64), rel=1e-4)


def test_patterns_are_the_squares_and_the_object_is_untouched(converted: Converted, pair: LoadPair) -> None:
    with np.load(converted.manifest.source[0].path) as stored:
        energies = np.sort((stored["diffraction"].astype(np.float64) ** 2).sum(axis=(1, 2)).reshape(-1))
        objects = stored["YY_full"][..., 0]
    arrays = [pair(files["para"]) for files in converted.files]
    written = np.sort(np.concatenate([a["dp"].sum(axis=(1, 2), dtype=np.float64) for a in arrays]))
    np.testing.assert_allclose(written, energies, rtol=1e-6)
    np.testing.assert_array_equal(np.concatenate([a["object"] for a in arrays]), objects)


def test_outputs_pass_the_physics_check(converted: Converted) -> None:
    for files in converted.files:
        report = validate(files["dp"], depth="physics")
        assert report.errors == ()
        assert report.unexamined == ()


def test_manifest_names_evidence_and_losses(converted: Converted) -> None:
    manifest = converted.manifest
    assert manifest.decisions["order"]["evidence"]["verdict"] == "proven"
    confirmed = manifest.decisions["order"]["evidence"]["confirmed"]
    assert confirmed["agree"] == confirmed["patterns"]
    assert any(text.startswith("Y_I ") for text in manifest.dropped)
    assert manifest.placeholders
    assert validate(converted.manifest_path).ok


def test_a_renamed_file_is_read_by_its_members(shared: Path, tmp_path: Path) -> None:
    source = tmp_path / "measurement.bin"
    source.symlink_to((shared / "ptychopinn" / "grid_lines_N64_two_objects_test.npz").resolve())
    done = convert(source, tmp_path / "out", "ptychovit-pair", name="scan7")
    assert [files["dp"].name for files in done.files] == ["scan7_000_dp.hdf5", "scan7_001_dp.hdf5"]
    assert done.manifest.decisions["order"]["reading"] == "image-major patterns under repeated coordinates"


@pytest.mark.parametrize(
    ("name", "reading", "values"),
    [
        ("ptychopinn/rawdata.npz", "as stated", "amplitude"),
        (
            "ptychodus/ptychopinn_training.npz",
            "intensity stored for amplitude + frame index (N−1)/2",
            "intensity",
        ),
    ],
)
def test_raw_data_of_both_writers(
    shared: Path, tmp_path: Path, pair: LoadPair, name: str, reading: str, values: str
) -> None:
    """The true corners of the patches are known: `start` of the scan that both files were made from."""
    done = convert(shared / name, tmp_path, "ptychovit-pair")
    decision = done.manifest.decisions["reading"]
    assert (decision["reading"], decision["values"]) == (reading, values)
    arrays = pair(done.files[0]["para"])
    with np.load(shared / "pairs" / "s64_truth.npz") as truth, np.load(shared / name) as stored:
        np.testing.assert_allclose(arrays["centre"], truth["start"] + 31.5, rtol=0, atol=1e-6)
        squared = stored["diff3d"].astype(np.float64) ** (2 if values == "amplitude" else 1)
    np.testing.assert_allclose(arrays["dp"], squared, rtol=1e-6)
    assert validate(done.files[0]["dp"], depth="physics").ok


def test_a_foreign_pair_proves_its_frame(shared: Path, tmp_path: Path, pair: LoadPair) -> None:
    done = convert(shared / "pairs" / "s64_dp.hdf5", tmp_path, "ptychovit-pair", name="ours")
    assert done.manifest.decisions["frame"]["method"] == "auto"
    with np.load(shared / "pairs" / "s64_truth.npz") as truth:
        np.testing.assert_allclose(pair(done.files[0]["para"])["centre"], truth["start"] + 31.5, rtol=0, atol=1e-6)
    assert validate(done.files[0]["dp"], depth="physics").ok
