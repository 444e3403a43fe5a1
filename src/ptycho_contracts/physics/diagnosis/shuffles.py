"""Unknown orders: every pattern assigned to the place of the scan that explains it best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import surely_better, unit
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis, Order
from ptycho_contracts.physics.diagnosis.refine import QUANTUM_PX, Free, refine
from ptycho_contracts.physics.diagnosis.space import named_orders
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.readings import to_amplitude
from ptycho_contracts.read_ahead import read_ahead

# Predictions of all places stay below this, so that memory does not grow with the scan.
PREDICTED_BYTES = 64 * 2**20
ROUNDS = 2
# Patterns in another order each have a place of their own; of a wrong object many crowd into a few.
DISTINCT_SHARE = 0.9
# At low doses a few patterns are matched to a neighbour's place.
NAMED_SHARE = 0.9


def assigned(bench: Bench, found: Hypothesis, free: Free) -> Hypothesis:
    """The hypothesis with the sampled patterns at their best places, and the numbers that follow from those."""
    for _ in range(ROUNDS):
        best = _best_places(_Scan(bench, found), bench.stored(found.values, found.geometry.object))
        take = np.arange(len(bench.subject.centred_px), dtype=np.intp)
        take[bench.rows] = best
        found = refine(bench, _ordered(found, take), free)
    return found


def match_all(bench: Bench, found: Hypothesis) -> Hypothesis | None:
    """The hypothesis with every pattern at the best place that is left to it; None where many crowd into a few places.

    An order is one-to-one: where two patterns are explained best by one place, it belongs to the better explained, and
    the other gets what nobody claims. A pattern that its own place explains about as well as the best stays there.
    The result may be the order of the file itself: then no order explains what its places do not.
    """
    subject, scan = bench.subject, _Scan(bench, found)
    take = _first_come(subject, scan, *_claims(bench, found, scan))
    homeless = subject.judged[take[subject.judged] < 0]
    if len(homeless) > (1 - DISTINCT_SHARE) * len(subject.judged):
        return None
    free = np.setdiff1d(np.arange(len(subject.centred_px), dtype=np.intp), take)
    if len(homeless):
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - header checks never need it

        stored = scan.unit_of(_amplitudes(bench, found, subject.patterns.take(homeless)))
        rows, columns = linear_sum_assignment(-stored @ scan.predicted[free].T)
        take[homeless[rows]] = free[columns]
    take[subject.left_out] = np.setdiff1d(free, take)[: len(subject.left_out)]
    if np.array_equal(scan.place[take], scan.place):
        return replace(found, geometry=replace(found.geometry, order=Order()))
    return _under_its_name(found, scan.place[take], scan.place) or _ordered(found, take)


def _under_its_name(found: Hypothesis, matched: NDArray[np.intp], place: NDArray[np.intp]) -> Hypothesis | None:
    """The same in a named order, where nearly every pattern lies as that order says."""
    count = len(place)
    snakes = (Order("snake", columns, first) for columns in range(2, count // 2 + 1) for first in (0, 1))
    for order in (*named_orders(count), *snakes):
        if np.mean(place[order.rows(count)] == matched) >= NAMED_SHARE:
            return replace(found, geometry=replace(found.geometry, order=order))
    return None


def _claims(bench: Bench, found: Hypothesis, scan: _Scan) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The place that each pattern claims, its own where that is about as good as the best, and its overlap there."""
    count = bench.subject.patterns.count
    claimed, overlap = np.empty(count, np.intp), np.empty(count, np.float32)
    for start, stored in _signatures(bench, found):
        rows = np.arange(start, start + len(stored), dtype=np.intp)
        likeness = scan.unit_of(stored) @ scan.predicted.T
        best = likeness.argmax(axis=1)
        if not found.geometry.order.name:
            top, own = (likeness[np.arange(len(rows)), at].astype(np.float64) for at in (best, rows))
            best = np.where(surely_better(1 - top**2, 1 - own**2, len(scan.columns)), best, rows)
        claimed[rows], overlap[rows] = scan.place[best], likeness[np.arange(len(rows)), best]
    return claimed, overlap


def _first_come(
    subject: Subject, scan: _Scan, claimed: NDArray[np.intp], overlap: NDArray[np.float32]
) -> NDArray[np.intp]:
    """A position for every pattern whose claim is among the best of its place; −1 for the others."""
    take = np.full(subject.patterns.count, -1, np.intp)
    patterns = subject.judged
    ranked = patterns[np.lexsort((-overlap[patterns], claimed[patterns]))]
    room = np.bincount(scan.place)
    positions = np.argsort(scan.place, kind="stable")
    begins = np.concatenate([[0], np.cumsum(room)[:-1]])
    places = claimed[ranked]
    rank = np.arange(len(ranked)) - np.searchsorted(places, places)
    kept = rank < room[places]
    take[ranked[kept]] = positions[begins[places[kept]] + rank[kept]]
    return take


class _Scan:
    """Predictions (places, k) of every place of the scan, at the brightest `columns` of the bench's frequencies."""

    def __init__(self, bench: Bench, found: Hypothesis) -> None:
        geometry: Geometry = found.geometry
        centres = geometry.place(bench.subject, bench.subject.centred_px)
        count = int(np.clip(PREDICTED_BYTES // (4 * len(centres)), 64, bench.pixels))
        predictor = bench.predictor(geometry.relative)
        mean = predictor.amplitudes(centres[:: max(1, len(centres) // 16)], QUANTUM_PX).mean(axis=0)
        self.columns = np.sort(np.argsort(mean)[-count:])
        step = max(1, PREDICTED_BYTES // (16 * bench.pixels))
        blocks = [
            predictor.amplitudes(centres[k : k + step], QUANTUM_PX)[:, self.columns]
            for k in range(0, len(centres), step)
        ]
        self.predicted = unit(np.concatenate(blocks))
        # Positions of the same place, measured twice, are one.
        _, self.place = np.unique(np.round(centres / QUANTUM_PX).astype(np.int64), axis=0, return_inverse=True)
        self.place = self.place.reshape(-1)

    def unit_of(self, amplitudes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Unit amplitudes (b, columns) of amplitudes (b, K)."""
        return unit(amplitudes[:, self.columns])


def _best_places(scan: _Scan, stored: NDArray[np.float32]) -> NDArray[np.intp]:
    best: NDArray[np.intp] = np.argmax(scan.unit_of(stored) @ scan.predicted.T, axis=1)
    return best


def _signatures(bench: Bench, found: Hypothesis) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(first pattern, amplitudes (b, K)) of every pattern."""
    for start, block in read_ahead(bench.subject.patterns.blocks()):
        yield start, _amplitudes(bench, found, block)


def _amplitudes(bench: Bench, found: Hypothesis, block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Amplitudes (b, K) of stored patterns (b, n, n)."""
    at = found.values.pixels(bench.frequencies, bench.subject.n, found.geometry.object)
    return to_amplitude(block.reshape(len(block), -1)[:, at], found.values.unit)


def _ordered(found: Hypothesis, take: NDArray[np.intp]) -> Hypothesis:
    return replace(found, geometry=replace(found.geometry, order=Order("shuffled", take=tuple(take.tolist()))))
