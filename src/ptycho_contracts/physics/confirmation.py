"""One reading against every pattern, in O(n): its own place, near and far rivals, and all where it is unsure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import RESIDUAL_FLOOR, residuals, surely_better, unit, z_score
from ptycho_contracts.physics.evidence import Confirmation
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import Patterns, Reading, distinct
from ptycho_contracts.physics.signatures import stored_signatures
from ptycho_contracts.read_ahead import read_ahead

NEAR_RIVALS = 8
RANDOM_RIVALS = 8
# Patterns of which so much more than of the median one is left unexplained are looked at one by one, but not more.
OUTLYING, MOST_OUTLIERS = 1.5, 16

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Signatures:
    """Predictions of the distinct places of a scan, as unit vectors of bright pixels."""

    places: Places
    own: NDArray[np.intp]
    vectors: NDArray[np.float32]
    rivals: NDArray[np.intp]


def _signatures(model: ForwardModel, reading: Reading, pixels: NDArray[np.intp]) -> _Signatures:
    places, own = distinct(reading.places)
    vectors = unit(model.amplitudes(places, pixels))
    return _Signatures(places, own, vectors, _rivals(places))


def _rivals(places: Places) -> NDArray[np.intp]:
    """For each place its nearest others in the same object, itself in other objects, and random ones.

    A row is padded with the place itself where there are fewer.
    """
    from scipy.spatial import cKDTree  # noqa: PLC0415 - only the physics check needs it

    count = len(places)
    rng = np.random.default_rng(0)
    columns = [rng.integers(0, count, (count, RANDOM_RIVALS))]
    for index in np.unique(places.object_index):
        members = np.flatnonzero(places.object_index == index)
        near = min(NEAR_RIVALS + 1, len(members))
        _, found = cKDTree(places.centre_px[members]).query(places.centre_px, k=near)
        columns.append(members[np.asarray(found).reshape(count, near)])
    return np.concatenate(columns, axis=1).astype(np.intp)


def confirm(
    model: ForwardModel,
    patterns: Patterns,
    reading: Reading,
    pixels: NDArray[np.intp],
    progress: Progress | None = None,
) -> Confirmation:
    """Every pattern against its place and rivals under one reading."""
    signatures = _signatures(model, reading, pixels)
    mine = np.empty(patterns.count)
    rival = np.empty(patterns.count)
    for start, block in read_ahead(patterns.blocks()):
        rows = slice(start, start + len(block))
        stored = stored_signatures(block, pixels, reading)
        mine[rows], rival[rows] = _compare_block(stored, signatures, signatures.own[rows], len(pixels))
        if progress is not None:
            progress(rows.stop, patterns.count)
    return _confirmation(reading.name, mine, rival, len(pixels))


def _compare_block(
    stored: NDArray[np.float32], signatures: _Signatures, own: NDArray[np.intp], pixels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Residuals of the own place and of the best rival, for each pattern of a block."""
    mine = residuals(stored, signatures.vectors[own])
    rival = np.empty(len(stored))
    for k, place in enumerate(own):
        others = signatures.rivals[place]
        others = others[others != place]
        rival[k] = _lowest(stored[k], signatures.vectors[others])
    for k in np.flatnonzero(~surely_better(mine, rival, pixels)).tolist():
        everywhere = 1.0 - (signatures.vectors @ stored[k]).astype(np.float64) ** 2
        everywhere[own[k]] = np.inf
        rival[k] = min(rival[k], everywhere.min(initial=1.0))
    return mine, rival


def _lowest(stored: NDArray[np.float32], predicted: NDArray[np.float32]) -> float:
    if len(predicted) == 0:
        return 1.0
    return float(1.0 - np.max(predicted @ stored) ** 2)


def _confirmation(name: str, mine: NDArray[np.float64], rival: NDArray[np.float64], pixels: int) -> Confirmation:
    agree = surely_better(mine, rival, pixels)
    contradict = surely_better(rival, mine, pixels)
    margin = rival / np.maximum(mine, 1e-12)
    return Confirmation(
        reading=name,
        patterns=len(mine),
        agree=int(agree.sum()),
        contradict=int(contradict.sum()),
        undecided=int((~agree & ~contradict).sum()),
        median_residual=float(np.median(mine)),
        min_margin=float(margin.min()),
        median_margin=float(np.median(margin)),
        min_z=float(z_score(mine, rival, pixels).min()),
        first_contradictions=tuple(int(i) for i in np.flatnonzero(contradict)[:5]),
        outliers=_outliers(mine),
    )


def _outliers(mine: NDArray[np.float64]) -> tuple[int, ...]:
    worst = np.argsort(-mine, kind="stable")[:MOST_OUTLIERS]
    return tuple(sorted(worst[mine[worst] > OUTLYING * max(float(np.median(mine)), RESIDUAL_FLOOR)].tolist()))
