"""Which reading of a file explains its patterns: tested on a sample, confirmed on every pattern.

The sample discriminates between readings: each one's predictions compete with those of the others and with
places from the whole scan. The confirmation is O(n): one prediction for each place, kept as a signature of its
brightest detector pixels, and each pattern compared with its own place, the nearest others, the same place in
the other objects, and a few places drawn at random; a pattern that loses is compared with every place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.confirmation import Progress, confirm
from ptycho_contracts.physics.evidence import Confirmation, Evidence, SampleEvidence
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.readings import Patterns, Reading, different_readings
from ptycho_contracts.physics.sampling import best_of, choose, compete
from ptycho_contracts.physics.shift import common_shift
from ptycho_contracts.physics.signatures import bright_pixels


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
    sample equally), `fits none` (each reading is contradicted), `shifted` (all positions are off by the same
    amount, which no reading says), `not confirmed` (the best reading of the sample is contradicted by others).

    Args:
        model: Predicts in the objects and the probe of the file.
        patterns: As stored.
        readings: The hypotheses; the first is the file's own statement. Equal ones are tested once.
        progress: Called with (patterns confirmed, all patterns).
    """
    readings = different_readings(readings)
    pixels = bright_pixels(model, [reading.places for reading in readings])
    sample = compete(model, patterns, readings, pixels)
    verdict, chosen = choose(readings, sample)
    if verdict != "cannot tell":
        near = chosen or readings[best_of(sample)]
        shift = common_shift(model, patterns, near, pixels)
        if shift is not None:
            shifted = _evidence("shifted", near, pixels, sample).model_copy(update={"shift_px": shift})
            return Established(None, shifted)
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
