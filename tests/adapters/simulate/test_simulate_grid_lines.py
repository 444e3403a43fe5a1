from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_adapters.simulate.grid_lines import (
    Defects,
    GridLines,
    GridLinesSettings,
    simulate_grid_lines,
    write_grid_lines,
)
from ptycho_contracts.physics.grid_lines_orders import known_shuffle

SHARED = Path(__file__).parents[3] / "../shared/data/ptychopinn"
needs_real_files = pytest.mark.skipif(
    not SHARED.exists(), reason="needs the folder of real sample files beside the checkout"
)
SMALL = GridLinesSettings(N=32, size=80, step_px=12, n_train_objects=2, photons=1e5)


def candidates(split: dict[str, Any], N: int) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Noise-free unitary patterns of every object at every distinct corner, by a model of the test's own."""
    centres = np.moveaxis(split["coords_offsets"][:, 0], 1, -1).reshape(-1, 2)
    corners = np.unique(centres - (N - 1) / 2, axis=0).astype(int)
    probe, fields = split["probe_simulated"], split["YY_full"][..., 0]
    where = [(k, int(y), int(x)) for k in range(len(fields)) for y, x in corners]
    waves = [fields[k, y : y + N, x : x + N] * probe for k, y, x in where]
    # The transform about index N/2 on both sides: a second route to the same moduli.
    far = [np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave))) / N for wave in waves]
    return np.abs(np.array(far)), where


def best_fits(split: dict[str, Any], N: int) -> list[tuple[int, int, int]]:
    """(object, row, column) of the candidate that each stored pattern resembles most."""
    patterns = np.moveaxis(split["diffraction"], -1, 1).reshape(-1, N * N)
    models, where = candidates(split, N)
    models = models.reshape(len(models), -1)
    likeness = patterns @ (models / np.linalg.norm(models, axis=1, keepdims=True)).T
    return [where[k] for k in likeness.argmax(axis=1)]


