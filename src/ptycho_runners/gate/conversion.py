"""Part one: do converted files mean what the source means? Judged with plain numpy and h5py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from ptycho_runners.gate.checks import Checks
from ptycho_runners.gate.prediction import Stored, read_stored, residuals
from ptycho_runners.gate.workspace import Workspace

_ENERGY_TOLERANCE = 1e-4
# float32 values that were multiplied by a real factor and divided by it again.
_ROUNDING = 1e-6
_WHOLE_PX = 1e-6
_NEIGHBOURS_PX = ((-1, 0), (1, 0), (0, -1), (0, 1))
_EXACT, _ROUNDED = ("diffraction", "coords_offsets"), ("probeGuess", "YY_full")


def check_conversion(workspace: Workspace, checks: Checks) -> str:
    """Split → pairs → split again; returns the figures in one line."""
    pairs, splits = workspace.pairs(), workspace.splits()
    stored = [read_stored(files) for files in pairs.files]
    starts = [_whole_starts(pair) for pair in stored]
    placed = [start for start in starts if start is not None]
    told = f"{len(placed)} of {len(stored)} pairs"
    if checks.that("positions lie on whole pixels, every patch on the object", len(placed) == len(stored), told):
        _check_places(stored, placed, checks)
    amplitudes = [np.load(split)["diffraction"][..., 0] for split in (splits.train, splits.test)]
    _check_intensity(pairs.files, np.concatenate(amplitudes), checks)
    _check_round_trip(workspace, checks)
    return "" if checks.failed else _summary(checks.figures)


def _summary(figures: Mapping[str, JsonValue]) -> str:
    rivals = f"{figures['best_rival_median']:.3g} times worse, {figures['best_rival_least']:.3g} at least"
    ratio = f"energy ratio {figures['energy_ratio']:.6f}"
    return f"{figures['patterns']} patterns best at their own place (rivals {rivals}), {ratio}, round trip exact"


def _whole_starts(pair: Stored) -> NDArray[np.intp] | None:
    """The pixels that the patches begin at, as the simulated raster has them; None where they are none."""
    if not np.abs(pair.start_px - np.rint(pair.start_px)).max() < _WHOLE_PX:
        return None
    whole = np.rint(pair.start_px).astype(np.intp)
    return whole if pair.inside(whole).all() else None


def _check_places(stored: list[Stored], starts: list[NDArray[np.intp]], checks: Checks) -> None:
    """Each pattern against the predictions at all places of all objects, and all together against a shift."""
    predicted = [pair.predicted(start) for pair, start in zip(stored, starts, strict=True)]
    table = residuals(np.concatenate([pair.amplitude for pair in stored]), np.concatenate(predicted))
    own = np.diag(table)
    rival = np.where(np.eye(len(table), dtype=bool), np.inf, table).min(axis=1) / own
    wins = int((rival > 1).sum())
    checks.that("every pattern is explained best at its own place", wins == len(own), f"{wins} of {len(own)}")
    shifted = min(_shifted_by_one(pair, start) for pair, start in zip(stored, starts, strict=True))
    checks.that("no shift by one pixel explains them better", shifted > 1, f"residual {shifted:.3g} times as large")
    energies = [float((p.amplitude**2).sum() / (q**2).sum()) for p, q in zip(stored, predicted, strict=True)]
    worst = max(energies, key=lambda ratio: abs(ratio - 1))
    checks.that("measured energy = predicted energy", abs(worst - 1) < _ENERGY_TOLERANCE, f"ratio {worst:.6f}")
    checks.figures |= {
        "patterns": len(own),
        "best_rival_median": float(np.median(rival)),
        "best_rival_least": float(rival.min()),
        "shift_of_one_px_residual_ratio": shifted,
        "energy_ratio": worst,
    }


def _shifted_by_one(pair: Stored, start: NDArray[np.intp]) -> float:
    """How many times the residual grows when all positions move by a pixel; the least of four directions."""
    ratios = []
    for step in _NEIGHBOURS_PX:
        rows = np.flatnonzero(pair.inside(start + step))
        moved, stayed = (
            float(((pair.amplitude[rows] - pair.predicted(start[rows] + by)) ** 2).sum()) for by in (step, (0, 0))
        )
        ratios.append(moved / stayed)
    return min(ratios)


def _check_intensity(files: list[Mapping[str, Path]], amplitude: NDArray[np.float32], checks: Checks) -> None:
    """`dp` is `diffraction²`, bit for bit, pattern by pattern in the order of the source."""
    import h5py  # noqa: PLC0415

    stacks = []
    for pair in files:
        with h5py.File(pair["dp"], "r") as file:
            stacks.append(file["dp"][:])
    same = np.array_equal(np.concatenate(stacks), amplitude**2)
    checks.that("dp is diffraction squared, bit for bit", same, "equal" if same else "different")


def _check_round_trip(workspace: Workspace, checks: Checks) -> None:
    """Pair → split: patterns and coordinates bit for bit, probe and object within the rounding of float32."""
    from ptycho_adapters.conversion import convert  # noqa: PLC0415

    back = convert(workspace.pairs().test.files[0]["dp"], workspace.root / "round_trip", "grid-lines-npz")
    with np.load(workspace.splits().test) as source, np.load(back.files[0]["npz"]) as returned:
        for name in _EXACT:
            same = np.array_equal(source[name], returned[name])
            checks.that(f"{name} comes back bit for bit", same, "equal" if same else "different")
        errors = {name: _relative_error(returned[name], source[name]) for name in _ROUNDED}
    for name, error in errors.items():
        checks.that(f"{name} comes back within float32's rounding", error < _ROUNDING, f"{error:.1e} of its greatest")
    checks.figures["round_trip_error"] = max(errors.values())


def _relative_error(found: NDArray[Any], expected: NDArray[Any]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / np.abs(expected).max())
