"""What must come back after a way through the hub, for any artifact that its contract allows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_adapters import ReadOptions, convert, read, write
from ptycho_adapters.gauge import as_in_source, median_to_one, rescale_object
from ptycho_adapters.scan import describe_scan, make_scan
from ptycho_contracts.contracts.scan import CONTRACT as SCAN
from ptycho_contracts.physics.frames import FRAMES
from ptycho_contracts.structure import check_structure
from ptycho_contracts.validation import validate

Arrays = dict[str, NDArray[Any]]

TRUSTED = ReadOptions(order="as-stored")  # drawn patterns have nothing to do with drawn objects
PIXELS_M = st.floats(1e-10, 1e-5)
SIZES = st.integers(1, 5)


@contextmanager
def folder() -> Iterator[Path]:
    """Hypothesis runs many examples in one call, each needs its own."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@st.composite
def para_and_dp(draw: st.DrawFn) -> tuple[Arrays, float, dict[str, float]]:
    """Arrays of a pair, its pixel size, and physical attributes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, n, modes, layers = draw(SIZES), draw(st.integers(2, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    height, width = draw(st.integers(2, 11)), draw(st.integers(2, 11))
    kind = draw(st.sampled_from(["complex64", "complex128"]))
    patterns = draw(st.sampled_from(["uint16", "int32", "uint8", "float32", "float64"]))
    pixel = draw(PIXELS_M)

    def field(*shape: int) -> NDArray[Any]:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(kind)

    arrays = {
        "dp": rng.integers(0, 200, (count, n, n)).astype(patterns) + np.array(1, patterns),
        "object": field(layers, height, width),
        "probe": field(1, modes, n, n),
        "probe_position_y_m": rng.uniform(-300, 300, count) * pixel,
        "probe_position_x_m": rng.uniform(-300, 300, count) * pixel,
    }
    names = ["photon_energy_eV", "detector_object_distance_m"]
    chosen = draw(st.sampled_from([[], names]))
    return arrays, pixel, {name: draw(st.floats(0.1, 1e5)) for name in chosen}


def write_pair(where: Path, arrays: Arrays, pixel: float, attributes: dict[str, float], frame: str) -> Path:
    with h5py.File(where / "made_dp.hdf5", "w") as file:
        file["dp"] = arrays["dp"]
    with h5py.File(where / "made_para.hdf5", "w") as file:
        for name in set(arrays) - {"dp"}:
            file[name] = arrays[name]
        file["object"].attrs["pixel_height_m"] = file["object"].attrs["pixel_width_m"] = pixel
        file.attrs["ptycho_contracts_frame"] = frame
        file.attrs.update(attributes)
    return where / "made_dp.hdf5"


def read_all(stem: Path) -> tuple[Arrays, dict[str, Any]]:
    """Every member of a pair, and the root attributes of its para file."""
    arrays: Arrays = {}
    with h5py.File(f"{stem}_dp.hdf5") as file:
        arrays["dp"] = file["dp"][()]
    with h5py.File(f"{stem}_para.hdf5") as file:
        arrays |= {name: file[name][()] for name in file}
        arrays["pixel"] = np.array([file["object"].attrs[f"pixel_{side}_m"] for side in ("height", "width")])
        return arrays, dict(file.attrs)


@given(para_and_dp())
@settings(max_examples=40, deadline=None)
def test_pair_to_scan_to_pair_is_exact(made: tuple[Arrays, float, dict[str, float]]) -> None:
    arrays, pixel, attributes = made
    with folder() as where:
        source = write_pair(where, arrays, pixel, attributes, "ptychovit")
        with read(source, TRUSTED) as loaded:
            assert check_structure(SCAN, describe_scan(loaded.scans[0])) == []
            assert loaded.dropped == []
            write(loaded.scans[0], where, "ptychovit-pair", "back")
        back, found = read_all(where / "back")
        assert validate(where / "back_dp.hdf5").ok
    for name in ("dp", "object", "probe"):
        np.testing.assert_array_equal(back[name], arrays[name], strict=True)
    for name in ("probe_position_y_m", "probe_position_x_m"):
        np.testing.assert_allclose(back[name] / pixel, arrays[name] / pixel, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(back["pixel"], pixel)
    assert {name: found[name] for name in attributes} == attributes
    assert ("probe_energy_eV" in found) == bool(attributes)  # the older name of the energy, for older readers
    assert not found["ptycho_contracts_pixel_size_placeholder"]
    assert found["ptycho_contracts_probe_factor"] == found["ptycho_contracts_object_factor"] == 1


@given(para_and_dp(), st.sampled_from(sorted(FRAMES)))
@settings(max_examples=20, deadline=None)
def test_every_named_frame_comes_back_as_the_same_pixels(
    made: tuple[Arrays, float, dict[str, float]], frame: str
) -> None:
    arrays, pixel, attributes = made
    with folder() as where:
        source = write_pair(where, arrays, pixel, attributes, frame)
        with read(source, TRUSTED) as first:
            write(first.scans[0], where, "ptychovit-pair", "back")
            with read(where / "back_para.hdf5", TRUSTED) as second:
                for axis in ("position_y", "position_x"):
                    np.testing.assert_allclose(second.scans[0][axis], first.scans[0][axis], rtol=0, atol=1e-9)
                size = arrays["object"].shape[1]
                stated = arrays["probe_position_y_m"] / pixel + FRAMES[frame].origin_px(size)
                np.testing.assert_allclose(first.scans[0]["position_y"], stated, rtol=0, atol=1e-9)


@st.composite
def grid_lines(draw: st.DrawFn) -> Arrays:
    """A split with one object; float32 offsets anywhere on the canvas."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, count, size = draw(st.sampled_from([4, 6, 8])), draw(SIZES), draw(st.integers(9, 20))

    def field(*shape: int) -> NDArray[Any]:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)

    return {
        "diffraction": rng.exponential(1, (count, n, n, 1)).astype(np.float32),
        "coords_offsets": rng.uniform((n - 1) / 2, size - (n + 1) / 2, (count, 1, 2, 1)).astype(np.float32),
        "YY_full": field(1, size, size, 1),
        "probeGuess": field(n, n) * np.float32(draw(st.floats(1e-3, 1e3))),
    }


