"""Which way the position axes run against the pattern axes, decided by which reconstruction explains more.

Without an object the eight ways to turn positions against patterns are four: turning all positions by 180° is the same
as conjugating and reversing object and probe, which nobody stored. Positions shuffled on purpose are the control: a
hypothesis that does not beat them has not been tested by the data at all (no overlap, near field, no contrast).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.changes import Change, in_words
from ptycho_contracts.physics.diagnosis.result import Candidate, Diagnosis
from ptycho_contracts.physics.overlap.excerpt import Excerpt, excerpt
from ptycho_contracts.physics.overlap.reconstruct import unexplained
from ptycho_contracts.physics.readings import Patterns, Stored
from ptycho_contracts.physics.spacing import spacing_px
from ptycho_contracts.physics.unusable import NO_SIGNAL

EPOCHS = 24
# Right against wrong differed by 1.8 to 2.5 on measured data; what a wrong model fits by luck stayed below 1.3.
LEAST_RATIO = 1.5
# Standard deviations by which the patterns must agree on who explains them better.
LEAST_T = 6.0
_LEAST_PATTERNS = 12
_TOO_FEW = f"fewer than {_LEAST_PATTERNS} patterns overlap too little"
# Neighbours further apart than this share of a patch leave every pattern an object of its own.
_MOST_STEP = 0.5

# The four classes: how stored positions (y, x) become those that belong to the patterns.
CLASSES: dict[str, tuple[tuple[str, ...], NDArray[np.float64]]] = {
    "as stated": ((), np.array([[1.0, 0], [0, 1]])),
    "one axis negated": (("negated-y",), np.array([[-1.0, 0], [0, 1]])),
    "swapped": (("swapped-axes",), np.array([[0.0, 1], [1, 0]])),
    "swapped, one negated": (("swapped-axes", "negated-y"), np.array([[0.0, 1], [-1, 0]])),
}
_OPEN = (
    "both axes negated together: the same as a conjugated and reversed object, which nobody stored",
    "an axis turned in the positions or in the patterns: without an object they are one and the same",
    "the frame and the pixel size (a wrong size changes a reconstruction more than how well it explains)",
    "amplitudes or intensities",
)


Progress = Callable[[int, int], None]
_CONTROL = "shuffled on purpose"


@dataclass(frozen=True)
class _Trial:
    """Shares left unexplained from one start: of each class, and of the shuffled control."""

    left: Mapping[str, NDArray[np.float64]]
    control: NDArray[np.float64]


def diagnose_overlap(
    patterns: Patterns,
    centre_px: NDArray[np.float64],
    stored: Stored = "intensity",
    probe: NDArray[np.complexfloating] | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Which turn of the positions the overlap of neighbouring patterns proves.

    Args:
        patterns: As stored, square.
        centre_px: (n, 2) positions (y, x) in object pixels, from any origin.
        stored: What the file states its values to be.
        probe: (M, n, n) where one is stored; its first mode is the first start of the reconstructions.
        progress: Called with (reconstructions done, all).
    """
    told = Diagnosis(verdict="cannot tell", method="overlap", patterns=patterns.count)
    if patterns.count < _LEAST_PATTERNS:
        return told.model_copy(update={"undecided": (_TOO_FEW,)})
    part = excerpt(patterns, centre_px, stored)
    told = told.model_copy(update={"notes": part.notes})
    hindrance = _hindrance(part)
    if hindrance is not None:
        return told.model_copy(update={"undecided": (hindrance,)})
    starts = _starts(part, probe)
    for index, start in enumerate(starts):
        trial = _tried(part, start, _further(progress, index, len(starts)))
        told = _judged(trial, part.corner, told)
        if told.verdict != "cannot tell":
            break
    return told


def _hindrance(part: Excerpt) -> str | None:
    """Why nothing can be told from these patterns, or None."""
    if len(part.amplitudes) < _LEAST_PATTERNS:
        return _TOO_FEW
    if not np.isfinite(part.positions_px).all() or np.ptp(part.positions_px, axis=0).max() <= 0:
        return "the positions are not finite, or all the same"
    if part.amplitudes.max() <= 0:
        return NO_SIGNAL
    spacing = spacing_px(part.positions_px)
    if spacing > _MOST_STEP * part.n:
        apart = f"{spacing:.0f} of {part.n} px apart"
        return f"neighbouring patches overlap too little at this pixel size: {apart}"
    return None


def _further(progress: Progress | None, index: int, starts: int) -> Callable[[int], None]:
    """Counts the reconstructions of one start among those of all."""
    each = len(CLASSES) + 1
    return lambda done: None if progress is None else progress(index * each + done, starts * each)


