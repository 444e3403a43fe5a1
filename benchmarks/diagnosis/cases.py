"""Cases whose right answer is beyond doubt: drawn again and again until the truth is clear, or clearly hidden."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .generator import Case, Tuning, draw_case
from .identifiable import CLEAR_NATS, HOPELESS_NATS, MANY, Reading, compare, nearest, says_the_same
from .mistakes import Mistake
from .optics import NAMED_FRAMES
from .plan import UNDECIDABLE, Spec

MOST_ATTEMPTS = 100
HIDDEN_NATS = 0.5  # what is aimed at where nothing shall decide
TUNING_STEPS = 3  # the lead grows with the square of a contrast only while that is small
FLAT_RIVALS = tuple(Mistake(slug) for slug in ("order:reversed", "order:shuffled"))
WEAK_RIVALS = tuple(Mistake(f"frame:{name}") for name in NAMED_FRAMES)
FAINT = (0.04, 0.12)  # contrast of low-dose cases: of a strong object, a hundred photons say where it lies
FEW_COUNTS = (300.0, 1500.0)  # of near-symmetric cases: so few that their asymmetry is more than rounding


class Prepared(NamedTuple):
    """A case, whether its truth can be told, by how many nats and from which rival."""

    case: Case
    identifiable: bool
    nats: float
    rival: tuple[str, ...]
    attempts: int


class NoClearCaseError(RuntimeError):
    """No attempt gave a case with a clear right answer."""


def prepare(seed: int, spec: Spec) -> Prepared:
    """The first clear case of a specification; the same for the same seed.

    Raises:
        NoClearCaseError: none of 100 attempts was clear.
    """
    for attempt in range(MOST_ATTEMPTS):
        found = _hidden(seed, spec, attempt) if spec.group in UNDECIDABLE else _clear(seed, spec, attempt)
        if found is not None:
            return found
    raise NoClearCaseError(f"file {spec.number} ({spec.group}, {spec.wanted})")


def _clear(seed: int, spec: Spec, attempt: int) -> Prepared | None:
    case = draw_case(seed, spec, attempt)
    hardest = nearest(case)
    if hardest.simpler is not None or hardest.nats < CLEAR_NATS:
        return None
    return Prepared(case, True, hardest.nats, hardest.rival, attempt + 1)


def _hidden(seed: int, spec: Spec, attempt: int) -> Prepared | None:
    """A case in which what would decide is tuned below what the counts can show."""
    if spec.group == "near field":
        return Prepared(draw_case(seed, spec, attempt), False, 0.0, ("another model",), attempt + 1)
    trial = _tuning(seed, spec, attempt)
    for _ in range(TUNING_STEPS if trial.contrast else 0):
        lead = max(_leads(draw_case(seed, spec, attempt, trial), spec).values())
        if spec.group == "low dose":
            trial = trial._replace(dose=(trial.dose or 1.0) * HIDDEN_NATS / lead)
        else:
            trial = trial._replace(contrast=trial.contrast * float(np.sqrt(HIDDEN_NATS / lead)))
    return _verdict(draw_case(seed, spec, attempt, trial), spec, attempt)


def _tuning(seed: int, spec: Spec, attempt: int) -> Tuning:
    rng = np.random.default_rng([seed, spec.number, attempt, 1])
    if spec.group == "low dose":
        return Tuning(dose=1000.0, flatten=True, contrast=float(rng.uniform(*FAINT)))
    if spec.group == "flat object":
        return Tuning(flatten=True, contrast=0.02 * (spec.number % 2))
    mirror = Mistake(spec.wanted[0][0])
    dose = float(rng.uniform(*FEW_COUNTS))
    return Tuning(dose=dose, symmetric_under=mirror, contrast=0.02, corrupted=spec.number % 2 == 0)


def _leads(case: Case, spec: Spec) -> dict[Reading, float]:
    """How far the truth leads each reading that shall not be told from it, over all patterns; other names left out."""
    compared = compare(case, _rivals(case, spec), MANY)
    if spec.group != "low dose":
        return {reading: nats for reading, (nats, _) in compared.items()}  # what is flat or symmetric is meant to agree
    return {reading: nats for reading, (nats, same) in compared.items() if not same}  # two frames may have one origin


def _rivals(case: Case, spec: Spec) -> list[Reading]:
    """The readings that a file of this group is made to hide the truth among."""
    if spec.group == "near symmetric":
        return [()] if case.mistakes else [(Mistake(spec.wanted[0][0]),)]
    if spec.group == "flat object":
        return [reading for reading in ((), *((rival,) for rival in FLAT_RIVALS)) if reading != case.mistakes]
    return [(rival, *case.mistakes) for rival in WEAK_RIVALS if rival.argument != case.stated_frame]


def _verdict(case: Case, spec: Spec, attempt: int) -> Prepared | None:
    leads = _leads(case, spec)
    hardest = min(leads, key=leads.__getitem__)
    if max(leads.values()) > HOPELESS_NATS or (spec.group == "near symmetric" and says_the_same(case, hardest)):
        return None
    return Prepared(case, False, leads[hardest], tuple(mistake.slug for mistake in hardest), attempt + 1)
