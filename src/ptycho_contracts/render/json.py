"""Reports for programs: strict JSON, no NaN."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ptycho_contracts.finding import Report


def render_json(reports: Iterable[Report]) -> str:
    """`{"ok": …, "reports": […]}`."""
    reports = list(reports)
    dumped = [{"ok": report.ok, **report.model_dump(mode="json")} for report in reports]
    return json.dumps({"ok": all(r.ok for r in reports), "reports": dumped}, indent=2, ensure_ascii=False)
