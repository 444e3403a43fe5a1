"""Readings compete on a sample: with each other, and the best of them with other places of the scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import SURE_Z, consistent_gap, residuals, surely_better, unit
from ptycho_contracts.physics.evidence import PROVEN_SHARE, SampleEvidence
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import SAME_PLACE_PX, Patterns, Reading, distinct
from ptycho_contracts.physics.signatures import spread, stored_signatures

SAMPLE_PATTERNS = 32
SAMPLE_RIVALS = 96
# Readings nearer than this compete over the whole sample, not pattern by pattern.
RIVAL_PX = 1.0
# Mean patterns that differ by more than this share of their energy are of different experiments or conventions.
UNLIKE = 0.5
# With more readings than this the sample is halved: the readings themselves are rivals enough.
MANY_READINGS = 16


def compete(
    model: ForwardModel, patterns: Patterns, readings: list[Reading], pixels: NDArray[np.intp]
) -> list[SampleEvidence]:
    """Readings compete with each other; the best also competes with other places of the scan."""
    rows = spread(patterns.count, SAMPLE_PATTERNS if len(readings) <= MANY_READINGS else SAMPLE_PATTERNS // 2)
    stored = patterns.take(rows)
    # Readings of one place in several units share their places, and so their predictions.
    predicted: dict[int, NDArray[np.float32]] = {}
    for reading in readings:
        if id(reading.places) not in predicted:
            predicted[id(reading.places)] = unit(model.amplitudes(reading.places.take(rows), pixels))
    mine = np.stack([residuals(stored_signatures(stored, pixels, r), predicted[id(r.places)]) for r in readings])
    best = int(mine.mean(axis=1).argmin())
    mean_residual = _mean_pattern_residual(
        stored_signatures(stored, pixels, readings[best]), predicted[id(readings[best].places)]
    )
    others = _other_places(readings[best])
    pool = unit(model.amplitudes(others, pixels))
    evidence = []
    for k, reading in enumerate(readings):
        rival = _best_reading(readings, mine, k, rows)
        if k == best:
            own = stored_signatures(stored, pixels, reading)
            rival = np.minimum(rival, _best_rival(own, reading.places.take(rows), others, pool))
        behind = 0.0 if k == best else consistent_gap(mine[best], mine[k], len(pixels))
        told = _sample_evidence(reading, mine[k], rival, len(pixels), behind)
        evidence.append(told.model_copy(update={"mean_pattern_residual": mean_residual}) if k == best else told)
    return evidence


def _mean_pattern_residual(stored: NDArray[np.float32], predicted: NDArray[np.float32]) -> float:
    """What the mean predicted pattern leaves unexplained of the mean stored one; noise has averaged out of both."""
    means = [np.sqrt(np.mean(vectors.astype(np.float64) ** 2, axis=0)) for vectors in (stored, predicted)]
    return float(residuals(unit(means[0]), unit(means[1])))


def _best_reading(
    readings: list[Reading], mine: NDArray[np.float64], k: int, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The lowest residual of each sampled pattern among readings that put it at least a pixel away."""
    rival = np.ones(len(rows))
    for j, other in enumerate(readings):
        if j != k:
            rival = np.where(_differs(readings[k], other, rows), np.minimum(rival, mine[j]), rival)
    return rival


def _other_places(reading: Reading) -> Places:
    pool, _ = distinct(reading.places)
    return pool.take(spread(len(pool), SAMPLE_RIVALS))


def _differs(a: Reading, b: Reading, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    if (a.stored, a.corner) != (b.stored, b.corner):
        return np.ones(len(rows), bool)
    pa, pb = a.places.take(rows), b.places.take(rows)
    apart = np.abs(pa.centre_px - pb.centre_px).max(axis=1) >= RIVAL_PX
    different: NDArray[np.bool_] = apart | (pa.object_index != pb.object_index)
    return different


def _best_rival(
    stored: NDArray[np.float32], own: Places, others: Places, pool: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The lowest residual among the pool's places, leaving out those that are the pattern's own."""
    overlap = stored.astype(np.float64) @ pool.astype(np.float64).T
    residual = np.clip(1.0 - overlap**2, 0.0, 1.0)
    apart = np.abs(own.centre_px[:, None, :] - others.centre_px[None, :, :]).max(axis=2)
    same = (apart < SAME_PLACE_PX) & (own.object_index[:, None] == others.object_index[None, :])
    best: NDArray[np.float64] = np.where(same, np.inf, residual).min(axis=1, initial=np.inf)
    return best


def _sample_evidence(
    reading: Reading, mine: NDArray[np.float64], rival: NDArray[np.float64], pixels: int, behind: float
) -> SampleEvidence:
    agree = int(surely_better(mine, rival, pixels).sum())
    contradict = int(surely_better(rival, mine, pixels).sum())
    return SampleEvidence(
        reading=reading.name,
        changes=reading.changes,
        sampled=len(mine),
        agree=agree,
        contradict=contradict,
        undecided=len(mine) - agree - contradict,
        median_residual=float(np.median(mine)),
        median_best_rival_residual=float(np.median(rival)),
        mean_residual=float(mine.mean()),
        behind_best_t=behind,
    )


def best_of(sample: list[SampleEvidence]) -> int:
    """Which reading explains the sample best, tied or not."""
    return min(range(len(sample)), key=lambda k: sample[k].mean_residual)


def choose(readings: list[Reading], sample: list[SampleEvidence]) -> tuple[str, Reading | None]:
    """The reading that the sample speaks for, to be confirmed on every pattern."""
    best = best_of(sample)
    tied = any(_ties(e, sample[best]) for k, e in enumerate(sample) if k != best)
    if sample[best].agree >= PROVEN_SHARE * sample[best].sampled:
        return ("cannot tell", None) if tied else ("proven", readings[best])
    unlike = (sample[best].mean_pattern_residual or 0.0) > UNLIKE
    return ("fits none" if sample[best].contradict or unlike else "cannot tell"), None


def _ties(other: SampleEvidence, best: SampleEvidence) -> bool:
    """Whether a reading explains the sample as well as the best one.

    Two orders may agree on half of the patterns (interleaved and image by image, equally shuffled): the equal half
    hides the gap, but the patterns of the other half contradict one of the two and not the other.
    """
    outvoted = other.contradict > 0 and best.contradict == 0
    return other.behind_best_t < SURE_Z and not outvoted
