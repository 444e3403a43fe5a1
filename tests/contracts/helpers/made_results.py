"""Results to render: of given reports, and drawn with every character that a file name or a message can hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from ptycho_contracts.codes import Severity
from ptycho_contracts.finding import Finding, Report, Unexamined
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.result import Result, aggregate

BEGUN = datetime(2026, 11, 24, 1, 2, 3, 456789, UTC)
SECONDS = 1.5


def result_of(reports: Iterable[Report], policy: EffectivePolicy | None = None, **more: Any) -> Result:
    """The result as `ptycho validate` makes it, at a fixed time."""
    reports, policy = tuple(reports), policy or EffectivePolicy()
    made = {
        "started_at": BEGUN,
        "finished_at": BEGUN + timedelta(seconds=SECONDS),
        "depth": policy.depth,
        "reports": reports,
        "aggregates": aggregate(reports),
        "policy": policy,
        "policy_digest": policy.digest,
        "fail_on": policy.fail_on,
    }
    return Result.model_validate(made | more)


def finding(code: str = "PTY101", severity: Severity = Severity.ERROR, **more: Any) -> Finding:
    """A finding of any code and severity."""
    said = {"location": "para:/probe", "message": "probe is missing", "fix": "Add it."} | more
    return Finding(code=code, severity=severity, **said)


def report(source: str = "scan_dp.hdf5", *findings: Finding, **more: Any) -> Report:
    """A report about one pair."""
    judged = {"contract": "ptychovit-pair", "contract_version": "1.0.0", "depth": "header"}
    return Report(source=(source,), findings=findings, **(judged | more))


# Lone surrogates too: JSON can hold them, and in a file name they stand for bytes that are no UTF-8.
_anything = st.text(st.characters(exclude_categories=()), min_size=1, max_size=12)
_awkward = _anything | st.sampled_from(
    ["::error::", "a,b:c%0A", "]]>", "```\n</details>", "<b>@me</b>", "a|b", "\x1b[2J\n"]
)
_names = st.text(st.characters(codec="utf-8") | st.just("\udcff"), min_size=1, max_size=12)
_findings = st.builds(
    Finding,
    code=st.sampled_from(["PTY001", "PTY101", "PTY310", "PTY901"]),
    severity=st.sampled_from(Severity),
    location=_awkward.map("npz:/{}".format),
    message=_awkward,
    expected=st.none() | _awkward,
    found=st.none() | _awkward,
    fix=st.none() | _awkward,
)
_reports = st.builds(
    Report,
    source=st.tuples(_names),
    contract=st.none() | st.just("raw-data-npz"),
    contract_version=st.just("1.0.0"),
    depth=st.just("header"),
    findings=st.lists(_findings, max_size=3).map(tuple),
    unexamined=st.lists(st.builds(Unexamined, check=_awkward, reason=_awkward), max_size=2).map(tuple),
    evidence=st.just({}) | st.just({"spread": float("nan"), "ratios": [float("inf"), 1.0]}),
)
results = st.builds(
    result_of,
    st.lists(_reports, max_size=6),
    st.builds(EffectivePolicy, fail_on=st.sampled_from(["error", "warning", "hint", "never"])),
    suppressed=st.integers(0, 3),
    ignored=st.integers(0, 3),
    unfinished=st.integers(0, 3),
    fixed=st.lists(_awkward, max_size=2).map(tuple),
)
