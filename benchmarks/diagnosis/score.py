"""Whether an answer is right: by name, or because it says the same of every pattern with no more mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import Any, NamedTuple

from .cases import Prepared
from .generator import Case
from .identifiable import says_the_same
from .mistakes import Mistake, UnknownMistakeError, beside, variants

TOLERANCES = {"pixel-size": 0.01, "probe-scale": 0.05}  # relative
SHIFT_TOLERANCE_PX = 0.3
MOST_CHANGES = 3
ABSTAINED = ("cannot tell", "unexplained")


class Judgement(NamedTuple):
    """Right or not, what was answered in words, and how the verdict came about."""

    right: bool
    answer: str
    reason: str


def label(slugs: Sequence[str]) -> str:
    """Mistakes in words, in one order whatever order they came in."""
    return " + ".join(sorted(slugs)) or "as stated"


def judge(prepared: Prepared, answer: Mapping[str, Any]) -> Judgement:
    """The judgement of a diagnosis (as JSON) of a prepared case."""
    verdict = str(answer["verdict"])
    case = prepared.case
    if verdict in ABSTAINED:
        allowed = ABSTAINED if case.spec.group == "near field" else ABSTAINED[:1]
        right = not prepared.identifiable and verdict in allowed
        return Judgement(right, verdict, "abstained")
    slugs = [] if verdict == "as stated" else [str(slug) for slug in answer["ranked"][0]["changes"]]
    if not prepared.identifiable:
        return Judgement(False, label(slugs), "committed where nothing decides")
    right, reason = _names_truth(case, slugs)
    return Judgement(right, label(slugs), reason)


def _names_truth(case: Case, slugs: Sequence[str]) -> tuple[bool, str]:
    spellings = (*case.slugs, *_shifts_in_other_orders(case.mistakes))
    snapped = [_snapped(slug, spellings) for slug in slugs]
    if sorted(snapped) == sorted(case.slugs):
        return True, "names the truth"
    if len(slugs) > min(len(case.slugs), MOST_CHANGES):
        return False, "more mistakes than the truth"
    try:
        same = _another_name(case, snapped)
    except UnknownMistakeError as error:
        return False, f"no such mistake: {error}"
    return same, "another name for the truth" if same else "another reading"


def _shifts_in_other_orders(mistakes: Sequence[Mistake]) -> Iterator[str]:
    """The truth's shifts as they read when they come after the other mistakes instead of before, or the reverse.

    Which came first nobody can tell. Whether the answer names the same others its predictions will show.
    """
    for shift in (mistake for mistake in mistakes if mistake.name == "shift"):
        for other in mistakes:
            yield from (told.slug for told in beside(shift, other))


def _snapped(slug: str, truth: Sequence[str]) -> str:
    """The truth's own spelling of a number that is within tolerance of it."""
    return next((own for own in truth if _within_tolerance(slug, own)), slug)


def _within_tolerance(slug: str, truth: str) -> bool:
    said, true = Mistake(slug), Mistake(truth)
    try:
        pairs = list(zip(said.numbers, true.numbers, strict=True))
    except ValueError:
        return False
    if said.name != true.name or not pairs:
        return slug == truth
    if said.name == "shift":
        return math.dist(said.numbers, true.numbers) <= SHIFT_TOLERANCE_PX
    return abs(pairs[0][0] / pairs[0][1] - 1) <= TOLERANCES[said.name]


def _another_name(case: Case, slugs: Sequence[str]) -> bool:
    """Whether the changes, in any variant and order of making, predict the stored patterns as the truth does.

    Raises:
        UnknownMistakeError: a slug is not in the vocabulary.
    """
    return says_the_same(case, *_readings(slugs))


def _readings(slugs: Sequence[str]) -> Iterator[tuple[Mistake, ...]]:
    for choice in product(*(variants(slug) for slug in slugs)):
        yield from permutations(choice)
