"""Can the truth of a case be told from its neighbours, given its counts? Decided by likelihood, not by any engine.

The measure is the Kullback–Leibler divergence between the Poisson counts that the truth predicts and those that
another reading of the same file predicts, summed over all patterns: the expected lead in log-likelihood, in nats. The
lead that noise really gives has a standard deviation of about √(2·lead), so that at 60 nats the truth falls behind a
given rival once in 10⁷ files, and 200 rivals change nothing in that; below 1 nat no method, however clever, is wrong
less often than in one file of five (Bretagnolle–Huber). Cases in between have no clear right answer and are not used.
A global factor between the predictions is free, except where the two readings differ in the probe's scale itself.

Rivals are all readings one mistake away from the truth, those that undo any of its mistakes, and those that name
another mistake instead. Those that predict the same patterns are no rivals but other names for the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .generator import Case
from .mistakes import (
    FRAME_SLUGS,
    OBJECT_SLUGS,
    ORDER_SLUGS,
    ORIENTATIONS,
    PROBE_SLUGS,
    Mistake,
    as_stored,
    centres_of,
    repaired,
    variants,
)
from .optics import Real, intensities

CLEAR_NATS = 60.0
HOPELESS_NATS = 1.0
SAME = 1e-3  # relative difference of amplitudes below which two readings say the same
FEW, MANY, PROBED = 8, 48, 12  # patterns to compare: for a first look, for a close one, to see that two are one
DARK = 1e-6
SAFELY_CLEAR = 20 * CLEAR_NATS  # as estimated from few patterns

PLAIN = ("swapped-axes", "negated-y", "negated-x", "patterns:corner", "patterns:amplitude")
DISCRETE = (*PLAIN, *FRAME_SLUGS, *ORDER_SLUGS, *ORIENTATIONS, *OBJECT_SLUGS, *PROBE_SLUGS)
NEAR_NUMBERS = ("shift:0.4,0", "shift:0,0.4", "pixel-size:1.015", "pixel-size:0.985", "probe-scale:1.06")
NEAR_FACTORS = (0.985, 1.015)

Reading = tuple[Mistake, ...]


class Nearest(NamedTuple):
    """The rival that is hardest to tell from the truth, the lead over it in nats, and a simpler name for the truth."""

    nats: float
    rival: tuple[str, ...]
    simpler: tuple[str, ...] | None


class Predictions:
    """What readings of a case's file predict for some of its patterns, each forward model computed once."""

    def __init__(self, case: Case, sample: NDArray[np.intp]) -> None:
        self._case = case
        self._sample = sample
        self._known: dict[Reading, Real] = {}

    def stored(self, reading: Reading) -> Real:
        """The expected stored patterns of the sample."""
        geometry = tuple(mistake for mistake in reading if mistake.name != "patterns")
        if geometry not in self._known:
            subject = repaired(self._case.stored, geometry, self._case.orders)
            centres = centres_of(subject, geometry, self._case.stated_frame)[self._sample]
            self._known[geometry] = intensities(subject.object, subject.probe, centres)
        return as_stored(self._known[geometry], reading)

    def counts(self, reading: Reading) -> Real:
        """The same in the unit in which the truth counts photons."""
        stored = self.stored(reading)
        return np.square(stored) if "patterns:amplitude" in self._case.slugs else stored


def relative_difference(first: Real, second: Real) -> float:
    """‖√first − √second‖ / ‖√first‖ of two expected counts."""
    amplitude = np.sqrt(first)
    return float(np.linalg.norm(amplitude - np.sqrt(second)) / np.linalg.norm(amplitude))


def divergence_nats(truth: Real, rival: Real, *, free_scale: bool) -> float:
    """Σ μ·log(μ/ν) − μ + ν of Poisson expectations, ν scaled to the energy of μ where the scale is free.

    Both have a dark count of a millionth of the mean, so that no single photon decides everything.
    """
    dark = DARK * truth.mean()
    expected, rival = truth + dark, rival + dark
    if free_scale:
        rival = rival * (expected.sum() / rival.sum())
    return float(np.sum(expected * np.log(expected / rival) - expected + rival))


def rivals(truth: Reading, singles: Sequence[Mistake]) -> Iterator[Reading]:
    """Readings one step from the truth: a mistake more, fewer, or another in its place; of doubles, also any single."""
    bases = {truth, *(truth[:place] + truth[place + 1 :] for place in range(len(truth))), ()}
    seen = {truth}
    for base in sorted(bases, key=len):
        families = {mistake.family for mistake in base}
        extended = [(*base, single) for single in singles if single.family not in families and not _clash(base, single)]
        for reading in (base, *extended):
            if reading not in seen:
                seen.add(reading)
                yield reading


def _clash(base: Reading, single: Mistake) -> bool:
    return single.name in ("frame", "shift") and any(mistake.name in ("frame", "shift") for mistake in base)


def near_numbers(truth: Reading) -> Iterator[Reading]:
    """The truth with one of its numbers a little off."""
    for place, mistake in enumerate(truth):
        if not mistake.numbers:
            continue
        for factor in NEAR_FACTORS:
            numbers = [number * factor for number in mistake.numbers]
            if mistake.name == "shift":
                numbers = [number + 30 * (factor - 1) for number in mistake.numbers]
            other = Mistake(f"{mistake.name}:{','.join(f'{number:.6g}' for number in numbers)}")
            yield (*truth[:place], other, *truth[place + 1 :])


def nearest(case: Case) -> Nearest:
    """The hardest rival of a case's truth."""
    singles = [mistake for slug in (*DISCRETE, *NEAR_NUMBERS) for mistake in variants(slug)]
    few = compare(case, [*rivals(case.mistakes, singles), *near_numbers(case.mistakes)], FEW)
    close = [reading for reading, (nats, same) in few.items() if same or nats < SAFELY_CLEAR]
    many = few | compare(case, close, MANY)
    simpler = [reading for reading, (_, same) in many.items() if same and len(reading) < len(case.mistakes)]
    rated = {reading: nats for reading, (nats, same) in many.items() if not same}
    worst = min(rated, key=rated.__getitem__)
    name = tuple(mistake.slug for mistake in simpler[0]) if simpler else None
    return Nearest(rated[worst], tuple(mistake.slug for mistake in worst), name)


def says_the_same(case: Case, *readings: Reading) -> bool:
    """Whether any of the readings predicts the stored patterns as the truth does."""
    predictions = Predictions(case, _sample(case, PROBED))
    truth = predictions.counts(case.mistakes)
    return any(relative_difference(truth, predictions.counts(reading)) < SAME for reading in readings)


def _sample(case: Case, patterns: int) -> NDArray[np.intp]:
    return np.random.default_rng(case.spec.number).permutation(len(case.experiment.centres))[:patterns]


def compare(case: Case, readings: Sequence[Reading], patterns: int) -> dict[Reading, tuple[float, bool]]:
    """For each reading the lead of the truth over all patterns, and whether the two say the same."""
    total = len(case.experiment.centres)
    sample = _sample(case, patterns)
    predictions = Predictions(case, sample)
    truth = predictions.counts(case.mistakes)
    scale = [mistake.slug for mistake in case.mistakes if mistake.name == "probe-scale"]
    compared = {}
    for reading in readings:
        rival = predictions.counts(reading)
        free = [mistake.slug for mistake in reading if mistake.name == "probe-scale"] == scale
        nats = divergence_nats(truth, rival, free_scale=free) * total / len(sample)
        compared[reading] = nats, relative_difference(truth, rival) < SAME
    return compared
