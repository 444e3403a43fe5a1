"""From a diagnosis to findings: one for each code, where the file can be mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.codes import Code
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.physics.diagnosis.changes import Change, in_words
from ptycho_contracts.physics.diagnosis.judge import Judged
from ptycho_contracts.physics.diagnosis.result import Candidate, Diagnosis
from ptycho_contracts.physics.diagnosis.singles import Moved
from ptycho_contracts.physics.frames import FRAMES

_MORE = "`ptycho diagnose FILE` shows the evidence, and how to repair the file."
_EVIDENCE = "`ptycho diagnose FILE` shows the evidence."
_LEFT_OPEN = "without an object it stays open which of the axes, and whether of the positions or of the patterns"


@dataclass(frozen=True)
class Locations:
    """Where a format keeps what can be mistaken, as `role:/path`."""

    patterns: str
    y: str
    x: str
    object: str
    probe: str
    pixel_size: str = ""

    def of(self, change: Change) -> str:
        """Where a change is mended."""
        at: Mapping[str, str] = {
            "swapped-axes": self.x,
            "negated-y": self.y,
            "negated-x": self.x,
            "frame": self.y,
            "shift": self.y,
            "object": self.object,
            "probe": self.probe,
            "probe-scale": self.probe,
            "pixel-size": self.pixel_size or self.y,
        }
        return at.get(change.kind, self.patterns)


def diagnosis_findings(judged: Judged, locations: Locations) -> Iterator[Finding]:
    """What a diagnosis says against a file.

    A wrong scale of the probe is left to depth `data`, which sees it without the patterns' positions.
    """
    diagnosis = judged.diagnosis
    if diagnosis.verdict == "cannot tell":
        yield finding(
            codes.CANNOT_TELL,
            locations.patterns,
            "the patterns do not decide between readings",
            found="; or ".join(diagnosis.undecided),
            fix=f"{codes.CANNOT_TELL.fix} {_EVIDENCE}",
        )
    elif diagnosis.verdict == "unexplained":
        some = judged.confirmed is not None and judged.confirmed.contradict > 0
        yield _some_elsewhere(judged, locations) if some else _unexplained(diagnosis, locations)
    else:
        yield from _changes(judged, locations)
        yield from (_moved(one, locations) for one in judged.moved)


def _changes(judged: Judged, locations: Locations) -> Iterator[Finding]:
    changes = [c for c in judged.diagnosis.changes or () if c.code is not codes.WRONG_PROBE_SCALE]
    for code, location in dict.fromkeys((c.code, locations.of(c)) for c in changes):
        mine = [c for c in changes if (c.code, locations.of(c)) == (code, location)]
        if judged.diagnosis.method == "overlap":
            yield _overlaps_not(code, location, mine, judged.diagnosis)
        else:
            yield _mistaken(code, location, mine, judged)


def _moved(one: Moved, locations: Locations) -> Finding:
    y, x = one.by_px
    return finding(
        codes.PATTERN_ELSEWHERE,
        f"{locations.y if abs(y) >= abs(x) else locations.x}[{one.pattern}]",
        f"pattern {one.pattern} was taken ({y:+.2g}, {x:+.2g}) px (y, x) from where its position says",
        expected="a pattern that is explained best at its own place",
        found="moved by that much it is explained surely better, and nearly all others where they are",
    )


def _some_elsewhere(judged: Judged, locations: Locations) -> Finding:
    """Patterns that fit other places, in an order that is none: a position, or a pattern, is not what it says."""
    first = judged.confirmed.first_contradictions if judged.confirmed is not None else ()
    where = f"[{first[0]}]" if first else ""
    return finding(
        codes.WRONG_ORDER,
        f"{locations.patterns}{where}",
        "; ".join(judged.diagnosis.undecided),
        expected="every pattern explained best at its own position",
        found=f"first patterns that are not: {', '.join(map(str, first))}",
        fix=f"Look at positions and frames of these patterns; nothing repairs them without a guess. {_EVIDENCE}",
    )


def _mistaken(code: Code, location: str, changes: list[Change], judged: Judged) -> Finding:
    best, confirmed = judged.diagnosis.ranked[0], judged.confirmed
    agree = f"{confirmed.agree} of {confirmed.patterns}" if confirmed else f"{best.agree} of {best.sampled}"
    slugs = " + ".join(change.slug for change in changes)
    return finding(
        code,
        location,
        f"{in_words(changes)} ({slugs}): so read, {agree} patterns are explained best at their own position",
        expected="patterns explained as stated",
        found=f"{best.mean_residual:.3g} of their energy is left unexplained when the file is read as {best.meaning}",
        fix=f"{_way_out(changes) or code.fix} {_MORE}",
    )


def _overlaps_not(code: Code, location: str, changes: list[Change], diagnosis: Diagnosis) -> Finding:
    """Without an object: what a short reconstruction under the best turn explains, and under the next best."""
    best, *others = diagnosis.ranked
    rival = min(c.mean_residual for c in others)
    slugs = " + ".join(change.slug for change in changes)
    return finding(
        code,
        location,
        f"{in_words(changes)} ({slugs}): so read, neighbouring patterns overlap as their positions say",
        expected="patterns that overlap as the positions state",
        found=f"a reconstruction from {best.sampled} of them leaves {best.mean_residual:.3g} of their energy, "
        f"{rival:.3g} under the next best turn; {_LEFT_OPEN}",
        fix=f"{code.fix} {_EVIDENCE}",
    )


def _way_out(changes: list[Change]) -> str | None:
    """A frame that has a name can be named to the conversion."""
    name = changes[0].name
    return f"`ptycho convert --frame {name}` reads it so." if changes[0].kind == "frame" and name in FRAMES else None


def _unexplained(diagnosis: Diagnosis, locations: Locations) -> Finding:
    tried: tuple[Candidate, ...] = diagnosis.ranked[:3]
    left = "; ".join(f"{c.meaning}: {c.mean_residual:.3g} of the energy is left" for c in tried)
    return finding(
        codes.UNEXPLAINED,
        locations.patterns,
        "neither the file as stated nor any reading tried explains the patterns",
        expected="patterns explained by object, probe and positions",
        found="; ".join((*diagnosis.undecided, f"nearest came: {left}")),
        fix=f"{codes.UNEXPLAINED.fix} {_MORE}",
    )
