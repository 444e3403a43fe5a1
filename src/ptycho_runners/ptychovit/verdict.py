"""What is wrong with a run that has ended, from its outcome, result, events, logs and files: a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ptycho_contracts.codes import Code
from ptycho_contracts.contracts.bridge_event import Fallback
from ptycho_contracts.contracts.bridge_result import BridgeResult
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import (
    BRIDGE_MESSAGE,
    DEVICE_UNAVAILABLE,
    LOSS_NOT_FINITE,
    MISSING_DEPENDENCY,
    NORMALIZATION_FALLBACK,
    NOT_A_FLAT_CHECKOUT,
    OUT_OF_MEMORY,
    PAIR_LEFT_OUT,
    PROMISED_FILE_MISSING,
    RUN_FAILED,
    RUN_TIMED_OUT,
    UNKNOWN_PART,
    WEIGHTS_MISMATCH,
)
from ptycho_runners.process import Outcome

# What the flat checkout prints, and goes on.
PRINTED: Mapping[str, Code] = {
    "Normalization file not found": NORMALIZATION_FALLBACK,
    "not found in normalization dictionary": NORMALIZATION_FALLBACK,
    "Error loading normalization file": NORMALIZATION_FALLBACK,
    "Warning: Skipping": PAIR_LEFT_OUT,
}
_REASONS: Mapping[str, Code] = {
    "normalization_fallback": NORMALIZATION_FALLBACK,
    "not_the_interface": NOT_A_FLAT_CHECKOUT,
    "weights_mismatch": WEIGHTS_MISMATCH,
    "missing_dependency": MISSING_DEPENDENCY,
    "device_unavailable": DEVICE_UNAVAILABLE,
    "unknown_part": UNKNOWN_PART,
    "loss_not_finite": LOSS_NOT_FINITE,
    "out_of_memory": OUT_OF_MEMORY,
}
_KILLED = 9
_MEMORY_IN_LOG = ("CUDA out of memory", "CUDA error: out of memory", "MemoryError", "Cannot allocate memory")


@dataclass(frozen=True)
class Evidence:
    """What a run left.

    Attributes:
        outcome: How the process ended.
        result: What the bridge wrote at its end; None where it could not.
        fallbacks: Its events about the normalization.
        unknown: Lines and documents that do not fit their contracts.
        printed: Lines of the log that hold one of `PRINTED`.
        missing: Promised files that are absent or empty.
        history: What is wrong with the loss history in the checkpoint.
    """

    outcome: Outcome
    result: BridgeResult | None
    fallbacks: tuple[Fallback, ...]
    unknown: tuple[str, ...]
    printed: tuple[str, ...]
    missing: tuple[str, ...]
    history: tuple[Finding, ...] = ()


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Everything that is wrong, the most telling first; empty for a good run."""
    return tuple(_unique(_findings(evidence)))


def telling(line: str) -> Code | None:
    """The code of a line that the checkout prints before it goes on wrongly; None for any other line."""
    return next((code for text, code in PRINTED.items() if text in line), None)


def _findings(evidence: Evidence) -> Iterator[Finding]:
    for fallback in evidence.fallbacks:
        yield finding(NORMALIZATION_FALLBACK, f"pkl:/{fallback.name}", fallback.message)
    for line in evidence.printed:
        code = telling(line)
        if code is not None:
            yield finding(code, "log:/stdout.log", line)
    yield from _ending(evidence)
    for line in evidence.unknown:
        yield finding(BRIDGE_MESSAGE, "json:/events.jsonl", line)
    if evidence.outcome.ok:
        for name in evidence.missing:
            yield finding(PROMISED_FILE_MISSING, f"run:/{name}", f"{name} is absent or empty")
        yield from evidence.history


def _ending(evidence: Evidence) -> Iterator[Finding]:
    outcome, result = evidence.outcome, evidence.result
    if outcome.timed_out:
        yield finding(RUN_TIMED_OUT, "run:/", f"stopped after {outcome.seconds:.0f} s, its limit")
    elif result is not None and result.status != "ok":
        code = _REASONS.get(result.reason, RUN_FAILED)
        yield finding(code, "run:/", result.message, found=_last(outcome))
    elif not outcome.ok:
        yield _death(outcome)
    elif result is None:
        yield finding(RUN_FAILED, "run:/", "the process ended without a result")


def _death(outcome: Outcome) -> Finding:
    """A process that ended without the bridge's word: the log may know, and SIGKILL without a limit has one suspect."""
    if any(text in line for line in outcome.stderr_tail for text in _MEMORY_IN_LOG):
        return finding(OUT_OF_MEMORY, "run:/", "the process ran out of memory", found=_last(outcome))
    how = f"signal {-outcome.returncode}" if outcome.returncode < 0 else f"exit status {outcome.returncode}"
    if outcome.returncode not in {-_KILLED, 128 + _KILLED}:
        return finding(RUN_FAILED, "run:/", f"the process ended with {how}", found=_last(outcome))
    message = f"the process was killed ({how}): by a user, or by the system because its memory was full"
    fix = "Look into the system's log (`dmesg`); resume the run, with a smaller batch_size if memory was full."
    return finding(RUN_FAILED, "run:/", message, found=_last(outcome), fix=fix)


def _last(outcome: Outcome) -> str | None:
    return "\n".join(outcome.stderr_tail) or None


def _unique(findings: Iterator[Finding]) -> Iterator[Finding]:
    """One finding for each (code, message): an event, the result and the log can tell the same thing."""
    seen = set()
    for found in findings:
        if (found.code, found.message) not in seen:
            seen.add((found.code, found.message))
            yield found
