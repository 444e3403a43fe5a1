"""Which reading of a file explains its patterns: tested on a sample, confirmed on every pattern.

The sample discriminates between readings: each one's predictions compete with those of the others and with
places from the whole scan. The confirmation is O(n): one prediction for each place, kept as a signature of its
brightest detector pixels, and each pattern compared with its own place, the nearest others, the same place in
the other objects, and a few places drawn at random; a pattern that loses is compared with every place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ptycho_contracts.physics.agreement import (
    SURE_Z,
    consistent_gap,
    residuals,
    surely_better,
    unit,
    z_score,
)
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import (
    SAME_PLACE_PX,
    Patterns,
    Reading,
    different_readings,
    distinct,
    to_amplitude,
)
from ptycho_contracts.read_ahead import read_ahead

SAMPLE_PATTERNS = 32
SAMPLE_RIVALS = 96
# Readings nearer than this compete over the whole sample, not pattern by pattern.
RIVAL_PX = 1.0
# With more readings than this the sample is halved: the readings themselves are rivals enough.
MANY_READINGS = 16
NEAR_RIVALS = 8
RANDOM_RIVALS = 8
# Signatures of all places stay below this, so that memory does not grow with the scan.
SIGNATURE_BYTES = 64 * 2**20
MAX_PIXELS = 2048
MIN_PIXELS = 256
# A reading stands if nothing contradicts it and at least this share of patterns speaks surely for it.
PROVEN_SHARE = 0.5

Progress = Callable[[int, int], None]


class SampleEvidence(BaseModel):
    """How a reading fared on the sample.

    `agree`, `contradict`, `undecided` count patterns against rivals at least a pixel away. `behind_best_t` says
    how consistently, over the sampled patterns, the best reading explains more (0 for the best itself): what
    separates readings that differ by a fraction of a pixel.
    """

    model_config = ConfigDict(frozen=True)

    reading: str
    changes: tuple[str, ...]
    sampled: int
    agree: int
    contradict: int
    undecided: int
    median_residual: float
    median_best_rival_residual: float
    mean_residual: float
    behind_best_t: float


class Confirmation(BaseModel):
    """How the patterns fared against their places under one reading.

    `agree`: the own place explains the pattern surely better than every rival. `contradict`: a rival does.
    `undecided`: neither. `margin` is the ratio of the best rival's residual to the own (min and median).
    """

    model_config = ConfigDict(frozen=True)

    reading: str
    patterns: int
    agree: int
    contradict: int
    undecided: int
    median_residual: float
    min_margin: float
    median_margin: float
    min_z: float
    first_contradictions: tuple[int, ...] = ()

    @property
    def proven(self) -> bool:
        """Nothing contradicts, and enough speaks for it."""
        return self.contradict == 0 and self.agree >= PROVEN_SHARE * self.patterns


class Evidence(BaseModel):
    """What was compared and what came out; goes into reports and manifests as it is."""

    model_config = ConfigDict(frozen=True)

    verdict: str
    chosen: str | None
    pixels: int
    readings: tuple[SampleEvidence, ...]
    confirmed: Confirmation | None = None


@dataclass(frozen=True)
class Established:
    """The outcome: the reading that stands (None: none does, or it cannot be told) and its evidence."""

    reading: Reading | None
    evidence: Evidence


def establish(
    model: ForwardModel,
    patterns: Patterns,
    readings: list[Reading],
    progress: Progress | None = None,
) -> Established:
    """The reading that explains every pattern, or why there is none.

    The verdict is one of `proven`, `cannot tell` (flat or ambiguous object, or two readings that explain the
    sample equally), `fits none` (each reading is contradicted), `not confirmed` (the best reading of the
    sample is contradicted by other patterns).

    Args:
        model: Predicts in the objects and the probe of the file.
        patterns: As stored.
        readings: The hypotheses; the first is the file's own statement. Equal ones are tested once.
        progress: Called with (patterns confirmed, all patterns).
    """
    readings = different_readings(readings)
    pixels = bright_pixels(model, [reading.places for reading in readings])
    sample = _test_sample(model, patterns, readings, pixels)
    verdict, chosen = _choose(readings, sample)
    if chosen is None:
        return Established(None, _evidence(verdict, None, pixels, sample))
    confirmed = confirm(model, patterns, chosen, pixels, progress)
    verdict = "proven" if confirmed.proven else "not confirmed" if confirmed.contradict else "cannot tell"
    stands = chosen if verdict == "proven" else None
    return Established(stands, _evidence(verdict, chosen, pixels, sample, confirmed))


def _evidence(
    verdict: str,
    chosen: Reading | None,
    pixels: NDArray[np.intp],
    sample: list[SampleEvidence],
    confirmed: Confirmation | None = None,
) -> Evidence:
    return Evidence(
        verdict=verdict,
        chosen=None if chosen is None else chosen.name,
        pixels=len(pixels),
        readings=tuple(sample),
        confirmed=confirmed,
    )


def bright_pixels(model: ForwardModel, places: list[Places]) -> NDArray[np.intp]:
    """The detector pixels where the model predicts most signal, as flat indices; the rest is mostly noise."""
    most = max(len(p) for p in places)
    budget = SIGNATURE_BYTES // (4 * max(1, most))
    count = int(np.clip(model.n**2 // 4, MIN_PIXELS, min(MAX_PIXELS, max(MIN_PIXELS, budget))))
    rows = _spread(len(places[0]), 16)
    mean = model.amplitudes(places[0].take(rows)).astype(np.float64).mean(axis=0).reshape(-1)
    return np.sort(np.argsort(mean, kind="stable")[-min(count, mean.size) :])


def _spread(count: int, wanted: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.intp))


def _test_sample(
    model: ForwardModel, patterns: Patterns, readings: list[Reading], pixels: NDArray[np.intp]
) -> list[SampleEvidence]:
    """Readings compete with each other; the best also competes with other places of the scan."""
    rows = _spread(patterns.count, SAMPLE_PATTERNS if len(readings) <= MANY_READINGS else SAMPLE_PATTERNS // 2)
    stored = patterns.take(rows).reshape(len(rows), -1)[:, pixels]
    vectors = {s: unit(to_amplitude(stored, s)) for s in {r.stored for r in readings}}
    places = [reading.places.take(rows) for reading in readings]
    mine = np.stack(
        [
            residuals(vectors[reading.stored], unit(model.amplitudes(own, pixels)))
            for reading, own in zip(readings, places, strict=True)
        ]
    )
    best = int(mine.mean(axis=1).argmin())
    others = _other_places(readings[best])
    pool = unit(model.amplitudes(others, pixels))
    evidence = []
    for k, reading in enumerate(readings):
        rival = _best_reading(readings, mine, k, rows)
        if k == best:
            rival = np.minimum(rival, _best_rival(vectors[reading.stored], places[k], others, pool))
        behind = 0.0 if k == best else consistent_gap(mine[best], mine[k], len(pixels))
        evidence.append(_sample_evidence(reading, mine[k], rival, len(pixels), behind))
    return evidence


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
    return pool.take(_spread(len(pool), SAMPLE_RIVALS))


def _differs(a: Reading, b: Reading, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    if a.stored != b.stored:
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


def _choose(readings: list[Reading], sample: list[SampleEvidence]) -> tuple[str, Reading | None]:
    """The reading that the sample speaks for, to be confirmed on every pattern."""
    best = min(range(len(sample)), key=lambda k: sample[k].mean_residual)
    tied = any(_ties(e, sample[best]) for k, e in enumerate(sample) if k != best)
    if sample[best].agree >= PROVEN_SHARE * sample[best].sampled:
        return ("cannot tell", None) if tied else ("proven", readings[best])
    return ("fits none" if sample[best].contradict else "cannot tell"), None


def _ties(other: SampleEvidence, best: SampleEvidence) -> bool:
    """Whether a reading explains the sample as well as the best one.

    Two orders may agree on half of the patterns (interleaved and image by image, equally shuffled): the equal half
    hides the gap, but the patterns of the other half contradict one of the two and not the other.
    """
    outvoted = other.contradict > 0 and best.contradict == 0
    return other.behind_best_t < SURE_Z and not outvoted


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
        stored = unit(to_amplitude(block.reshape(len(block), -1)[:, pixels], reading.stored))
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
    )


def fits_other_places(model: ForwardModel, patterns: Patterns, reading: Reading) -> bool:
    """Whether most sampled patterns are surely explained by *some* place of the scan, if not by their own."""
    pixels = bright_pixels(model, [reading.places])
    places, _ = distinct(reading.places)
    rows = _spread(patterns.count, SAMPLE_PATTERNS)
    stored = patterns.take(rows).reshape(len(rows), -1)[:, pixels]
    vectors = unit(model.amplitudes(places, pixels))
    first, second, _ = _two_best(unit(to_amplitude(stored, reading.stored)), vectors)
    return bool(surely_better(first, second, len(pixels)).mean() >= PROVEN_SHARE)


def _two_best(
    stored: NDArray[np.float32], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Lowest and second residual of each pattern among all places, and the place of the lowest."""
    residual = np.clip(1.0 - (stored @ vectors.T).astype(np.float64) ** 2, 0.0, 1.0)
    best = residual.argmin(axis=1)
    first = np.take_along_axis(residual, best[:, None], axis=1)[:, 0]
    np.put_along_axis(residual, best[:, None], 1.0, axis=1)
    return first, residual.min(axis=1), best


class Match(BaseModel):
    """Every pattern assigned to the place that explains it best."""

    model_config = ConfigDict(frozen=True)

    patterns: int
    sure: int
    one_to_one: bool
    unused_places: int
    median_residual: float
    min_margin: float
    min_z: float

    @property
    def accepted(self) -> bool:
        """One-to-one, and every assignment sure."""
        return self.one_to_one and self.sure == self.patterns


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
        stored = unit(to_amplitude(block.reshape(len(block), -1)[:, pixels], stored_as.stored))
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
