"""From an examination to a report: one line for each promise, each judged on its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from ptycho_contracts.contracts.conformance_report import ConformanceReport, PromiseLine
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import PROMISE_BROKEN
from ptycho_contracts.sources.base import SourceError
from ptycho_runners.conformance.examination import Examination, Subject
from ptycho_runners.conformance.promise import Judged, NotTestableError, Promise
from ptycho_runners.conformance.promises import ALL, chosen
from ptycho_runners.provenance import versions

PAGE = "backend-contract.md"


def conformance(
    subject: Subject, promises: Collection[str] | None = None, on_line: Callable[[PromiseLine], None] | None = None
) -> ConformanceReport:
    """Run the backend contract against a checkout.

    Args:
        subject: the checkout, its interpreter, and where to write.
        promises: names of the promises to report, all where None; only what these need is run.
        on_line: called with each line as soon as it is known.

    Raises:
        RunError: the folder is no flat checkout.
        KeyError: no promise has such a name.
    """
    wanted = chosen(promises)
    started, clock = datetime.now(UTC), monotonic()
    examination = Examination(subject)
    judge = _Judge(examination)
    lines = []
    for promise in wanted:
        lines.append(judge.line(promise))
        if on_line is not None:
            on_line(lines[-1])
    device, foreign = examination.surroundings()
    return ConformanceReport(
        code=examination.checkout.identity,
        started=started,
        seconds=monotonic() - clock,
        seed=subject.seed,
        full_model=subject.full_model,
        device=device,
        versions=versions() | {f"checkout {name}": version for name, version in foreign.items()},
        lines=tuple(lines),
    )


def findings_of(report: ConformanceReport) -> tuple[Finding, ...]:
    """PROMISE_BROKEN for each line that failed."""
    return tuple(
        finding(PROMISE_BROKEN, f"checkout:/{line.id}", f"{line.sentence} Seen: {line.measured}", expected=line.fact)
        for line in report.lines
        if line.status == "failed"
    )


class _Judge:
    """Judges each promise once; another one may have to be kept before."""

    def __init__(self, examination: Examination) -> None:
        self._examination = examination
        self._known: dict[str, PromiseLine] = {}
        self._promises = {promise.id: promise for promise in ALL}

    def line(self, promise: Promise) -> PromiseLine:
        if promise.id not in self._known:
            self._known[promise.id] = self._judge(promise)
        return self._known[promise.id]

    def _judge(self, promise: Promise) -> PromiseLine:
        for name in promise.after:
            before = self.line(self._promises[name])
            if before.status != "passed":
                return _not_tested(promise, before.because or f"`{name}` failed")
        try:
            return _tested(promise, promise.check(self._examination))
        except NotTestableError as reason:
            return _not_tested(promise, str(reason))
        except (SourceError, OSError, LookupError, ValueError, TypeError) as error:
            # What a checkout left is so different from what is expected that the check itself stumbles.
            return _tested(promise, Judged(False, f"cannot be judged: {type(error).__name__}: {error}"))


def _tested(promise: Promise, judged: Judged) -> PromiseLine:
    return PromiseLine(
        **_what(promise),
        status="passed" if judged.kept else "failed",
        measured=judged.measured,
        value=judged.value if judged.value is not None and math.isfinite(judged.value) else None,
    )


def _not_tested(promise: Promise, because: str) -> PromiseLine:
    return PromiseLine(**_what(promise), status="not tested", because=because)


def _what(promise: Promise) -> dict[str, Any]:
    return {"id": promise.id, "sentence": promise.sentence, "fact": f"{PAGE}#{promise.id}"}
