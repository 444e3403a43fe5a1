"""Assigning patterns to places without any hypothesis: all compared with all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import surely_better, unit, z_score
from ptycho_contracts.physics.confirmation import Progress
from ptycho_contracts.physics.evidence import PROVEN_SHARE, Match
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import Patterns, Reading, distinct
from ptycho_contracts.physics.sampling import SAMPLE_PATTERNS
from ptycho_contracts.physics.signatures import bright_pixels, spread, stored_signatures
from ptycho_contracts.read_ahead import read_ahead

DISTINCT_SHARE = 0.9


def fits_other_places(model: ForwardModel, patterns: Patterns, reading: Reading) -> bool:
    """Whether most sampled patterns are surely explained by *some* place of the scan, if not by their own."""
    pixels = bright_pixels(model, [reading.places])
    places, _ = distinct(reading.places)
    rows = spread(patterns.count, SAMPLE_PATTERNS)
    vectors = unit(model.amplitudes(places, pixels))
    first, second, best = _two_best(stored_signatures(patterns.take(rows), pixels, reading), vectors)
    # Patterns in another order each have a place of their own; of a wrong object many crowd into a few.
    crowded = len(np.unique(best)) < DISTINCT_SHARE * min(len(rows), len(places))
    return bool(surely_better(first, second, len(pixels)).mean() >= PROVEN_SHARE) and not crowded


def _two_best(
    stored: NDArray[np.float32], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Lowest and second residual of each pattern among all places, and the place of the lowest."""
    residual = np.clip(1.0 - (stored @ vectors.T).astype(np.float64) ** 2, 0.0, 1.0)
    best = residual.argmin(axis=1)
    first = np.take_along_axis(residual, best[:, None], axis=1)[:, 0]
    np.put_along_axis(residual, best[:, None], 1.0, axis=1)
    return first, residual.min(axis=1), best


def match(
    model: ForwardModel,
    patterns: Patterns,
    candidates: Places,
    stored_as: Reading,
    progress: Progress | None = None,
) -> tuple[Places, Match]:
    """The best place for every pattern among `candidates`, by comparing all with all.

    Args:
        model: Predicts in the objects and the probe of the file.
        patterns: As stored.
        candidates: Every place at which a pattern may have been taken, repetitions included: a place that the
            scan visited twice can take two patterns.
        stored_as: Says whether stored values are amplitudes or intensities.
        progress: Called with (patterns done, all patterns).

    Returns:
        The places in stored order, and the figures that say whether they can be trusted.
    """
    pixels = bright_pixels(model, [candidates])
    places, index = distinct(candidates)
    room = np.bincount(index, minlength=len(places))
    vectors = unit(model.amplitudes(places, pixels))
    best = np.empty(patterns.count, np.intp)
    first, second = np.empty(patterns.count), np.empty(patterns.count)
    for start, block in read_ahead(patterns.blocks()):
        rows = slice(start, start + len(block))
        stored = stored_signatures(block, pixels, stored_as)
        first[rows], second[rows], best[rows] = _two_best(stored, vectors)
        if progress is not None:
            progress(rows.stop, patterns.count)
    used = np.bincount(best, minlength=len(places))
    outcome = Match(
        patterns=patterns.count,
        sure=int(surely_better(first, second, len(pixels)).sum()),
        one_to_one=bool(np.all(used <= room)),
        unused_places=int((used == 0).sum()),
        median_residual=float(np.median(first)),
        min_margin=float((second / np.maximum(first, 1e-12)).min()),
        min_z=float(z_score(first, second, len(pixels)).min()),
    )
    return places.take(best), outcome
