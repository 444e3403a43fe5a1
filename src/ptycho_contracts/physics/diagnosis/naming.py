"""From numbers to names: the frames, pixel sizes and shifts that say what a descent has found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis
from ptycho_contracts.physics.diagnosis.refine import Free, refine
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.diagnosis.turns import AS_IT_IS

# A name is tried where it puts the scan this near to what was found.
NEAR_PX = 1.25
# Factors nearer to 1 than this are no mistake that anybody made.
LEAST_SCALE_ERROR = 0.003
# Nor shifts below this: positions, interpolation and the centre of a probe are hardly known better.
LEAST_SHIFT_PX = 0.1


def named(bench: Bench, found: Hypothesis) -> list[Hypothesis]:
    """What `found` (with numbers of a descent in it) may be called, each with the best numbers of its own.

    Frames as they are, frames with a pixel size, and a shift without and with a pixel size.
    """
    subject = bench.subject
    names: list[Hypothesis] = []
    for frame in _framed(subject, found.geometry):
        for scale in _scales(_scale_for(subject, frame, found.geometry)):
            geometry = replace(frame, scale=scale)
            if _apart_px(subject, geometry, found.geometry) > NEAR_PX:
                continue
            hypothesis = replace(found, geometry=geometry)
            names.append(hypothesis if scale == 1.0 else refine(bench, hypothesis, Free(True, False), near=True))
    names.extend(_shifted(bench, found))
    return [n for n in names if _numbers_count(n.geometry)]


def _numbers_count(geometry: Geometry) -> bool:
    """Whether the numbers that a geometry names are ones that anybody could have got wrong."""
    off_px = max(map(abs, geometry.shift))
    return (geometry.scale == 1.0 or abs(geometry.scale - 1) >= LEAST_SCALE_ERROR) and (
        off_px == 0.0 or off_px >= LEAST_SHIFT_PX
    )


def _scales(found: float) -> tuple[float, ...]:
    return (1.0, found) if abs(found - 1) >= LEAST_SCALE_ERROR else (1.0,)


def _framed(subject: Subject, geometry: Geometry) -> Iterator[Geometry]:
    """The geometry in every frame, the stated one first, without numbers."""
    plain = replace(geometry, frame="", frame_first=False, scale=1.0, shift=(0.0, 0.0))
    yield plain
    for frame in subject.frames:
        if frame != subject.frame:
            yield replace(plain, frame=frame)
            if geometry.turn != AS_IT_IS:
                yield replace(plain, frame=frame, frame_first=True)


def _shifted(bench: Bench, found: Hypothesis) -> Iterator[Hypothesis]:
    plain = next(_framed(bench.subject, found.geometry))
    for scale in _scales(found.geometry.scale):
        geometry = replace(plain, scale=scale)
        off = _middle(bench.subject, found.geometry) - _middle(bench.subject, geometry)
        geometry = geometry.moved(off)
        if _apart_px(bench.subject, geometry, found.geometry) <= NEAR_PX:
            yield refine(bench, replace(found, geometry=geometry), Free(scale != 1.0, True), near=True)


def _scale_for(subject: Subject, frame: Geometry, found: Geometry) -> float:
    """The pixel-size factor with which a frame comes nearest to what was found."""
    matrix, offset = frame.affine(subject)
    own = subject.centred_px @ matrix.T
    wanted = found.place(subject, subject.centred_px) - offset
    norm = float(np.sum(own**2))
    return float(np.sum(own * wanted) / norm) if norm > 0 and subject.pixels_known else 1.0


def _apart_px(subject: Subject, a: Geometry, b: Geometry) -> float:
    """How far apart two geometries put the scan's patterns, at most."""
    apart = a.place(subject, subject.centred_px) - b.place(subject, subject.centred_px)
    return float(np.abs(apart).max())


def _middle(subject: Subject, geometry: Geometry) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = geometry.place(subject, subject.centred_px).mean(axis=0)
    return middle
