"""A result as SARIF 2.1.0 (OASIS standard with errata 01), which code scanning services and editors read.

Paths are relative to the working directory, so run it at the root of the repository. A place inside a file is a
logical location (`para:/probe@pixel_width_m`); the line is always 1, because GitHub's code scanning asks for one.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ptycho_contracts.codes import DOCS_URL, Code, Severity, all_codes, page_url
from ptycho_contracts.finding import Finding, Report
from ptycho_contracts.render._places import source_of, uri_of
from ptycho_contracts.render._words import details
from ptycho_contracts.result import Result

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}
# A change of what is hashed gets another name, so that services do not compare the two.
_FINGERPRINT = "ptychoFinding/v1"


def render(result: Result) -> str:
    """One log with one run."""
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(result)]}, indent=2, ensure_ascii=False)


def _run(result: Result) -> dict[str, Any]:
    rules = sorted({a.code for a in result.aggregates})
    return {
        "tool": {"driver": _driver(result, rules)},
        # Runs of different depth are kept apart: a header run does not close what a physics run had found.
        "automationDetails": {"id": f"ptycho-contracts/{result.depth}/"},
        "invocations": [_invocation(result)],
        "artifacts": [
            {"location": {"uri": uri}} for uri in dict.fromkeys(uri_of(source_of(r)) for r in result.reports)
        ],
        "results": list(_results(result, rules)),
        "properties": {
            "policyDigest": result.policy_digest,
            "policy": result.policy.model_dump(mode="json"),
            "suppressedByBaseline": result.suppressed,
            "ignoredByPolicy": result.ignored,
        },
    }


def _driver(result: Result, rules: list[str]) -> dict[str, Any]:
    known = all_codes()
    return {
        "name": result.tool,
        "version": result.version,
        "informationUri": DOCS_URL.format(version=result.version),
        "rules": [_rule(known[code]) if code in known else {"id": code} for code in rules],
    }


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.id,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.what},
        "help": {
            "text": f"{code.what}\n\nWhy it matters: {code.why}\n\nFix: {code.fix}",
            "markdown": f"{code.what}\n\n**Why it matters:** {code.why}\n\n**Fix:** {code.fix}",
        },
        "helpUri": page_url(code.id),
        "defaultConfiguration": {"level": _LEVEL[code.severity]},
        "properties": {"since": code.since},
    }


def _invocation(result: Result) -> dict[str, Any]:
    """A run is successful if it examined everything, whatever it found."""
    ours = any(a.code.startswith("PTY9") for a in result.aggregates)
    return {
        "executionSuccessful": not ours and not result.unfinished,
        "startTimeUtc": _utc(result.started_at),
        "endTimeUtc": _utc(result.finished_at),
    }


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _results(result: Result, rules: list[str]) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for report in result.reports:
        uri = uri_of(source_of(report))
        for found in report.findings:
            digest = _digest(uri, found)
            seen[digest] += 1
            yield {
                "ruleId": found.code,
                "ruleIndex": rules.index(found.code),
                "level": _LEVEL[found.severity],
                "message": {"text": _message(found)},
                "locations": [_location(uri, found)],
                "partialFingerprints": {_FINGERPRINT: f"{digest}:{seen[digest]}"},
                "properties": _properties(report, found),
            }


def _digest(uri: str, found: Finding) -> str:
    """The same in every run that finds the same at the same place, whatever the message says."""
    identity = "\0".join((found.code, uri, found.location))
    return hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _message(found: Finding) -> str:
    return "\n".join([found.message, *(f"{label}: {value}" for label, value in details(found))])


def _location(uri: str, found: Finding) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [{"fullyQualifiedName": found.location, "kind": "member"}],
    }


def _properties(report: Report, found: Finding) -> dict[str, Any]:
    said = found.model_dump(mode="json", include={"expected", "found", "fix", "contract", "contract_version"})
    return {"depth": report.depth, **{name: value for name, value in said.items() if value is not None}}