def stated(split: dict[str, Any], N: int) -> list[tuple[int, int, int]]:
    """(object, row, column) by the rule of the honest file: objects one after the other, [y, x]."""
    centres = np.moveaxis(split["coords_offsets"][:, 0], 1, -1)
    per_object = len(centres) // len(split["YY_full"])
    corners = (centres - (N - 1) / 2).astype(int)
    return [(k // per_object, int(y), int(x)) for k, group in enumerate(corners) for y, x in group]


def test_every_pattern_fits_best_where_it_says() -> None:
    for split in simulate_grid_lines(SMALL):
        assert best_fits(split, SMALL.N) == stated(split, SMALL.N)


def test_gridsize_2_patterns_fit_best_where_they_say() -> None:
    for split in simulate_grid_lines(replace(SMALL, gridsize=2, n_train_objects=1)):
        assert split["diffraction"].shape[-1] == 4
        assert best_fits(split, SMALL.N) == stated(split, SMALL.N)


def test_shuffle_permutes_the_train_patterns_and_nothing_else() -> None:
    honest = simulate_grid_lines(SMALL)
    shuffled = simulate_grid_lines(replace(SMALL, defects=Defects(shuffle=True)))
    order = known_shuffle(len(honest.train["diffraction"]))
    for key, array in honest.train.items():
        moved = key in ("diffraction", "Y_I", "Y_phi")
        np.testing.assert_array_equal(shuffled.train[key], array[order] if moved else array)
    for key, array in honest.test.items():
        np.testing.assert_array_equal(shuffled.test[key], array)


def test_repeated_coordinates_are_repeated_per_position() -> None:
    split = simulate_grid_lines(replace(SMALL, defects=Defects(repeat_coordinates=True))).train
    centres = split["coords_offsets"][:, 0, :, 0]
    np.testing.assert_array_equal(centres[::2], centres[1::2])
    assert best_fits(split, SMALL.N) != stated(split, SMALL.N)


def test_axes_can_be_exchanged() -> None:
    yx = simulate_grid_lines(SMALL).train["coords_offsets"]
    xy = simulate_grid_lines(replace(SMALL, defects=Defects(axes="xy"))).train["coords_offsets"]
    np.testing.assert_array_equal(xy, yx[:, :, ::-1])
    assert not np.array_equal(xy, yx)


def test_dose_and_scale() -> None:
    train = simulate_grid_lines(SMALL).train
    intensity = train["diffraction"].astype(np.float64) ** 2
    counts = intensity / intensity[intensity > 0].min()
    np.testing.assert_allclose(counts, np.round(counts), rtol=1e-4)
    assert counts.sum((1, 2, 3)).mean() == pytest.approx(SMALL.photons, rel=0.02)
    # The transform is unitary and Y_I the modulus of the exit wave: both hold the same energy.
    assert intensity.sum() == pytest.approx((train["Y_I"].astype(np.float64) ** 2).sum(), rel=0.02)


def test_two_files_of_one_seed_are_equal_byte_by_byte(tmp_path: Path) -> None:
    first = write_grid_lines(tmp_path / "a", SMALL)
    second = write_grid_lines(tmp_path / "b", SMALL)
    other = write_grid_lines(tmp_path / "c", replace(SMALL, seed=1))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert first[0].read_bytes() != other[0].read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["test.npz", "train.npz"]


def test_files_hold_no_pickle(tmp_path: Path) -> None:
    for path in write_grid_lines(tmp_path, SMALL):
        with np.load(path, allow_pickle=False) as file:
            assert {key: file[key].dtype.kind for key in file.files}["_metadata"] == "U"


@needs_real_files
@pytest.mark.parametrize(
    ("name", "split", "settings"),
    [
        (
            "grid_lines_N64_two_objects_test",
            "test",
            GridLinesSettings(size=196, step_px=12, n_test_objects=2, defects=Defects(repeat_coordinates=True)),
        ),
        ("grid_lines_N64_gridsize2_test", "test", GridLinesSettings(size=196, step_px=10, gridsize=2)),
    ],
)
def test_keys_shapes_dtypes_and_coordinates_are_those_of_the_real_files(
    name: str, split: str, settings: GridLinesSettings
) -> None:
    ours = getattr(simulate_grid_lines(settings), split)
    with np.load(SHARED / f"{name}.npz") as real:
        assert set(ours) == set(real.files)
        for key in set(ours) - {"_metadata"}:
            assert ours[key].shape == real[key].shape, key
            # norm_Y_I is float64 in one of the real files and float32 in the other.
            assert key == "norm_Y_I" or ours[key].dtype == real[key].dtype, key
        for key in ("coords_offsets", "coords_true", "coords_nominal"):
            np.testing.assert_array_equal(ours[key], real[key])
        first = np.argwhere(real["YY_full"][0, ..., 0] == real["YY_ground_truth"][0, 0, 0])[0]
    begin = np.argwhere(ours["YY_full"][0, ..., 0] == ours["YY_ground_truth"][0, 0, 0])[0]
    np.testing.assert_array_equal(begin, first)


@needs_real_files
def test_order_of_the_real_train_file_is_the_reproduced_shuffle() -> None:
    with np.load(SHARED / "grid_lines_N256_train.npz") as file:
        keys = ("diffraction", "coords_offsets", "YY_full", "probe_simulated")
        real = {key: file[key] for key in keys}
    _, where = candidates(real, 256)
    order = known_shuffle(len(real["diffraction"]))
    assert best_fits(real, 256) == [where[k] for k in order]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"N": 31}, "N must be even"),
        ({"size": 30}, "no room"),
        ({"step_px": 0}, "step_px"),
        ({"n_test_objects": 0}, "at least one object"),
        ({"photons": float("nan")}, "photons"),
        ({"seed": 2**32}, "seed"),
        ({"gridsize": 3}, "gridsize"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


@pytest.mark.parametrize(
    ("probe", "message"),
    [(np.ones((16, 16), complex), "shape"), (np.zeros((32, 32), complex), "empty or not finite")],
)
def test_unusable_probe_is_refused(probe: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_grid_lines(SMALL, probe)


def test_scale_is_shared_by_the_splits() -> None:
    splits: GridLines = simulate_grid_lines(SMALL)
    units = [np.square(s["diffraction"][s["diffraction"] > 0].min()) for s in splits]
    assert units[0] == pytest.approx(units[1], rel=1e-4)
