import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WritePair = Callable[..., Path]


@pytest.mark.parametrize(("height", "first"), [(400, 73), (401, 73), (402, 74), (403, 75)])
def test_frame_of_position_0(checkout: SimpleNamespace, height: int, first: int) -> None:
    """The origin is (round(H/2)+0.5, …), half to even: rows 73…328 of 400 and of 401, 74…329 of 402."""
    rows = np.broadcast_to(np.arange(height)[:, None], (height, height)).astype(np.complex64)
    centre = checkout.frame.positions_px(np.zeros(1), np.zeros(1), 1e-9, rows.shape)[0]
    patch = checkout.frame.extract_patch(rows, centre, 256).real
    np.testing.assert_array_equal(patch[[0, -1], 0], [first, first + 255])


def test_y_moves_along_rows_and_x_along_columns(checkout: SimpleNamespace) -> None:
    centres = checkout.frame.positions_px(np.array([2e-9]), np.array([-3e-9]), 1e-9, (400, 300))
    np.testing.assert_allclose(centres, [[202.5, 147.5]])


@given(y=st.floats(0, 1, exclude_max=True), x=st.floats(0, 1, exclude_max=True))
@settings(max_examples=20, deadline=None)
def test_subpixel_patch_of_a_band_limited_object(checkout: SimpleNamespace, y: float, x: float) -> None:
    rows, columns = np.indices((96, 96), dtype=float)

    def field(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        spot = np.exp(-((rows - 48) ** 2 + (columns - 46) ** 2) / 60.0)
        return np.asarray(spot * np.exp(1j * 0.2 * (rows - columns)))

    corner = np.array([30 + y, 28 + x])
    patch = checkout.frame.extract_patch(field(rows, columns), corner + 15.5, 32)
    local = np.indices((32, 32)) + corner[:, None, None]
    np.testing.assert_allclose(patch, field(*local), atol=2e-3)


def test_outside_the_object_is_zero_and_beyond_it_an_error(checkout: SimpleNamespace) -> None:
    field = np.ones((64, 64), np.complex64)
    patch = checkout.frame.extract_patch(field, np.array([7.5, 31.5]), 32)
    np.testing.assert_array_equal(patch[:8], 0)
    np.testing.assert_array_equal(patch[8:], 1)
    with pytest.raises(ValueError, match="does not touch the object"):
        checkout.frame.extract_patch(field, np.array([31.5, 500.0]), 32)


@pytest.mark.parametrize("pixel", [0.0, -1e-9, float("nan"), float("inf")])
def test_impossible_pixel_size(checkout: SimpleNamespace, pixel: float) -> None:
    with pytest.raises(ValueError, match="pixel_height_m"):
        checkout.frame.positions_px(np.zeros(1), np.zeros(1), pixel, (64, 64))


def test_item_and_energy(
    checkout: SimpleNamespace, scene: SimpleNamespace, write_pair: WritePair, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    path = write_pair(tmp_path)
    dataset = checkout.data.PtychographyDataset(
        path, scale=1e4, normalization_dict_path=tmp_path / "normalization.pkl", apply_noise=False
    )
    assert len(dataset) == 4
    x, amplitude, phase, probe, position, norm, scale = dataset[2]
    for image in (x, amplitude, phase):
        assert (image.shape, image.dtype) == ((1, 256, 256), torch.float32)
    assert (probe.shape, probe.dtype) == ((1, 8, 256, 256), torch.complex64)
    assert position.dtype == torch.float64
    np.testing.assert_allclose(position, [147.5, 147.5])
    np.testing.assert_allclose(norm, scene.intensity.max(), rtol=1e-6)
    measured = (x.square() * norm / scale).numpy()[0]
    np.testing.assert_allclose(measured, scene.intensity[2], rtol=1e-4, atol=1e-6 * scene.intensity.max())
    patch = torch.polar(amplitude, phase)
    explained = checkout.physics.detector_intensity((patch * probe[0])[None])
    np.testing.assert_allclose(explained[0, 0], measured, rtol=1e-3, atol=1e-5 * measured.max())
    energy = 256**2 * (patch * probe[0]).abs().square().sum()
    np.testing.assert_allclose(measured.sum(), energy, rtol=1e-4)


def test_noise_is_poisson_and_repeats_with_a_seed_only(
    checkout: SimpleNamespace, scene: SimpleNamespace, write_pair: WritePair, tmp_path: Path
) -> None:
    path = write_pair(tmp_path)
    common = {"scale": 100.0, "normalization_dict_path": tmp_path / "normalization.pkl"}
    fresh = checkout.data.PtychographyDataset(path, **common)
    seeded = checkout.data.PtychographyDataset(path, **common, noise_seed=3)
    counts = fresh[0][0].square().numpy()
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    mean = float(scene.intensity[0].sum() / scene.intensity.max() * 100.0)
    assert counts.sum() == pytest.approx(mean, abs=6 * float(np.sqrt(mean)))
    assert not np.array_equal(fresh[0][0], fresh[0][0])
    np.testing.assert_array_equal(seeded[0][0], seeded[0][0])
    assert not np.array_equal(seeded[0][0], seeded[1][0])


def test_directory_scan_is_flat_and_names_what_it_skips(
    checkout: SimpleNamespace, write_pair: WritePair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(tmp_path, "b")
    write_pair(tmp_path, "a")
    write_pair(tmp_path / "deeper", "c")
    (tmp_path / "lonely_dp.hdf5").touch()
    combined = checkout.data.CombinedDataset(file_paths=tmp_path, scale=2.0, apply_noise=False)
    assert [dataset.object_name for dataset in combined.datasets] == ["a", "b"]
    assert [dataset.scale for dataset in combined.datasets] == [2.0, 2.0]
    assert [combined.number_of(index) for index in (0, 3, 4, 7)] == [0, 0, 1, 1]
    assert len(combined) == 8
    np.testing.assert_array_equal(combined[6][0], combined.datasets[1][2][0])
    assert "Warning: Skipping" in capsys.readouterr().out
    for dataset, beyond in ((combined, 8), (combined.datasets[0], 4), (combined.datasets[0], -1)):
        with pytest.raises(IndexError):
            dataset[beyond]


def test_one_pair_says_its_name_and_normalization(
    checkout: SimpleNamespace, scene: SimpleNamespace, write_pair: WritePair, tmp_path: Path
) -> None:
    path = write_pair(tmp_path)
    dataset = checkout.data.PtychographyDataset(
        file_path=str(path), normalization_dict_path=str(tmp_path / "normalization.pkl")
    )
    assert dataset.object_name == "scene"
    assert dataset.normalization == pytest.approx(scene.intensity.max())
    assert float(dataset[0][5]) == pytest.approx(dataset.normalization)
    combined = checkout.data.CombinedDataset(file_paths=path)
    assert [one.object_name for one in combined.datasets] == ["scene"]


def test_a_noise_seed_gives_each_object_its_own_noise(
    checkout: SimpleNamespace, write_pair: WritePair, tmp_path: Path
) -> None:
    for name in "ab":
        write_pair(tmp_path, name)
    first, second = checkout.data.CombinedDataset(file_paths=tmp_path, scale=1e9, noise_seed=3).datasets
    assert not np.array_equal(first[0][0], second[0][0])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dp": None}, KeyError, "Missing diffraction patterns 'dp' in"),
        ({"probe": None, "object": None}, KeyError, r"Missing required keys in .*: \['object', 'probe'\]"),
        ({"dp": np.ones((3, 256, 256))}, ValueError, "Mismatch in number of patterns: 3 .* vs 4 probe"),
        ({"dp": np.ones((4, 64, 64))}, ValueError, "this size only"),
        ({"dp": np.ones((4, 1, 256, 256))}, ValueError, "this size only"),
        ({"probe": np.ones((1, 256, 256), complex)}, ValueError, r"Expected probe shape \(1, N, H, W\), got"),
        ({"probe": np.ones((1, 1, 256, 256))}, ValueError, "must be complex"),
        ({"probe": np.ones((1, 1, 64, 64), complex)}, ValueError, "expected 256"),
        ({"probe_position_y_m": np.full(4, np.nan)}, ValueError, "must be finite"),
    ],
)
def test_broken_pairs_are_refused_by_name(
    checkout: SimpleNamespace,
    write_pair: WritePair,
    tmp_path: Path,
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    path = write_pair(tmp_path, **changes)
    with pytest.raises(error, match=message):
        checkout.data.PtychographyDataset(path)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("scene_dp.h5", ValueError),
        ("scene.hdf5", ValueError),
        ("absent_dp.hdf5", FileNotFoundError),
        ("empty", FileNotFoundError),
    ],
)
def test_names_that_are_no_pair(checkout: SimpleNamespace, tmp_path: Path, name: str, error: type[Exception]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(error):
        checkout.data.CombinedDataset(file_paths=tmp_path / name)


class Trap:
    """Would run code on unpickling."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("the trap ran",))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "Normalization file not found at "),
        (pickle.dumps({"other": 1.0}), "Object 'scene' not found in normalization dictionary"),
        (pickle.dumps([1.0]), "Error loading normalization file"),
        (pickle.dumps({"scene": Trap()}), "Error loading normalization file"),
        (b"no pickle", "Error loading normalization file"),
    ],
)
def test_normalization_falls_back_with_a_warning(
    checkout: SimpleNamespace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    line: str,
) -> None:
    path = tmp_path / "normalization.pkl"
    if content is not None:
        path.write_bytes(content)
    assert checkout.normalization.normalization_of("scene", path) == 100000.0
    printed = capsys.readouterr().out
    assert line in printed
    assert "the trap ran" not in printed


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3.0), np.float64(3.0), np.int64(3)])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_normalization_of_every_kind_of_number(
    checkout: SimpleNamespace, tmp_path: Path, value: Any, protocol: int
) -> None:
    path = tmp_path / "normalization.pkl"
    path.write_bytes(pickle.dumps({"scene": value}, protocol))
    assert checkout.normalization.normalization_of("scene", path) == 3.0


def test_without_a_path_the_fallback_is_silent(checkout: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert checkout.normalization.normalization_of("scene", None) == 100000.0
    assert capsys.readouterr().out == ""
