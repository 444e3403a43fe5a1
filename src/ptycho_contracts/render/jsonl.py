"""A result as JSON lines, for logs and for thousands of artifacts: a line for each report, then one that sums up.

Each line says its `kind`: `report` or `summary`. A reader that sees no summary knows that the run was cut off.
"""

from __future__ import annotations

import json
from typing import Any

from ptycho_contracts.finding import Report
from ptycho_contracts.render.json import report_record, summary_record
from ptycho_contracts.result import Result


def render(result: Result) -> str:
    """Every line."""
    return "\n".join([*(report_line(r) for r in result.reports), summary_line(result)])


def report_line(report: Report) -> str:
    """One artifact; can be written as soon as it is examined."""
    return _line("report", report_record(report))


def summary_line(result: Result) -> str:
    """The last line: all but the reports, and how many there were."""
    return _line("summary", summary_record(result) | {"artifacts": len(result.reports)})


def _line(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"kind": kind, **record}, ensure_ascii=False, allow_nan=False)
