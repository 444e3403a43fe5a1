"""From the evidence of the physics check to findings; shared by the rules of every format that has physics."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.codes import Code
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.physics import mistakes
from ptycho_contracts.physics.establish import Established
from ptycho_contracts.physics.evidence import Evidence
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.frames import FRAMES
from ptycho_contracts.physics.matching import fits_other_places
from ptycho_contracts.physics.readings import Patterns, Reading

_BY_CHANGE = {
    mistakes.OTHER_UNIT["intensity"]: codes.AMPLITUDE_FOR_INTENSITY,
    mistakes.OTHER_UNIT["amplitude"]: codes.INTENSITY_FOR_AMPLITUDE,
    mistakes.SWAPPED: codes.SWAPPED_AXES,
    mistakes.NEGATED_Y: codes.NEGATED_AXIS,
    mistakes.NEGATED_X: codes.NEGATED_AXIS,
    mistakes.CORNER: codes.CORNER_ORIGIN,
}


def physics_findings(
    outcome: Established, model: ForwardModel, stored: Patterns, stated: Reading, places: tuple[str, str, str]
) -> Iterator[Finding]:
    """What the evidence says about a file.

    Args:
        outcome: Of `establish`, with the file's own statement as the first reading.
        model: Of `establish`; asked again only where no reading fits.
        stored: The patterns, likewise.
        stated: The file's own statement.
        places: Locations of the patterns, the y and the x positions.
    """
    evidence, patterns, positions = outcome.evidence, places[0], places[1:]
    if outcome.reading is not None:
        coded = [_code_of(change, patterns, positions) for change in outcome.reading.changes]
        for code, location in dict.fromkeys(coded):
            changes = [c for c in outcome.reading.changes if _code_of(c, patterns, positions) == (code, location)]
            yield _proven_changes(code, location, " + ".join(changes), evidence)
    elif evidence.shift_px is not None:
        yield _shifted(evidence, evidence.shift_px, positions[0])
    elif evidence.verdict == "cannot tell":
        yield finding(
            codes.CANNOT_TELL,
            patterns,
            "the patterns do not decide between readings",
            found=_stated(evidence),
        )
    elif evidence.confirmed is not None:
        done = evidence.confirmed
        yield finding(
            codes.WRONG_ORDER,
            f"{patterns}[{done.first_contradictions[0]}]",
            f"{done.contradict} of {done.patterns} patterns fit another place surely better than their own",
            expected="every pattern explained best at its own position",
            found=f"{done.agree} agree, {done.contradict} contradict, {done.undecided} undecided",
        )
    else:
        yield _nothing_fits(evidence, patterns, fits_other_places(model, stored, stated))


def _shifted(evidence: Evidence, shift_px: tuple[float, float], position: str) -> Finding:
    return finding(
        codes.OTHER_FRAME,
        position,
        f"read {evidence.chosen}, all positions are off by about ({shift_px[0]:+g}, {shift_px[1]:+g}) px (y, x)",
        expected="patterns explained best at the stated positions",
        found=f"moved by that much they are explained surely better; {_stated(evidence)}",
        fix="Move the positions, or find which origin their writer used. A probe off its centre looks the same.",
    )


def _proven_changes(code: Code, location: str, changes: str, evidence: Evidence) -> Finding:
    confirmed = evidence.confirmed
    agree = f"{confirmed.agree} of {confirmed.patterns}" if confirmed else "all sampled"
    return finding(
        code,
        location,
        f"{changes}: so read, {agree} patterns are explained best at their own position",
        expected="patterns explained as stated",
        found=f"{_stated(evidence)}; explained as {evidence.chosen!r}",
        fix=_way_out(code, changes),
    )


def _way_out(code: Code, changes: str) -> str | None:
    """A frame that has a name can be named to the conversion."""
    name = changes.removeprefix(mistakes.frame_change(""))
    return f"`ptycho convert --frame {name}` reads it so." if code is codes.OTHER_FRAME and name in FRAMES else None


def _code_of(change: str, patterns: str, positions: tuple[str, str]) -> tuple[Code, str]:
    if change.startswith(mistakes.frame_change("")):
        return codes.OTHER_FRAME, positions[0]
    code = _BY_CHANGE.get(change, codes.WRONG_ORDER)
    if code is codes.SWAPPED_AXES:
        return code, positions[1]
    if code is codes.NEGATED_AXIS:
        return code, positions[0 if change == mistakes.NEGATED_Y else 1]
    return code, patterns


def _stated(evidence: Evidence) -> str:
    first = evidence.readings[0]
    return (
        f"as stated {first.agree} of {first.sampled} sampled patterns agree, {first.contradict} contradict, "
        f"{first.undecided} are undecided"
    )


def _nothing_fits(evidence: Evidence, patterns: str, order_may_be_other: bool) -> Finding:
    if order_may_be_other:
        return finding(
            codes.WRONG_ORDER,
            patterns,
            "the patterns fit other positions of this scan, in an order that is none of the known ones",
            expected="every pattern explained best at its own position",
            found=_stated(evidence),
        )
    tried = ", ".join(e.reading for e in evidence.readings[:6])
    return finding(
        codes.UNEXPLAINED,
        patterns,
        "neither the file as stated nor any reading tried explains the patterns",
        expected="patterns explained by object, probe and positions",
        found=f"{_stated(evidence)}; tried {len(evidence.readings)} readings: {tried} …",
    )