@given(grid_lines(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_npz_to_pair_to_npz_keeps_what_a_pair_can_hold(split: Arrays, median_one: bool) -> None:
    with folder() as where:
        np.savez(where / "split.npz", allow_pickle=False, **split)
        options = ReadOptions(order="as-stored")
        done = convert(
            where / "split.npz", where / "out", "ptychovit-pair", options=options, object_median_one=median_one
        )
        back = convert(done.files[0]["dp"], where / "out", "grid-lines-npz", name="back", options=TRUSTED)
        with np.load(back.files[0]["npz"]) as stored:
            returned = {name: stored[name] for name in stored}
        pair, _ = read_all(where / "out" / "split")
    assert set(returned) == set(split)
    np.testing.assert_allclose(returned["diffraction"], split["diffraction"], rtol=3e-7)
    np.testing.assert_allclose(returned["coords_offsets"], split["coords_offsets"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(returned["YY_full"], split["YY_full"], rtol=4e-7 if median_one else 0)
    largest = np.abs(split["probeGuess"]).max()
    np.testing.assert_allclose(returned["probeGuess"] / largest, split["probeGuess"] / largest, atol=1e-6)
    np.testing.assert_array_equal(pair["dp"], split["diffraction"][..., 0] ** 2)
    if median_one:
        assert np.median(np.abs(pair["object"])) == pytest.approx(1, rel=1e-5)


def test_integer_amplitudes_do_not_overflow_when_squared(simulated: Callable[..., Arrays], tmp_path: Path) -> None:
    split = simulated()
    counts = np.array([[[300, 0], [1, 255]]], np.uint16)
    np.savez(
        tmp_path / "raw.npz",
        diff3d=counts,
        xcoords=np.array([5.0]),
        ycoords=np.array([6.0]),
        probeGuess=split["probeGuess"][:2, :2],
    )
    with read(tmp_path / "raw.npz", ReadOptions(values="amplitude")) as loaded:
        np.testing.assert_array_equal(loaded.scans[0]["intensity"], counts.astype(np.float64) ** 2)


FACTORS = st.floats(1e-3, 1e3)


@given(FACTORS, FACTORS, st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_gauge_there_and_back(first: float, second: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    object_, probe = (rng.normal(size=(1, k, k)) + 1j * rng.normal(size=(1, k, k)) for k in (7, 4))
    scan = make_scan(np.ones((2, 4, 4)), np.full((2, 2), 2.5), probe, object_, {})
    moved = rescale_object(rescale_object(scan, first), second)
    assert moved.attrs["object_factor"] == pytest.approx(first * second)
    np.testing.assert_allclose(moved["object"], object_ * first * second, rtol=1e-12)
    # What the detector sees stays what it was.
    np.testing.assert_allclose(
        moved["object"].values[0, :4, :4] * moved["probe"], object_[0, :4, :4] * probe, rtol=1e-12
    )
    back = as_in_source(moved)
    np.testing.assert_allclose(back["object"], object_, rtol=1e-12)
    np.testing.assert_allclose(back["probe"], probe, rtol=1e-12)
    one = rescale_object(scan, median_to_one(scan))
    assert np.median(np.abs(one["object"])) == pytest.approx(1)
    assert "object_factor" not in scan.attrs  # the source is untouched


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_gauges_are_refused(factor: float) -> None:
    scan = make_scan(np.ones((1, 2, 2)), np.ones((1, 2)), None, np.ones((1, 2, 2), np.complex64), {})
    with pytest.raises(ValueError, match="positive and finite"):
        rescale_object(scan, factor)


def test_no_gauge_without_an_object() -> None:
    scan = make_scan(np.ones((1, 2, 2)), np.ones((1, 2)), None, None, {})
    with pytest.raises(ValueError, match="no object"):
        rescale_object(scan, 2.0)
    with pytest.raises(ValueError, match="no object"):
        median_to_one(scan)
    dark = make_scan(np.ones((1, 2, 2)), np.ones((1, 2)), None, np.zeros((1, 2, 2), np.complex64), {})
    with pytest.raises(ValueError, match="more than half"):
        median_to_one(dark)
