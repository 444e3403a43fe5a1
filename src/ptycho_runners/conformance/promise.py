"""What a promise is: a sentence, the fact that it rests on, and a check that measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ptycho_runners.conformance.examination import Examination


@dataclass(frozen=True)
class Judged:
    """The outcome of a check.

    Attributes:
        kept: whether the promise is kept.
        measured: what was seen, in words, with units.
        value: the number that decided, where there is one.
    """

    kept: bool
    measured: str
    value: float | None = None


class NotTestableError(Exception):
    """What a check would look at is not there; the message says why, and that is no verdict."""


@dataclass(frozen=True)
class Promise:
    """One line of the backend contract.

    Attributes:
        id: its name, never changed; the anchor of its fact in `docs/backend-contract.md`.
        group: heading under which the page lists it.
        sentence: what is promised.
        fact: what was found out about the flat generation, on which the promise rests.
        seen: by running that code, or by reading it.
        test: how the conformance run tests it, with its limit.
        check: looks at an examination; raises NotTestableError.
        after: promises without which this one cannot be tested.
    """

    id: str
    group: Literal["training", "restoring", "reading pairs", "the model"]
    sentence: str
    fact: str
    seen: Literal["run", "read"]
    test: str
    check: Callable[[Examination], Judged]
    after: tuple[str, ...] = ()


def at_most(value: float, limit: float, what: str) -> Judged:
    """Kept where a number is no greater than its limit; `what` names it, with its unit behind `{}`."""
    return Judged(value <= limit, f"{what.format(f'{value:.3g}')} (at most {limit:g})", value)
