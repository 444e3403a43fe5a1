"""The rule of `when: if_justified`: does the validation of the finished stages justify unfreezing more?"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from ptycho_contracts.contracts.finetune_policy import Rule
from ptycho_contracts.contracts.finetune_record import Justification

History = Sequence[float | None]
"""Validation losses of one stage, epoch by epoch; None, NaN and infinities: no usable loss."""


def justify(histories: Sequence[History], rule: Rule) -> Justification:
    """Decide whether another stage, with more of the encoder trained, is worth its time and its risk.

    Let *best* be the lowest finite validation loss of the last finished stage, and *baseline* that of the stage
    before it; where the last stage was also the first, the first finite loss of its own history. Another stage is
    justified if both hold:

    1. the last stage helped: (baseline − best) / |baseline| ≥ `min_improvement`;
    2. it had not begun to overfit: at most `patience` epochs followed its best one, an epoch without a finite loss
       counting like any other.

    The reasons: a stage that unfroze less and gained nothing gives no hope for one that unfreezes more; and an
    encoder that already memorises with few free blocks memorises faster with many. Without a finished stage, a
    finite loss or a baseline other than 0, nothing is justified.

    The verdict depends on ratios of losses only: it does not change with the unit of the loss. It never turns from
    yes to no when the last stage's best becomes better, `min_improvement` smaller or `patience` larger.

    Args:
        histories: of every finished stage, in the order in which they ran.
        rule: the thresholds.
    """
    finite = [[loss for loss in history if loss is not None and isfinite(loss)] for history in histories]
    if not finite or not finite[-1]:
        return Justification(justified=False, sentence="no: no finished stage has a finite validation loss")
    best = min(finite[-1])
    earlier = finite[-2] if len(finite) > 1 else finite[-1][:1]
    since = len(histories[-1]) - 1 - histories[-1].index(best)
    if not earlier or min(earlier) == 0:
        sentence = "no: there is no validation loss other than 0 to compare the last stage with"
        return Justification(justified=False, sentence=sentence, best=best, epochs_since_best=since)
    baseline = min(earlier)
    improvement = (baseline - best) / abs(baseline)
    helped, alive = improvement >= rule.min_improvement, since <= rule.patience
    return Justification(
        justified=helped and alive,
        sentence=f"{'yes' if helped and alive else 'no'}: the best validation loss is {best:.4g} after {baseline:.4g}, "
        f"an improvement of {improvement:.2%} ({'≥' if helped else '<'} {rule.min_improvement:.2%}), and "
        f"{epochs_in_words(since)} followed it ({'≤' if alive else '>'} {rule.patience})",
        baseline=baseline,
        best=best,
        improvement=improvement,
        epochs_since_best=since,
    )


def epochs_in_words(count: int) -> str:
    """A number of epochs, for sentences."""
    return f"{count} epoch{'' if count == 1 else 's'}"
