"""A result for programs: one strict JSON document, no NaN."""

from __future__ import annotations

import json
from typing import Any

from ptycho_contracts.codes import page_url
from ptycho_contracts.finding import Report
from ptycho_contracts.result import Result


def render(result: Result) -> str:
    """`{"ok": …, "failed": …, …, "reports": […]}`: see `summary_record` and `report_record`."""
    document = summary_record(result) | {"reports": [report_record(r) for r in result.reports]}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def summary_record(result: Result) -> dict[str, Any]:
    """All but the reports: whether every artifact is valid, whether the policy fails, what many have in common."""
    record: dict[str, Any] = result.model_dump(mode="json", exclude={"reports"})
    for group in record["aggregates"]:
        group["url"] = page_url(group["code"])
    return {"ok": all(r.ok for r in result.reports), "failed": result.failed, **record}


def report_record(report: Report) -> dict[str, Any]:
    """One artifact; each finding has the address of its code's page. Figures that are not finite are null."""
    record: dict[str, Any] = report.model_dump(mode="json")
    for found in record["findings"]:
        found["url"] = page_url(found["code"])
    return {"ok": report.ok, **record}
