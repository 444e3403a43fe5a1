"""The diagnosis: which mistakes explain the patterns of a file that holds object and probe.

1. *As stated?* The file's own statement competes with what differs from it by one mistake. Where it stands, that is
   all.
2. *Search.* Every hypothesis of at most two mistakes is looked up in maps of where a dozen patterns can lie on the
   object (`atlas.py`, `search.py`), unknown orders included.
3. *Refine and name.* The survivors descend to their best numbers (`refine.py`), which get the names of frames, a pixel
   size or a shift (`naming.py`).
4. *Contest.* What is left is compared exactly, on as many patterns as it takes (`contest.py`).
5. *Judge.* The winner must explain patterns better at their own places than at others, on every pattern of the file,
   and everything that predicts otherwise must be surely worse (`judge.py`). What predicts the same is the same
   statement, and goes by its simplest name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ptycho_contracts.physics.confirmation import Progress
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.contest import SURE_SIGMA, Contest, contest, worse
from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis
from ptycho_contracts.physics.diagnosis.judge import Judged, judge
from ptycho_contracts.physics.diagnosis.naming import named
from ptycho_contracts.physics.diagnosis.predict import bright_frequencies
from ptycho_contracts.physics.diagnosis.refine import Free, refine
from ptycho_contracts.physics.diagnosis.result import Diagnosis
from ptycho_contracts.physics.diagnosis.search import Found, near_statement, search
from ptycho_contracts.physics.diagnosis.shuffles import assigned, match_all
from ptycho_contracts.physics.diagnosis.space import UNITS
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.diagnosis.turns import AS_IT_IS
from ptycho_contracts.physics.diagnosis.units import in_other_unit, speaks_for_other_unit
from ptycho_contracts.physics.unusable import NO_SIGNAL, left_out, stray_rows, unusable_rows

SEARCHED_PATTERNS, SEARCHED_FREQUENCIES = 12, 128
REFINED_PATTERNS = 20
# Survivors of the search, of each unit.
KEPT_ORDERED, KEPT_PERMUTED = 5, 3
# A survivor of the first look that is this far behind after its descent is not in the contest.
FAR_BEHIND = 25.0
# An unknown order is believed where it leaves less than this share of what the best known one leaves.
PERMUTED_SHARE = 0.8
COMPARED_FREQUENCIES = 1024


def diagnose_subject(subject: Subject, progress: Progress | None = None) -> Diagnosis:
    """Which conventions explain the patterns, with evidence.

    Args:
        subject: The stored arrays and what is said of them.
        progress: Called with (patterns confirmed, all patterns) while the winner is confirmed on every pattern.
    """
    return judge_subject(subject, progress).diagnosis


def judge_subject(subject: Subject, progress: Progress | None = None) -> Judged:
    """The same, with the hypotheses behind the candidates, for repairs and pictures."""
    count = subject.patterns.count
    rows = unusable_rows(subject.patterns)
    if len(rows) == count and not np.any(subject.patterns.take(subject.sample(SEARCHED_PATTERNS))):
        dark = Diagnosis(verdict="cannot tell", method="forward model", undecided=(NO_SIGNAL,), patterns=count)
        return Judged(dark, ())
    unusable, notes = left_out(rows, count)
    stray, strays = stray_rows(subject.centred_px)
    engine = _Engine(replace(subject, left_out=np.union1d(unusable, stray)), progress)
    judged = engine.judged(near_statement(engine.coarse))
    if judged.diagnosis.verdict != "as stated":
        judged = engine.judged(search(engine.coarse, KEPT_ORDERED, KEPT_PERMUTED), judged.hypotheses)
    told = (*notes, *strays, *judged.diagnosis.notes)
    return replace(judged, diagnosis=judged.diagnosis.model_copy(update={"notes": told}))


class _Engine:
    def __init__(self, subject: Subject, progress: Progress | None) -> None:
        few = bright_frequencies(subject.object, subject.probe, SEARCHED_FREQUENCIES)
        many = bright_frequencies(subject.object, subject.probe, COMPARED_FREQUENCIES)
        self.subject = subject
        self.coarse = Bench(subject, subject.sample(SEARCHED_PATTERNS), few, {})
        self.fine = Bench(subject, subject.sample(REFINED_PATTERNS), many, {})
        self._progress = progress

    def judged(self, found: Found, known: tuple[Hypothesis, ...] = ()) -> Judged:
        """From survivors of a search, and of an earlier contest, to a verdict."""
        names = [n for h in self._refined(found) for n in named(self.fine, h)]
        last = contest(self.fine, list(dict.fromkeys([*names, *_starts(found), *known])))
        return judge(self._in_one_unit(last), self._progress)

    def _in_one_unit(self, last: Contest) -> Contest:
        """The contest again among those of the unit that the stored values grow like, if it was not so already."""
        best = last.hypotheses[0]
        right = in_other_unit(best) if speaks_for_other_unit(last.bench, best) else best
        if all(h.values.unit == right.values.unit for h in last.hypotheses):
            return last
        same = [h if h.values.unit == right.values.unit else in_other_unit(h) for h in last.hypotheses]
        return contest(self.fine, list(dict.fromkeys([right, *same])))

    def _refined(self, found: Found) -> list[Hypothesis]:
        free = Free(self.subject.pixels_known, True)
        ordered = [refine(self.fine, h, free) for h in found.ordered]
        kept: list[Hypothesis] = []
        for unit in UNITS:
            mine = [h for h in ordered if h.values.unit == unit]
            permuted = [h for h in found.permuted if h.values.unit == unit]
            kept.extend(self._of_one_unit(mine, permuted, free) if mine else [])
        return kept

    def _of_one_unit(self, ordered: list[Hypothesis], permuted: list[Hypothesis], free: Free) -> list[Hypothesis]:
        """Those that are not far behind the best; an unknown order in their place where it explains much more."""
        left = [self.fine.exact(h) for h in ordered]
        best = min(left, key=lambda residual: float(residual.mean()))
        kept = [h for h, e in zip(ordered, left, strict=True) if worse(best, e, self.fine.pixels) < FAR_BEHIND]
        matched = [assigned(self.fine, start, free) for start in _with_plain(permuted)]
        residuals = [self.fine.exact(h) for h in matched]
        if not residuals:
            return kept
        least = min(residuals, key=lambda residual: float(residual.mean()))
        surely = worse(least, best, self.fine.pixels) >= SURE_SIGMA
        if not (surely and least.mean() < PERMUTED_SHARE * best.mean()):
            return kept
        near = [h for h, e in zip(matched, residuals, strict=True) if worse(least, e, self.fine.pixels) < FAR_BEHIND]
        whole = [match_all(self.fine, h) for h in near]
        return [h for h in whole if h is not None] or kept


def _with_plain(permuted: list[Hypothesis]) -> list[Hypothesis]:
    """Unknown orders, and the same without turned axes: a regular raster turned is the raster in another order."""
    plain = [
        replace(h, geometry=replace(h.geometry, turn=AS_IT_IS, frame_first=False, scale=1.0, shift=(0.0, 0.0)))
        for h in permuted
        if h.geometry.turn != AS_IT_IS
    ]
    return list(dict.fromkeys([*permuted, *plain]))


def _starts(found: Found) -> list[Hypothesis]:
    """What the descents started from, with the patterns as found and as they are.

    Where patterns hardly depend on their places a descent wanders off, and where they hardly depend on how they are
    turned the turns that the first look kept are the best by chance.
    """
    plain = [h for h in found.ordered if not h.numbers]
    return [*plain, *(replace(h, values=replace(h.values, turn=AS_IT_IS, about_array=False)) for h in plain)]
