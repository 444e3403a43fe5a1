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

from ptycho_contracts.physics.confirmation import Progress
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.contest import SURE_SIGMA, contest, worse
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
from ptycho_contracts.physics.diagnosis.units import in_other_unit, speaks_for_other_unit
from ptycho_contracts.physics.signatures import spread

SEARCHED_PATTERNS, SEARCHED_FREQUENCIES = 12, 128
REFINED_PATTERNS = 20
KEPT_ORDERED, KEPT_PERMUTED = 8, 2
TWINS = 2
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
    engine = _Engine(subject, progress)
    stated = engine.judged(near_statement(engine.coarse))
    if stated.diagnosis.verdict == "as stated":
        return stated
    return engine.judged(search(engine.coarse, KEPT_ORDERED, KEPT_PERMUTED))


class _Engine:
    def __init__(self, subject: Subject, progress: Progress | None) -> None:
        few = bright_frequencies(subject.object, subject.probe, SEARCHED_FREQUENCIES)
        many = bright_frequencies(subject.object, subject.probe, COMPARED_FREQUENCIES)
        patterns = subject.patterns.count
        self.subject = subject
        self.coarse = Bench(subject, spread(patterns, SEARCHED_PATTERNS), few, {})
        self.fine = Bench(subject, spread(patterns, REFINED_PATTERNS), many, {})
        self._progress = progress

    def judged(self, found: Found) -> Judged:
        """From survivors of a search to a verdict."""
        last = contest(self.fine, [n for h in self._refined(found) for n in named(self.fine, h)])
        if speaks_for_other_unit(last.bench, last.hypotheses[0]):
            same = [h for h in last.hypotheses if h.values.unit == last.hypotheses[0].values.unit]
            last = contest(self.fine, [in_other_unit(h) for h in same])
        return judge(last, self._progress)

    def _refined(self, found: Found) -> list[Hypothesis]:
        free = Free(self.subject.pixels_known, True)
        ordered = [refine(self.fine, h, free) for h in _with_other_units(found.ordered)]
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
        for start in permuted:
            matched = assigned(self.fine, start, free)
            residual = self.fine.exact(matched)
            surely = worse(residual, best, self.fine.pixels) >= SURE_SIGMA
            if surely and residual.mean() < PERMUTED_SHARE * best.mean():
                whole = match_all(self.fine, matched)
                kept = [whole] if whole is not None else kept
                best = residual
        return kept


def _with_other_units(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    """The first few in the other unit too: residuals of different units cannot be ranked against each other."""
    twins = map(in_other_unit, hypotheses[:TWINS])
    return [*hypotheses, *(twin for twin in twins if twin not in hypotheses)]
