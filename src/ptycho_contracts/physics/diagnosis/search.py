"""The first look: which hypotheses are worth refining."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.atlas import Atlas, Chart
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis, Op, Order
from ptycho_contracts.physics.diagnosis.space import MOST_MISTAKES, OBJECTS, PROBES, by_unit, placements, without_equals
from ptycho_contracts.physics.diagnosis.turns import AS_IT_IS, TURNS

LEAST_SCALE, MOST_SCALE = 0.4, 2.5
MOST_SCALES = 400
MOST_SHIFT_PX = 20
# All that is kept is so many of each unit. Of every list of competing numbers:
KEPT_EACH = 3
# Turned patterns look alike in the mean, but not all of them.
KEPT_VALUES = 14
# Near the statement, where the rest of a search would only be slow.
KEPT_NEAR = 4
QUANTUM_PX = 0.5

_Scored = tuple[float, Hypothesis]


@dataclass(frozen=True)
class Found:
    """The survivors of each unit, best first: those of a known order, and those of none.

    An unknown order can always explain more than a known one, so the two are compared later.
    """

    ordered: list[Hypothesis]
    permuted: list[Hypothesis]


def search(bench: Bench, kept: int, kept_permuted: int) -> Found:
    """Every hypothesis of few mistakes, looked up where each sampled pattern can lie.

    Args:
        bench: The sample.
        kept: Survivors of a known order, of each unit.
        kept_permuted: Of an unknown one, likewise.
    """
    ordered: list[_Scored] = []
    permuted: list[_Scored] = []
    charts: dict[Op, Chart] = {}
    for object_, probe in product(OBJECTS, PROBES):
        plain = Geometry(object_, probe)
        if len(plain.changes) >= MOST_MISTAKES:
            ordered.extend(_predicted(bench, plain))
            continue
        if plain.relative not in charts:
            charts[plain.relative] = Chart(bench.subject, plain.relative, bench.frequencies)
        atlas = charts[plain.relative].atlas(bench, plain, KEPT_VALUES)
        for geometry in placements(bench.subject, plain, MOST_MISTAKES):
            looked = _LookUp(bench, atlas, geometry)
            ordered.extend(looked.ordered())
            permuted.extend(looked.permuted())
    return Found(_survivors(bench, ordered, kept), _survivors(bench, permuted, kept_permuted))


def near_statement(bench: Bench) -> Found:
    """The file's own statement and everything that differs from it by one mistake without a number."""
    scored: list[_Scored] = []
    for object_, probe in product(OBJECTS, PROBES):
        plain = Geometry(object_, probe)
        if len(plain.changes) <= 1:
            scored.extend(_predicted(bench, plain))
    turned = [Geometry(turn=turn) for turn in TURNS.values() if turn != AS_IT_IS]
    scored.extend(s for geometry in turned for s in _predicted(bench, geometry))
    return Found(_survivors(bench, scored, KEPT_NEAR), [])


def _survivors(bench: Bench, scored: list[_Scored], kept: int) -> list[Hypothesis]:
    """So many of each unit, best first; of one state of object, probe, axes, order and values the best numbers only."""
    best: dict[tuple[object, ...], Hypothesis] = {}
    for found in without_equals(scored, bench.subject.stored):
        hypothesis = found.simplified(bench.subject.n)
        geometry = hypothesis.geometry
        state = (geometry.object, geometry.probe, geometry.turn, geometry.order, hypothesis.values)
        best.setdefault(state, hypothesis)
    ranked = list(best.values())
    return [ranked[k] for among in by_unit([h.values for h in ranked]) for k in among[:kept]]


def _predicted(bench: Bench, plain: Geometry) -> list[_Scored]:
    """One geometry with everything that the values may be."""
    mean = bench.residuals([plain], bench.values, QUANTUM_PX).mean(axis=2)[0]
    return [
        (float(mean[k]), Hypothesis(plain, bench.values[k]))
        for among in by_unit(bench.values)
        for k in among[np.argsort(mean[among])[:KEPT_EACH]].tolist()
    ]


