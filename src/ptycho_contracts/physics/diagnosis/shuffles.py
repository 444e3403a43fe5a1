"""Unknown orders: every pattern assigned to the place of the scan that explains it best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import unit
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
    """The hypothesis with every pattern at its best place; None where many patterns would share a few places."""
    scan = _Scan(bench, found)
    take = np.empty(bench.subject.patterns.count, np.intp)
    for start, stored in _signatures(bench, found):
        take[start : start + len(stored)] = _best_places(scan, stored)
    _give_the_rest(take, bench.subject)
    distinct = len(np.unique(scan.place[take])) / len(np.unique(scan.place))
    if distinct < DISTINCT_SHARE:
        return None
    return _under_its_name(found, scan.place[take], scan.place) or _ordered(found, take)


def _under_its_name(found: Hypothesis, matched: NDArray[np.intp], place: NDArray[np.intp]) -> Hypothesis | None:
    """The same in a named order, where nearly every pattern lies as that order says."""
    count = len(place)
    snakes = (Order("snake", columns, first) for columns in range(2, count // 2 + 1) for first in (0, 1))
    for order in (*named_orders(count), *snakes):
        if np.mean(place[order.rows(count)] == matched) >= NAMED_SHARE:
            return replace(found, geometry=replace(found.geometry, order=order))
    return None


def _give_the_rest(take: NDArray[np.intp], subject: Subject) -> None:
    """Patterns that have no say get the places that the others leave, in order."""
    free = np.setdiff1d(np.arange(len(subject.centred_px), dtype=np.intp), take[subject.judged])
    take[subject.left_out] = free[: len(subject.left_out)]


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


def _best_places(scan: _Scan, stored: NDArray[np.float32]) -> NDArray[np.intp]:
    best: NDArray[np.intp] = np.argmax(unit(stored[:, scan.columns]) @ scan.predicted.T, axis=1)
    return best


def _signatures(bench: Bench, found: Hypothesis) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(first pattern, amplitudes (b, K)) of every pattern."""
    at = found.values.pixels(bench.frequencies, bench.subject.n, found.geometry.object)
    for start, block in read_ahead(bench.subject.patterns.blocks()):
        yield start, to_amplitude(block.reshape(len(block), -1)[:, at], found.values.unit)


def _ordered(found: Hypothesis, take: NDArray[np.intp]) -> Hypothesis:
    return replace(found, geometry=replace(found.geometry, order=Order("shuffled", take=tuple(take.tolist()))))
