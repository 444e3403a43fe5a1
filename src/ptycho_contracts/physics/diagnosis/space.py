"""The hypotheses: what is tried for object, probe, axes, orders, frames and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis, Op, Order, Values
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.diagnosis.turns import (
    AS_IT_IS,
    FLIPPED_X,
    FLIPPED_Y,
    ROTATED_180,
    TRANSPOSED,
    TURNS,
)
from ptycho_contracts.physics.readings import Stored

# Origins nearer than this to the stated one are found by refining it.
NEAR_PX = 1.5
MOST_MISTAKES = 2
OBJECTS = (
    Op(),
    Op(AS_IT_IS, conjugated=True),
    Op(TRANSPOSED),
    Op(FLIPPED_Y),
    Op(FLIPPED_X),
    Op(ROTATED_180),
)
PROBES = (Op(), Op(TRANSPOSED), Op(AS_IT_IS, conjugated=True))
UNITS: tuple[Stored, Stored] = ("intensity", "amplitude")


def all_values(n: int) -> list[Values]:
    """Everything that the stored patterns of (n, n) may be."""
    found: dict[tuple[object, ...], Values] = {}
    for corner, turn, about, unit in product((False, True), TURNS.values(), (False, True), UNITS):
        values = Values(unit, turn, about, corner)
        found.setdefault((unit, turn, values.zero(n), corner), values)
    return list(found.values())


def by_unit(values: Sequence[Values]) -> list[NDArray[np.intp]]:
    """Which of the values are of each unit: residuals of different units cannot be ranked against each other."""
    found = [np.array([k for k, v in enumerate(values) if v.unit == unit], np.intp) for unit in UNITS]
    return [among for among in found if len(among)]


def named_orders(count: int) -> list[Order]:
    """The orders that so many patterns can have, without those that only a comparison of all with all finds."""
    columns = [c for c in range(2, count // 2 + 1) if count % c == 0]
    rasters = [Order("columns-first", c) for c in columns]
    return [Order("reversed"), *rasters, *(Order("snake", c, first) for c in columns for first in (1, 0))]


def far_frames(subject: Subject) -> list[str]:
    """Frames whose origin lies further from the stated one than a refinement looks."""
    stated = subject.origin_px(subject.frame, subject.canvas)
    return [f for f in subject.frames if np.abs(subject.origin_px(f, subject.canvas) - stated).max() > NEAR_PX]


def placements(subject: Subject, plain: Geometry, most: int) -> Iterator[Geometry]:
    """What the positions may be beside pixel sizes, shifts and shuffles, in at most so many mistakes.

    Args:
        subject: What is diagnosed.
        plain: The state of object and probe.
        most: Mistakes of object and probe included.
    """
    frames = ["", *far_frames(subject)]
    orders = [Order(), *named_orders(len(subject.centred_px))]
    for turn in TURNS.values():
        turned = replace(plain, turn=turn)
        left = most - len(turned.changes)
        for order, frame in product(orders if left > 0 else orders[:1], frames if left > 0 else frames[:1]):
            if bool(order.name) + bool(frame) > left:
                continue
            yield replace(turned, order=order, frame=frame)
            if frame and turn != AS_IT_IS:
                yield replace(turned, order=order, frame=frame, frame_first=True)


def without_equals(found: list[tuple[float, Hypothesis]], stated: Stored) -> list[Hypothesis]:
    """Best first; of those that leave the same unexplained, the one with fewest mistakes and fewest numbers."""

    def rank(scored: tuple[float, Hypothesis]) -> tuple[float, int, int]:
        residual, hypothesis = scored
        return round(residual, 6), len(hypothesis.changes(stated)), hypothesis.numbers

    ranked = sorted(found, key=rank)
    kept: dict[float, Hypothesis] = {}
    for residual, hypothesis in ranked:
        kept.setdefault(round(residual, 6), hypothesis)
    return list(kept.values())
