"""The verdict: what the contest's outcome allows to say."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import residuals, surely_better, unit
from ptycho_contracts.physics.confirmation import Progress, confirm
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.changes import Change, in_order, in_words
from ptycho_contracts.physics.diagnosis.contest import SURE_SIGMA, Contest, worse
from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis, relative_probe
from ptycho_contracts.physics.diagnosis.refine import QUANTUM_PX
from ptycho_contracts.physics.diagnosis.result import Candidate, Diagnosis, Verdict
from ptycho_contracts.physics.diagnosis.shuffles import match_all
from ptycho_contracts.physics.diagnosis.singles import Moved, moved_alone
from ptycho_contracts.physics.diagnosis.turned import Turned
from ptycho_contracts.physics.evidence import Confirmation
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.readings import SAME_PLACE_PX, Reading
from ptycho_contracts.physics.signatures import bright_pixels, spread
from ptycho_contracts.physics.unusable import Kept

SHOWN = 5
MOST_RIVALS = 160
# A model that leaves this much more than the mean of the other patterns does is one of something else.
UNLIKE = 1.15
# Of the probe; of the energy it is twice that (PTY305).
PROBE_SCALE_TOLERANCE = 0.025
ENERGY_PATTERNS = 64
# With more of the patterns speaking for other places the winner is not what happened, however much better than others.
CONTRADICTED_SHARE = 0.1
# Two descents to one minimum end this far apart: one may have begun with the values of the other unit.
ROUNDING = {"shift": 0.15, "pixel-size": 0.01}
# A pattern that belongs elsewhere leaves less than this share unexplained there.
MISPLACED_SHARE = 0.7
NO_PLACE = "the patterns do not depend on where they were taken: at other places of the scan they are explained as well"
MIXED = (
    "{} of {} patterns fit other places of the scan better than their own (first: {}), and no order explains them all"
)


@dataclass(frozen=True)
class Judged:
    """A diagnosis, and what its candidates are to somebody who undoes or draws them.

    Attributes:
        diagnosis: The values for a report.
        hypotheses: One for each of `diagnosis.ranked`.
        confirmed: Every pattern under the winner; None where it was not asked.
        moved: Single patterns that were taken elsewhere, though nothing is wrong with the others.
    """

    diagnosis: Diagnosis
    hypotheses: tuple[Hypothesis, ...]
    confirmed: Confirmation | None = None
    moved: tuple[Moved, ...] = ()

    def evidence(self) -> dict[str, Any]:
        """What goes into a report."""
        confirmed = None if self.confirmed is None else self.confirmed.model_dump()
        moved = [asdict(one) for one in self.moved]
        return {**self.diagnosis.model_dump(mode="json"), "confirmed": confirmed} | ({"moved": moved} if moved else {})


def judge(last: Contest, progress: Progress | None = None) -> Judged:
    """From the contest to the verdict; the winner is confirmed on every pattern of the file."""
    tie = _Tie.of(last)
    case = _Case(last, tie.winner)
    if not case.rivals.informative(last.residuals[tie.winner]):
        unlike = _unlike(last.bench, case.winner, last.residuals[tie.winner])
        return case.told("unexplained") if unlike else case.told("cannot tell", (NO_PLACE,))
    if tie.undecided:
        return case.told("cannot tell", tie.undecided)
    confirmed = confirm_all(last.bench, case.winner, progress)
    changes = case.changes(case.winner)
    told = case.told("mistaken" if changes else "as stated", confirmed=confirmed)
    suspects = tuple(sorted({*confirmed.outliers, *confirmed.first_contradictions}))
    moved = moved_alone(last.bench, case.winner, suspects, float(last.residuals[tie.winner].mean()))
    misplaced = case.reordered(confirmed, progress) if confirmed.contradict else None
    if misplaced is None or (_all_moved(confirmed, moved) and misplaced.diagnosis.verdict == "unexplained"):
        return _with_moved(told, moved)
    return misplaced


def _all_moved(confirmed: Confirmation, moved: tuple[Moved, ...]) -> bool:
    """Whether every pattern that fits another place of the scan was taken a few pixels from its own."""
    known = set(confirmed.first_contradictions)
    return confirmed.contradict == len(known) and known <= {one.pattern for one in moved}


def _with_moved(told: Judged, moved: tuple[Moved, ...]) -> Judged:
    notes = tuple(
        f"pattern {one.pattern} was taken ({one.by_px[0]:+.2g}, {one.by_px[1]:+.2g}) px (y, x) from its stated place"
        for one in moved
    )
    return replace(told, moved=moved, diagnosis=told.diagnosis.model_copy(update={"notes": notes}))


@dataclass(frozen=True)
class _Tie:
    """Which hypothesis wins, and what cannot be told from it."""

    winner: int
    undecided: tuple[str, ...]

    @classmethod
    def of(cls, last: Contest) -> _Tie:
        """Of those that are alive the simplest, if all others predict the same or have numbers that explain no more.

        A number can always be fitted a little better than a name says, so it has to be surely better to count.
        """
        # An unknown order that is not surely better is left to the confirmation, which asks every pattern.
        alive = last.alive()
        alive = [k for k in alive if last.hypotheses[k].geometry.order.name != "shuffled"] or alive
        stated = last.bench.subject.stored

        def simplicity(k: int) -> tuple[int, int, list[tuple[int, str]]]:
            changes = last.hypotheses[k].changes(stated)
            return len(changes), last.hypotheses[k].numbers, [change.rank for change in changes]

        exact = [k for k in alive if not last.hypotheses[k].numbers]
        fewest = min(simplicity(k)[:2] for k in alive)
        rivals = exact or [k for k in alive if simplicity(k)[:2] == fewest]
        winner = min(rivals, key=simplicity)
        won = last.hypotheses[winner].changes(stated)
        open_ = [
            k
            for k in rivals
            if not last.same(winner, k) and not _differ_by_rounding(won, last.hypotheses[k].changes(stated))
        ]
        words = [in_words(last.hypotheses[k].changes(stated)) for k in sorted([winner, *open_], key=simplicity)]
        return cls(winner, tuple(dict.fromkeys(words)) if open_ else ())


def _same_name(mine: tuple[Change, ...], other: tuple[Change, ...]) -> bool:
    return mine == other or _differ_by_rounding(mine, other)


def _differ_by_rounding(mine: tuple[Change, ...], other: tuple[Change, ...]) -> bool:
    """Whether both name the same mistakes, with numbers that two descents to one minimum may leave."""
    if [(c.kind, c.name) for c in mine] != [(c.kind, c.name) for c in other]:
        return False
    pairs = [
        (a, b, ROUNDING[c.kind])
        for c, d in zip(mine, other, strict=True)
        for a, b in zip(c.numbers, d.numbers, strict=True)
    ]
    return bool(pairs) and all(abs(a - b) <= most for a, b, most in pairs)


class _Case:
    """The winner of a contest, its rivals, and what is said of them."""

    def __init__(self, last: Contest, winner: int) -> None:
        self.last = last
        self.bench = last.bench
        self.winner = last.hypotheses[winner]
        self.rivals = _Rivals(last.bench, self.winner)
        self._shown = self._named_once(winner)[:SHOWN]

    def _named_once(self, winner: int) -> list[int]:
        """The winner and the others, best first, but for what predicts as a better one does, or has its name."""
        named = [h.changes(self.bench.subject.stored) for h in self.last.hypotheses]
        shown = [winner]
        for k in range(len(named)):
            if not any(self.last.same(k, better) or _same_name(named[k], named[better]) for better in shown):
                shown.append(k)
        return shown

    def told(self, verdict: Verdict, undecided: tuple[str, ...] = (), confirmed: Confirmation | None = None) -> Judged:
        """The verdict, with the candidates that led to it."""
        ranked = tuple(self._candidate(k) for k in self._shown)
        return Judged(
            Diagnosis(
                verdict=verdict,
                method="forward model",
                ranked=ranked,
                undecided=undecided,
                patterns=self.bench.subject.patterns.count,
            ),
            tuple(self.last.hypotheses[k] for k in self._shown),
            confirmed,
        )

    def reordered(self, confirmed: Confirmation, progress: Progress | None) -> Judged | None:
        """What to say where some patterns fit other places than their own; None where they fit those no better.

        In the flat of an object places look alike, and of many the best is a little better than the own by chance.
        """
        few = self.bench.more(np.array(confirmed.first_contradictions, np.intp))
        matched = None if self.winner.geometry.order.name else match_all(self.bench, self.winner)
        own = few.exact(self.winner).sum()
        if matched is None or not matched.geometry.order.name:
            usual = self.last.residuals[0].mean() * len(few.rows)
            return self._mixed(confirmed) if usual < MISPLACED_SHARE * own else None
        if few.exact(matched).sum() > MISPLACED_SHARE * own:
            return None
        again = confirm_all(self.bench, matched, progress)
        if again.contradict:  # a pattern that is there twice, say: no order is right for all
            return self._mixed(confirmed)
        residuals = np.concatenate([self.bench.exact(matched)[None], self.last.residuals])
        behind = [0.0, *(worse(residuals[0], other, self.bench.pixels) for other in residuals[1:])]
        case = _Case(Contest(self.bench, [matched, *self.last.hypotheses], residuals, behind), 0)
        return case.told("mistaken", confirmed=again)

    def _mixed(self, confirmed: Confirmation) -> Judged:
        first = ", ".join(map(str, confirmed.first_contradictions))
        mixed = MIXED.format(confirmed.contradict, confirmed.patterns, first)
        return self.told("unexplained", (mixed,), confirmed=confirmed)

    def changes(self, hypothesis: Hypothesis) -> tuple[Change, ...]:
        """Its mistakes, and the scale of the probe."""
        own = hypothesis.changes(self.bench.subject.stored)
        return in_order([*own, *_probe_scale(self.bench, hypothesis)])

    def _candidate(self, k: int) -> Candidate:
        mine, pixels = self.last.residuals[k], self.bench.pixels
        winner = self._shown[0]
        rival = self.rivals.best if k == winner else np.minimum(self.rivals.best, self.last.residuals[winner])
        changes = self.changes(self.last.hypotheses[k])
        return Candidate(
            changes=tuple(change.slug for change in changes),
            meaning=in_words(changes),
            mean_residual=float(mine.mean()),
            behind_best_t=self.last.behind[k],
            agree=int(surely_better(mine, rival, pixels).sum()),
            contradict=int(surely_better(rival, mine, pixels).sum()),
            sampled=len(mine),
        )


class _Rivals:
    """Other places of the scan, as the winner reads it, for the sampled patterns."""

    def __init__(self, bench: Bench, winner: Hypothesis) -> None:
        self._pixels = bench.pixels
        geometry = winner.geometry
        every = geometry.centres_px(bench.subject, spread(bench.subject.patterns.count, MOST_RIVALS))
        predicted = unit(bench.predictor(geometry.relative).amplitudes(every, QUANTUM_PX))
        own = geometry.centres_px(bench.subject, bench.rows)
        self._other = np.abs(own[:, None, :] - every[None, :, :]).max(axis=2) >= SAME_PLACE_PX
        overlap = bench.stored(winner.values, geometry.object) @ predicted.T
        self._residual = np.clip(1 - overlap.astype(np.float64) ** 2, 0, 1)
        self.best = np.where(self._other, self._residual, 1.0).min(axis=1)

    def informative(self, own: NDArray[np.float64]) -> bool:
        """Whether the patterns care where they were taken, and speak for the places that the winner gives them."""
        contradict = int(surely_better(self.best, own, self._pixels).sum())
        if contradict > max(2, CONTRADICTED_SHARE * len(own)) or not self._other.any(axis=1).all():
            return False
        typical = np.nanmedian(np.where(self._other, self._residual, np.nan), axis=1)
        return worse(own, typical, self._pixels) >= SURE_SIGMA


def _unlike(bench: Bench, winner: Hypothesis, own: NDArray[np.float64]) -> bool:
    """Whether the model explains the patterns even less than the mean of the others does.

    Noise, or a flat object, makes every prediction as good as the mean pattern; a wrong one makes it worse.
    """
    stored = bench.stored(winner.values, winner.geometry.object).astype(np.float64)
    power = stored**2
    others = unit(np.sqrt(power.sum(axis=0) - power))
    alike = residuals(stored.astype(np.float32), others)
    return bool(own.mean() > UNLIKE * alike.mean()) and worse(alike, own, bench.pixels) >= SURE_SIGMA / 2


def _probe_scale(bench: Bench, hypothesis: Hypothesis) -> list[Change]:
    """How far the probe is from giving the patterns' energy, where both have one unit."""
    if not bench.subject.counts:
        return []
    few = bench.more(bench.rows[spread(len(bench.rows), ENERGY_PATTERNS)])
    geometry = hypothesis.geometry
    predicted = few.predictor(geometry.relative).amplitudes(geometry.centres_px(bench.subject, few.rows), QUANTUM_PX)
    stored = few.stored_amplitudes(hypothesis.values, geometry.object)
    modelled, measured = (float(np.sum(np.square(a), dtype=np.float64)) for a in (predicted, stored))
    if modelled <= 0 or measured <= 0:
        return []
    factor = float(np.sqrt(modelled / measured))
    return [Change("probe-scale", numbers=(factor,))] if abs(factor - 1) > PROBE_SCALE_TOLERANCE else []


def confirm_all(bench: Bench, winner: Hypothesis, progress: Progress | None) -> Confirmation:
    """Every pattern that has a say against its own place and others, as the winner reads it."""
    subject, geometry, rows = bench.subject, winner.geometry, bench.subject.judged
    model = ForwardModel(subject.object[None], relative_probe(subject.probe, geometry.relative))
    places = Places(np.zeros(len(rows), np.intp), geometry.centres_px(subject, rows))
    reading = Reading(in_words(winner.changes(subject.stored)), places, winner.values.unit)
    found = confirm(model, Kept(Turned(subject, winner), rows), reading, bright_pixels(model, [places]), progress)
    numbers = {name: tuple(rows[list(getattr(found, name))].tolist()) for name in ("first_contradictions", "outliers")}
    return found.model_copy(update=numbers)