class _LookUp:
    """One placement as it is, and under as many numbers as the count of its mistakes leaves room for."""

    def __init__(self, bench: Bench, atlas: Atlas, base: Geometry) -> None:
        self._atlas = atlas
        self._base = base
        self._numbers = MOST_MISTAKES - len(base.changes)
        self._matrix, self._offset = base.affine(bench.subject)
        stored = bench.subject.centred_px
        self._own = stored[base.order.rows(len(stored))[bench.rows]] @ self._matrix.T
        self._every = stored @ self._matrix.T
        self._scales = self._dense_scales() if bench.subject.pixels_known else np.ones(1)
        line = np.arange(-MOST_SHIFT_PX, MOST_SHIFT_PX + 1, max(2, atlas.step))
        self._shifts = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float64)

    def _dense_scales(self) -> NDArray[np.float64]:
        """Pixel-size factors under which the outermost position moves by about a pixel and a half."""
        reach = float(np.abs(self._every).max())
        step = max(1.5, self._atlas.step)
        count = int(np.clip(np.log(MOST_SCALE / LEAST_SCALE) * reach / step, 8, MOST_SCALES))
        return np.geomspace(LEAST_SCALE, MOST_SCALE, count)

    def ordered(self) -> Iterator[_Scored]:
        """The base, its best pixel sizes and shifts."""
        none = np.zeros((1, 2))
        yield from self._least([(1.0, none)])
        if self._numbers > 0:
            yield from self._least([(s, none) for s in self._scales])
            yield from self._least([(1.0, self._shifts)])
        if self._numbers > 1:
            yield from self._least([(s, self._shifts) for s in self._scales])

    def _least(self, scans: list[tuple[float, NDArray[np.float64]]]) -> Iterator[_Scored]:
        mean = np.stack([self._mean_residuals(scale, shifts) for scale, shifts in scans])
        for among in by_unit(self._atlas.values):
            left = mean[:, :, among]
            for index in np.argsort(left, axis=None)[:KEPT_EACH].tolist():
                k, shift, value = np.unravel_index(index, left.shape)
                scale, shifts = scans[k]
                yield float(left.flat[index]), self._hypothesis(scale, shifts[shift], int(among[value]))

    def _mean_residuals(self, scale: float, shifts: NDArray[np.float64]) -> NDArray[np.float32]:
        """(shift, V) means over the sample."""
        places = scale * self._own + self._offset + shifts[:, None, :]
        found: NDArray[np.float32] = self._atlas.look_up(places).mean(axis=1)
        return found

    def permuted(self) -> Iterator[_Scored]:
        """The same where each pattern may be of any place of the scan."""
        if self._base.order.name or self._numbers < 1:
            return
        none = np.zeros(2)
        yield from self._least_permuted([(1.0, none)])
        if self._numbers > 1:
            yield from self._least_permuted([(s, none) for s in self._scales])
            yield from self._least_permuted([(1.0, shift) for shift in self._shifts])

    def _least_permuted(self, scans: list[tuple[float, NDArray[np.float64]]]) -> Iterator[_Scored]:
        mean = np.stack(
            [self._atlas.best_of(scale * self._every + self._offset + shift).mean(axis=0) for scale, shift in scans]
        )
        for among in by_unit(self._atlas.values):
            left = mean[:, among]
            k, value = divmod(int(left.argmin()), len(among))
            scale, shift = scans[k]
            found = self._hypothesis(scale, shift, int(among[value]))
            order = replace(found.geometry, order=Order("shuffled"))
            yield float(left[k, value]), replace(found, geometry=order)

    def _hypothesis(self, scale: float, moved: NDArray[np.float64], value: int) -> Hypothesis:
        geometry = replace(self._base, scale=float(scale)).moved(moved)
        return Hypothesis(geometry, self._atlas.values[value])
