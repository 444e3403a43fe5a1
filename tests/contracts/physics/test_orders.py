"""Every order in which grid-lines splits are found is established by evidence, for any size, count and axis order."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_split import Layout, Split, simulate_split

from ptycho_contracts.physics.establish import Established, establish
from ptycho_contracts.physics.grid_lines_orders import known_shuffle
from ptycho_contracts.physics.grid_lines_split import GridLinesSplit, open_grid_lines
from ptycho_contracts.physics.matching import fits_other_places, match
from ptycho_contracts.physics.readings import Reading
from ptycho_contracts.sources import open_source
from ptycho_contracts.validation import validate

LAYOUTS: tuple[Layout, ...] = ("repeated", "interleaved", "image by image")
NAMES = {
    ("repeated", True): "image-major patterns under repeated coordinates",
    ("repeated", False): "",
    ("interleaved", True): "",
    ("image by image", True): "",
}


def established(path: Path) -> tuple[Established, GridLinesSplit]:
    with open_source(path) as source:
        split = open_grid_lines(source)
        assert split.model is not None
        return establish(split.model, split.patterns, split.readings), split


def assert_true_places(reading: Reading, split: Split) -> None:
    np.testing.assert_array_equal(reading.places.object_index, split.object_index)
    np.testing.assert_allclose(reading.places.centre_px, split.centre_px, atol=1e-6)


@pytest.mark.parametrize(
    ("n", "objects", "channels", "shuffled", "xy"),
    list(product((32, 48), (1, 2, 3), (1, 4), (False, True), (False, True))),
)
def test_ptychopinns_orders_are_proven(
    tmp_path: Path, n: int, objects: int, channels: int, shuffled: bool, xy: bool
) -> None:
    split = simulate_split(n, objects, channels, order="known" if shuffled else None, xy=xy)
    outcome, _ = established(split.write(tmp_path / "split.npz"))
    assert outcome.evidence.verdict == "proven"
    assert outcome.reading is not None
    assert_true_places(outcome.reading, split)
    layout = NAMES["repeated", objects > 1]
    changes = [c for c in (layout, "known shuffle" if shuffled else "", "offsets are x, y" if xy else "") if c]
    assert outcome.reading.name == (" + ".join(changes) or "as stored")
    confirmed = outcome.evidence.confirmed
    assert confirmed is not None
    assert (confirmed.agree, confirmed.contradict) == (36 * objects, 0)


@pytest.mark.parametrize(("layout", "shuffled"), list(product(LAYOUTS[1:], (False, True))))
def test_other_layouts_of_two_objects_are_proven(tmp_path: Path, layout: Layout, shuffled: bool) -> None:
    split = simulate_split(32, 2, layout=layout, order="known" if shuffled else None)
    outcome, _ = established(split.write(tmp_path / "split.npz"))
    assert outcome.reading is not None
    assert_true_places(outcome.reading, split)
    assert outcome.reading.changes == (("known shuffle",) if shuffled else ())


def unknown_permutation(count: int) -> NDArray[np.intp]:
    return np.random.default_rng(77).permutation(count).astype(np.intp)


@pytest.mark.parametrize(("objects", "channels"), [(1, 1), (2, 1), (1, 4)])
def test_an_unknown_permutation_fits_none_and_can_be_matched(tmp_path: Path, objects: int, channels: int) -> None:
    split = simulate_split(32, objects, channels, order=unknown_permutation(36 * objects // channels))
    path = split.write(tmp_path / "split.npz")
    outcome, opened = established(path)
    assert outcome.reading is None
    assert outcome.evidence.verdict == "fits none"
    report = validate(path, depth="physics")
    assert [(f.code, f.location) for f in report.errors] == [("PTY310", "npz:/diffraction")]
    with open_source(path) as source:
        opened = open_grid_lines(source)
        assert opened.model is not None
        assert fits_other_places(opened.model, opened.patterns, opened.readings[0])
        places, figures = match(opened.model, opened.patterns, opened.candidates(), opened.readings[0])
    assert figures.accepted
    np.testing.assert_array_equal(places.object_index, split.object_index)
    np.testing.assert_allclose(places.centre_px, split.centre_px, atol=1e-6)


def test_two_patterns_exchanged_are_found(tmp_path: Path) -> None:
    """The sample may miss them; the confirmation of every pattern does not."""
    order = np.arange(36)
    order[[4, 29]] = order[[29, 4]]
    path = simulate_split(32, order=order).write(tmp_path / "split.npz")
    errors = validate(path, depth="physics").errors
    assert [(f.code, f.location) for f in errors] == [("PTY310", "npz:/diffraction[4]")]


def test_a_flat_object_cannot_be_ordered(tmp_path: Path) -> None:
    split = simulate_split(32)
    split.arrays["YY_full"][:] = 1
    split.arrays["diffraction"][:] = split.arrays["diffraction"][:1]
    outcome, _ = established(split.write(tmp_path / "split.npz"))
    assert outcome.evidence.verdict == "cannot tell"
    assert outcome.reading is None


def test_the_known_shuffle_is_numpys_legacy_stream() -> None:
    """As `sklearn.utils.shuffle(numpy.arange(10), random_state=0)` prints it."""
    assert known_shuffle(10).tolist() == [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "chosen", "patterns"),
    [
        ("grid_lines_N256_train.npz", "image-major patterns under repeated coordinates + known shuffle", 72),
        ("grid_lines_N256_test.npz", "as stored", 36),
        ("grid_lines_N64_two_objects_test.npz", "image-major patterns under repeated coordinates", 288),
        ("grid_lines_N64_gridsize2_test.npz", "as stored", None),
    ],
)
def test_real_files_are_explained_on_every_pattern(shared: Path, name: str, chosen: str, patterns: int | None) -> None:
    evidence = validate(shared / "ptychopinn" / name, depth="physics").evidence["physics"]
    confirmed = evidence["confirmed"]
    assert (evidence["verdict"], evidence["chosen"]) == ("proven", chosen)
    assert confirmed["agree"] == confirmed["patterns"] == (patterns or confirmed["patterns"])
    assert confirmed["contradict"] == 0


@pytest.mark.shared_data
def test_ptychodus_export_stores_intensity_at_another_index(shared: Path) -> None:
    report = validate(shared / "ptychodus" / "ptychopinn_training.npz", depth="physics")
    assert [(f.code, f.location) for f in report.errors] == [("PTY317", "npz:/diff3d"), ("PTY313", "npz:/ycoords")]
    assert report.evidence["physics"]["confirmed"]["agree"] == 144
