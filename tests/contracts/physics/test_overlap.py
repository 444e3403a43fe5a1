"""What overlapping patterns tell of their positions where no object is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from overlapping import TURNS, Arrays, N, measured
from simulated import gaussian_probe

from ptycho_contracts.physics.overlap import diagnose_overlap

SHARED = Path(__file__).parents[3] / "../shared/data"


@dataclass(frozen=True)
class Given:
    """Patterns in memory."""

    values: NDArray[Any]

    @property
    def count(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        return self.values[rows].astype(np.float32)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        yield 0, self.values.astype(np.float32)


@pytest.mark.parametrize("changes", TURNS)
def test_the_turn_of_the_positions_is_named(changes: tuple[str, ...]) -> None:
    patterns, positions = measured()
    told = diagnose_overlap(Given(patterns), TURNS[changes](positions))
    assert told.verdict == ("mistaken" if changes else "as stated")
    assert set(told.ranked[0].changes) == set(changes)
    assert told.method == "overlap"
    assert told.ranked[1].behind_best_t > 6


def test_both_axes_negated_are_the_same_as_none() -> None:
    patterns, positions = measured()
    told = diagnose_overlap(Given(patterns), -positions)
    assert told.verdict == "as stated"
    assert any("both axes negated together" in text for text in told.undecided)


def test_a_zero_frequency_at_the_corner_is_named() -> None:
    patterns, positions = measured()
    told = diagnose_overlap(Given(np.fft.ifftshift(patterns, axes=(1, 2))), positions)
    assert (told.verdict, told.ranked[0].changes) == ("mistaken", ("patterns:corner",))


def _shuffled(patterns: NDArray[Any], positions: NDArray[np.float64]) -> Arrays:
    return patterns, positions[np.random.default_rng(9).permutation(len(positions))]


def _flat(patterns: NDArray[Any], positions: NDArray[np.float64]) -> Arrays:
    """The same pattern everywhere: an object without contrast."""
    mean = np.broadcast_to(patterns.mean(axis=0), patterns.shape)
    return np.random.default_rng(1).poisson(mean).astype(np.float32), positions


def _apart(patterns: NDArray[Any], positions: NDArray[np.float64]) -> Arrays:
    return patterns, positions * 5


def _few(patterns: NDArray[Any], positions: NDArray[np.float64]) -> Arrays:
    return patterns[:8], positions[:8]


def _dark(patterns: NDArray[Any], positions: NDArray[np.float64]) -> Arrays:
    return patterns * 0, positions


def _nowhere(patterns: NDArray[Any], positions: NDArray[np.float64]) -> Arrays:
    return patterns, positions * np.nan


@pytest.mark.parametrize("spoil", [_shuffled, _flat, _apart, _few, _dark, _nowhere])
def test_where_nothing_is_told_nothing_is_claimed(spoil: Any) -> None:
    patterns, positions = spoil(*measured())
    told = diagnose_overlap(Given(patterns), positions)
    assert told.verdict == "cannot tell"
    assert told.undecided


def test_progress_never_goes_back() -> None:
    patterns, positions = measured()
    seen: list[tuple[int, int]] = []
    diagnose_overlap(Given(patterns), positions, probe=gaussian_probe(N)[None], progress=lambda *at: seen.append(at))
    assert seen == sorted(seen)
    assert seen[-1][0] <= seen[-1][1] == 15


@pytest.mark.shared_data
@pytest.mark.parametrize("changes", [(), ("swapped-axes", "negated-y")])
def test_a_file_that_we_did_not_make(changes: tuple[str, ...]) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real sample files beside the checkout")
    with h5py.File(SHARED / "pairs/s64_dp.hdf5") as dp, h5py.File(SHARED / "pairs/s64_para.hdf5") as para:
        pixel = para["object"].attrs["pixel_height_m"]
        positions = np.column_stack([para["probe_position_y_m"][()], para["probe_position_x_m"][()]]) / pixel
        told = diagnose_overlap(Given(dp["dp"][()]), TURNS[changes](positions))
    assert set(told.ranked[0].changes) == set(changes)
    assert told.verdict == ("mistaken" if changes else "as stated")