def _tried(part: Excerpt, start: NDArray[np.complex64], step: Callable[[int], None]) -> _Trial:
    left = {}
    for done, name in enumerate((*CLASSES, _CONTROL), 1):
        left[name] = _left(part, name, start)
        step(done)
    return _Trial({name: left[name] for name in CLASSES}, left[_CONTROL])


def _left(part: Excerpt, name: str, start: NDArray[np.complex64]) -> NDArray[np.float64]:
    positions = part.positions_px
    if name == _CONTROL:
        moved = positions[np.random.default_rng(1).permutation(len(positions))]
    else:
        moved = positions @ CLASSES[name][1].T
    corners = np.round(moved - moved.min(axis=0)).astype(np.intp)
    return unexplained(part.amplitudes, corners, start, EPOCHS)


def _starts(part: Excerpt, probe: NDArray[np.complexfloating] | None) -> list[NDArray[np.complex64]]:
    """Probes to start from: the stored one, a spot as wide as overlap needs, the focus of the mean pattern."""
    n = part.n
    focus = np.fft.fftshift(np.fft.ifft2(np.sqrt(np.square(part.amplitudes, dtype=np.float64).mean(axis=0))))
    line = np.arange(n) - (n - 1) / 2
    width = float(np.clip(1.5 * spacing_px(part.positions_px), n / 12, n / 5))
    spot = np.exp(-(line[:, None] ** 2 + line[None, :] ** 2) / (2 * width**2)).astype(np.complex128)
    found = [spot, focus]
    if probe is not None and np.abs(probe[0]).max() > 0:
        found.insert(0, _coarser(probe[0], n))
    energy = float(np.square(part.amplitudes, dtype=np.float64).sum(axis=(1, 2)).mean())
    return [_scaled(start, energy) for start in found]


def _coarser(probe: NDArray[np.complexfloating], side: int) -> NDArray[np.complex128]:
    """The probe with the low frequencies only, on the coarser pixels of the excerpt."""
    n = probe.shape[-1]
    low = n // 2 - side // 2
    spectrum = np.fft.fftshift(np.fft.fft2(probe))[low : low + side, low : low + side]
    coarse: NDArray[np.complex128] = np.fft.ifft2(np.fft.ifftshift(spectrum))
    return coarse


def _scaled(probe: NDArray[np.complex128], energy: float) -> NDArray[np.complex64]:
    """In the scale in which a transparent object explains the mean energy of a pattern."""
    factor = np.sqrt(energy / (np.square(np.abs(probe)).sum() * probe.size))
    scaled: NDArray[np.complex64] = (probe * factor).astype(np.complex64)
    return scaled


def _judged(trial: _Trial, corner: bool, told: Diagnosis) -> Diagnosis:
    """What the trial of one start adds to what is told already."""
    order = sorted(CLASSES, key=lambda name: float(np.median(trial.left[name])))
    best, second = order[0], order[1]
    ranked = tuple(_candidate(name, trial, best, corner) for name in order)
    listed = sorted(CLASSES, key=lambda name: float(trial.left[name].mean()))
    # Where nothing is told the table is by what it shows, the mean.
    told = told.model_copy(update={"ranked": tuple(_candidate(name, trial, listed[0], corner) for name in listed)})
    if not _clear(trial.left[best], trial.control):
        reason = (
            "no turn of the positions explains the patterns better than positions shuffled on purpose: no overlap, "
            "another order, near field, or no contrast"
        )
        return told.model_copy(update={"undecided": (reason,)})
    if not _clear(trial.left[best], trial.left[second]):
        reason = f"{best!r} and {second!r} explain the patterns equally well"
        return told.model_copy(update={"undecided": (reason, *_OPEN)})
    verdict = "mistaken" if ranked[0].changes else "as stated"
    return told.model_copy(update={"verdict": verdict, "undecided": _OPEN, "ranked": ranked})


def _candidate(name: str, trial: _Trial, best: str, corner: bool) -> Candidate:
    slugs = (*CLASSES[name][0], *(("patterns:corner",) if corner else ()))
    mine, theirs = trial.left[name], trial.control
    return Candidate(
        changes=slugs,
        meaning=in_words(Change.parse(slug) for slug in slugs),
        mean_residual=float(mine.mean()),
        behind_best_t=0.0 if name == best else _t(trial.left[best], mine),
        agree=int((mine * LEAST_RATIO < theirs).sum()),
        contradict=int((mine > theirs * LEAST_RATIO).sum()),
        sampled=len(mine),
    )


def _clear(mine: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return float(np.median(other)) > LEAST_RATIO * float(np.median(mine)) and _t(mine, other) > LEAST_T


def _t(mine: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Student's t of the patterns' log ratios: how consistently `mine` leaves less unexplained."""
    ratio = np.log(np.maximum(other, 1e-12) / np.maximum(mine, 1e-12))
    return float(ratio.mean() / max(ratio.std(ddof=1), 1e-6) * np.sqrt(len(ratio)))
