"""The last comparison: few hypotheses on as many patterns as it takes to tell them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import RESIDUAL_FLOOR, surely_better
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Hypothesis

# One hypothesis is worse than another for sure if the likelihoods say so by this many standard deviations *and* the
# patterns say so unanimously, measured by their own spread: model errors are no noise.
SURE_SIGMA = 6.0
SURE_T = 4.0
# Two patterns exchanged are two.
OUTVOTED_BY = 2
# Predictions that differ less than this for every pattern differ by rounding.
SAME_RESIDUAL = 1e-6
SAMPLES = (48, 192, 768)
SHOWN_LOST = 3


def worse(best: NDArray[np.float64], other: NDArray[np.float64], pixels: int) -> float:
    """By how many standard deviations `other` (J,) explains the patterns less than `best`; 0 where it does not.

    With σ² = e/K per pixel, twice the difference of the log-likelihoods is `K·Σ(e′ − e)/e`, the square of the
    standard deviations between the two. Model errors are no such noise, so the patterns must also say so with one
    voice: their mean gap is large in units of its own spread, or some are sure and none is sure of the contrary (two
    orders may agree on half of the patterns, and the gaps of the other half are as different as the patterns).
    """
    gap = other - best
    noise = max(float(best.mean()), RESIDUAL_FLOOR)
    sigma = float(np.sqrt(max(0.0, pixels * float(gap.sum()) / noise)))
    sure, contrary = (int(surely_better(a, b, pixels).sum()) for a, b in ((best, other), (other, best)))
    if len(gap) < 2 or (sure >= OUTVOTED_BY and contrary == 0):
        return sigma
    spread_of_mean = float(gap.std(ddof=1)) / np.sqrt(len(gap))
    t = float(gap.mean()) / spread_of_mean if spread_of_mean > 0 else np.inf
    return min(sigma, max(0.0, t) * SURE_SIGMA / SURE_T)


@dataclass(frozen=True)
class Contest:
    """Hypotheses and what they left of the same patterns, best first.

    Attributes:
        bench: The patterns.
        hypotheses: Best first.
        residuals: (H, J).
        behind: (H,) standard deviations behind the best; those that lost on fewer patterns say how far behind then.
    """

    bench: Bench
    hypotheses: list[Hypothesis]
    residuals: NDArray[np.float64]
    behind: list[float]

    def same(self, i: int, j: int) -> bool:
        """Whether two hypotheses predict the same up to rounding."""
        return bool(np.abs(self.residuals[i] - self.residuals[j]).max() <= SAME_RESIDUAL)

    def alive(self) -> list[int]:
        """Those that are not surely worse than the best."""
        return [k for k, behind in enumerate(self.behind) if behind < SURE_SIGMA]


def contest(bench: Bench, hypotheses: list[Hypothesis]) -> Contest:
    """Compare on more and more patterns, until one is left, or predictions that are all the same."""
    count = len(bench.subject.judged)
    alive = hypotheses
    lost: list[tuple[float, Hypothesis]] = []
    for most in SAMPLES:
        current = compared(bench.more(bench.subject.sample(most)), alive)
        standing = current.alive()
        if most >= count or all(current.same(0, k) for k in standing):
            break
        lost += [(current.behind[k], h) for k, h in enumerate(current.hypotheses) if k not in standing]
        alive = [current.hypotheses[k] for k in standing]
    return _with_lost(current, sorted(lost, key=lambda known: known[0]))


def compared(bench: Bench, hypotheses: list[Hypothesis]) -> Contest:
    """All on one sample; in amplitudes where they agree about the unit, otherwise in what is stored."""
    raw = len({h.values.unit for h in hypotheses}) > 1
    found = np.stack([bench.exact(h, raw) for h in hypotheses])
    order = np.argsort(found.mean(axis=1), kind="stable")
    residuals = found[order]
    behind = [0.0, *(worse(residuals[0], other, bench.pixels) for other in residuals[1:])]
    return Contest(bench, [hypotheses[k] for k in order.tolist()], residuals, behind)


def _with_lost(current: Contest, lost: list[tuple[float, Hypothesis]]) -> Contest:
    """The runners-up too, so that a report can show how far behind they are."""
    shown = lost[:SHOWN_LOST]
    if not shown:
        return current
    found = np.stack([current.bench.exact(h) for _, h in shown])
    hypotheses = [*current.hypotheses, *(h for _, h in shown)]
    behind = [*current.behind, *(max(known, SURE_SIGMA) for known, _ in shown)]
    return Contest(current.bench, hypotheses, np.concatenate([current.residuals, found]), behind)
