"""Measured and predicted patterns beside each other, as one hypothesis reads the file; for pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis, relative_probe
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.diagnosis.turned import Turned
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import to_amplitude


@dataclass(frozen=True)
class SideBySide:
    """Some patterns as one hypothesis reads the file, zero frequency at n/2, as the stored object predicts them.

    Attributes:
        measured: (k, n, n) float32 amplitudes.
        predicted: (k, n, n) float32 amplitudes, scaled to what is measured.
        residual: (k,) share of the measured energy that is left unexplained.
    """

    measured: NDArray[np.float32]
    predicted: NDArray[np.float32]
    residual: NDArray[np.float64]


def side_by_side(subject: Subject, read: Hypothesis, rows: NDArray[np.intp]) -> SideBySide:
    """Patterns at these ascending numbers, and what `read` predicts for them."""
    geometry = read.geometry
    model = ForwardModel(subject.object[None], relative_probe(subject.probe, geometry.relative))
    places = Places(np.zeros(len(rows), np.intp), geometry.centres_px(subject, rows))
    predicted = model.amplitudes(places)
    turned = Turned(subject, read)
    measured = to_amplitude(turned.take(rows), read.values.unit)
    overlap, power, energy = (
        np.einsum("kij,kij->k", a, b, dtype=np.float64)
        for a, b in ((measured, predicted), (predicted, predicted), (measured, measured))
    )
    scale = np.divide(overlap, power, out=np.zeros_like(overlap), where=power > 0)
    scaled = (predicted * scale[:, None, None]).astype(np.float32)
    left = 1 - np.divide(overlap * scale, energy, out=np.zeros_like(overlap), where=energy > 0)
    return SideBySide(measured, scaled, left)
