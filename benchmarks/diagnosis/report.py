"""From single verdicts to figures: accuracy, abstention, wrong commitments, and what was taken for what."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .run import CRASHED, Record
from .score import ABSTAINED

DOUBLE = "two mistakes"


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """All figures as JSON."""
    told = [record for record in records if record["identifiable"]]
    hidden = [record for record in records if not record["identifiable"]]
    seconds = [record["wall_s"] for record in records if record["answer"] != CRASHED] or [0.0]
    return {
        "files": len(records),
        "right": _share(records, _right),
        "identifiable": {
            "files": len(told),
            "right": _share(told, _right),
            "abstained": _share(told, _abstained),
            "named another": _share(told, lambda record: not _right(record) and not _abstained(record)),
        },
        "not identifiable": {
            "files": len(hidden),
            "right": _share(hidden, _right),
            "committed": _share(hidden, lambda record: not _abstained(record)),
        },
        "seconds": {"median": statistics.median(seconds), "longest": max(seconds), "sum": sum(seconds)},
        "by group": _table(records, lambda record: [record["group"]]),
        "by mistake": _table(told, _kinds),
        "by dose": _table(told, lambda record: [f"{record['traits']['dose']:.0e}"]),
        "by size": _table(told, lambda record: [f"N={record['traits']['N']:02d}"]),
        "by object": _table(told, lambda record: [record["traits"]["object"]]),
        "confusions": _confusions(records),
    }


def _right(record: Record) -> bool:
    return bool(record["right"])


def _abstained(record: Record) -> bool:
    return record["answer"] in ABSTAINED


def _share(records: Sequence[Record], holds: Callable[[Record], bool]) -> float | None:
    return sum(map(holds, records)) / len(records) if records else None


def _kinds(record: Record) -> list[str]:
    """The kinds of a record's mistakes; a file with two counts for both."""
    return [*record["kinds"], *([DOUBLE] if len(record["kinds"]) > 1 else [])] or ["none"]


def _table(records: Iterable[Record], keys: Callable[[Record], list[str]]) -> dict[str, dict[str, int]]:
    rows: dict[str, Counter[str]] = {}
    for record in records:
        for key in keys(record):
            outcome = "right" if _right(record) else "abstained" if _abstained(record) else "wrong"
            rows.setdefault(key, Counter(files=0, right=0, abstained=0, wrong=0)).update(["files", outcome])
    return {key: dict(rows[key]) for key in sorted(rows)}


def _confusions(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Truth → answer of every wrong verdict, the most frequent first."""
    counted = Counter((_truth(record), record["answer"]) for record in records if not _right(record))
    return [{"truth": truth, "answer": answer, "files": count} for (truth, answer), count in counted.most_common()]


def _truth(record: Record) -> str:
    return str(record["truth"]) if record["identifiable"] else f"{record['truth']} ({record['group']})"


def markdown(figures: dict[str, Any]) -> str:
    """The figures as a page of the documentation."""
    told, hidden, seconds = figures["identifiable"], figures["not identifiable"], figures["seconds"]
    head = [
        "# How often the diagnosis is right",
        "",
        "Files made by a generator that shares no code with the engine (`benchmarks/diagnosis`); whether the truth can",
        "be told at all is decided there by likelihood.",
        "",
        "| figure | value |",
        "|---|---|",
        f"| files | {figures['files']} |",
        f"| right | {_percent(figures['right'])} |",
        f"| identifiable files | {told['files']} |",
        f"| … right | {_percent(told['right'])} |",
        f"| … abstained, which counts as wrong | {_percent(told['abstained'])} |",
        f"| … another reading named | {_percent(told['named another'])} |",
        f"| files that do not decide | {hidden['files']} |",
        f"| … right: “cannot tell” | {_percent(hidden['right'])} |",
        f"| … wrong commitments | {_percent(hidden['committed'])} |",
        f"| seconds per file, median and longest | {seconds['median']:.1f}, {seconds['longest']:.1f} |",
    ]
    tables = [_markdown_table(name, figures[name]) for name in figures if name.startswith("by ")]
    return "\n".join([*head, *(line for table in tables for line in table), *_markdown_confusions(figures)]) + "\n"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _markdown_table(name: str, rows: dict[str, dict[str, int]]) -> list[str]:
    scope = "" if name == "by group" else " (identifiable files)"
    lines = [
        "",
        f"## {name.capitalize()}{scope}",
        "",
        "| | files | right | abstained | wrong |",
        "|---|---|---|---|---|",
    ]
    cells = ("files", "right", "abstained", "wrong")
    return lines + [f"| {key} | {' | '.join(str(row[cell]) for cell in cells)} |" for key, row in rows.items()]


def _markdown_confusions(figures: dict[str, Any]) -> list[str]:
    if not figures["confusions"]:
        return ["", "## Confusions", "", "None."]
    lines = ["", "## Confusions", "", "| truth | answer | files |", "|---|---|---|"]
    return lines + [f"| {row['truth']} | {row['answer']} | {row['files']} |" for row in figures["confusions"]]
