"""Known findings: which of a run's findings the baseline knows, and which of its entries occur no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.batch.discover import relative_to
from ptycho_contracts.codes import Severity
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.contracts.validation_baseline import CONTRACT, KnownFinding, ValidationBaseline
from ptycho_contracts.documents import validate_document
from ptycho_contracts.engine_codes import FILE_ABSENT
from ptycho_contracts.finding import DEPTHS, Finding, Report
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_json

_HALVES = tuple(suffix for suffix in (DpFile.suffix, ParaFile.suffix) if suffix)
Place = tuple[str, str]  # code and location


@dataclass
class Baseline:
    """The entries of a baseline, used up as findings claim them.

    A finding is known by its code, the path of its file relative to the baseline's folder, and its location; not by
    its message, which may hold numbers.
    """

    folder: Path
    entries: tuple[KnownFinding, ...]

    def __post_init__(self) -> None:
        self._by_path: dict[str, list[KnownFinding]] = {}
        for entry in self.entries:
            self._by_path.setdefault(entry.path, []).append(entry)
        self._fixed: list[KnownFinding] = []

    def split(self, raw: Report, judged: Report) -> tuple[Report, int]:
        """The report without the findings that are known, and how many these are.

        Args:
            raw: The report before the policy; an entry is fixed only if not even this has it.
            judged: The report after the policy.
        """
        entries = self._by_path.pop(place_of(raw, self.folder), [])
        if not entries:
            return judged, 0
        allowed = Counter({(e.code, e.location): e.count for e in entries})
        self._fixed += self._gone(entries, raw, allowed)
        new = [f for f in judged.findings if not _claimed(f, allowed)]
        known = len(judged.findings) - len(new)
        return judged.model_copy(update={"findings": tuple(new), "known": known}), known

    def _gone(self, entries: list[KnownFinding], raw: Report, allowed: Counter[Place]) -> Iterator[KnownFinding]:
        """The entries that the file no longer shows; an error that nobody knew may hide others, so nothing is said."""
        present = Counter((f.code, f.location) for f in raw.findings)
        if any(f.severity is Severity.ERROR and (f.code, f.location) not in allowed for f in raw.findings):
            return
        for entry in entries:
            looked = DEPTHS.index(entry.depth) <= DEPTHS.index(raw.depth)
            if looked and present[entry.code, entry.location] < entry.count:
                yield entry

    def fixed(self) -> tuple[str, ...]:
        """The entries to remove: of examined files that no longer show them, and of files that are gone."""
        gone = [e for path, entries in self._by_path.items() for e in entries if not self._exists(path)]
        return tuple(f"{e.code} {e.path} {e.location}" for e in (*self._fixed, *gone))

    def _exists(self, path: str) -> bool:
        return any((self.folder / (path + ending)).exists() for ending in ("", *_HALVES))


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        SourceError: absent, or not what the contract `validation-baseline` demands.
    """
    wrong = [f for f in validate_document(CONTRACT, path) if f.severity is Severity.ERROR]
    if wrong:
        raise SourceError(*wrong)
    value, _ = read_json(path, CONTRACT.role)
    return Baseline(path.parent.absolute(), ValidationBaseline.model_validate(value).findings)


def write_baseline(path: Path, reports: Iterable[Report]) -> int:
    """Write every finding of the reports as known; returns how many entries these are."""
    folder = path.parent.absolute()
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for report in reports:
        place = place_of(report, folder)
        # A path that leads to nothing is a mistake of the call, never a known finding of a file.
        known = [f for f in report.findings if f.code != FILE_ABSENT.id]
        counted.update((place, f.location, f.code, report.depth) for f in known)
    entries = [
        KnownFinding.model_validate({"code": code, "path": at, "location": location, "depth": depth, "count": count})
        for (at, location, code, depth), count in sorted(counted.items())
    ]
    atomic_write_json(path, ValidationBaseline(findings=tuple(entries)).model_dump(mode="json"))
    return len(entries)


def place_of(report: Report, folder: Path) -> str:
    """The path by which a baseline knows an artifact: relative to its folder, a pair without `_dp.hdf5`."""
    place = relative_to(Path(report.source[0]), folder)
    for suffix in _HALVES:
        place = place.removesuffix(suffix)
    return place.encode("utf-8", "backslashreplace").decode()  # names in another encoding, which JSON cannot hold


def _claimed(found: Finding, allowed: Counter[Place]) -> bool:
    """Whether the baseline knows the finding; an entry is good for as many as it counts."""
    place = (found.code, found.location)
    if allowed[place] < 1:
        return False
    allowed[place] -= 1
    return True
