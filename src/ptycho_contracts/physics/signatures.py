"""Signatures: the detector pixels by which predictions and patterns are compared, and which patterns are sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import unit
from ptycho_contracts.physics.forward import ForwardModel, Places, before_shift
from ptycho_contracts.physics.readings import Reading, to_amplitude

# Signatures of all places stay below this, so that memory does not grow with the scan.
SIGNATURE_BYTES = 64 * 2**20
MAX_PIXELS = 2048
MIN_PIXELS = 256


def bright_pixels(model: ForwardModel, places: list[Places]) -> NDArray[np.intp]:
    """The detector pixels where the model predicts most signal, as flat indices; the rest is mostly noise."""
    most = max(len(p) for p in places)
    budget = SIGNATURE_BYTES // (4 * max(1, most))
    count = int(np.clip(model.n**2 // 4, MIN_PIXELS, min(MAX_PIXELS, max(MIN_PIXELS, budget))))
    rows = spread(len(places[0]), 16)
    mean = model.amplitudes(places[0].take(rows)).astype(np.float64).mean(axis=0).reshape(-1)
    return np.sort(np.argsort(mean, kind="stable")[-min(count, mean.size) :])


def stored_signatures(block: NDArray[np.float32], pixels: NDArray[np.intp], reading: Reading) -> NDArray[np.float32]:
    """Unit amplitudes (b, len(pixels)) of stored patterns (b, n, n), as a reading understands them."""
    at = before_shift(pixels, block.shape[-1]) if reading.corner else pixels
    return unit(to_amplitude(block.reshape(len(block), -1)[:, at], reading.stored))


def spread(count: int, wanted: int) -> NDArray[np.intp]:
    """At most `wanted` numbers below `count`, evenly from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.intp))
