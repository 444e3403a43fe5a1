"""Deciding how a file with object, probe and positions is to be read, where the file leaves it open."""

from __future__ import annotations

from typing import Any

from ptycho_adapters.codec import ConversionError, ReadOptions
from ptycho_contracts.codes import Severity
from ptycho_contracts.physics.establish import establish
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.readings import Patterns, Reading
from ptycho_contracts.physics.verdict import physics_findings


def decide_reading(
    readings: list[Reading],
    model: ForwardModel,
    patterns: Patterns,
    options: ReadOptions,
    repairable: tuple[str, ...],
    places: tuple[str, str, str],
    way_out: str,
    unless_told: str | None = None,
) -> tuple[Reading, dict[str, Any]]:
    """The reading that the evidence proves, if all that it changes is open in this format.

    Args:
        readings: Named hypotheses; the first is the file's own statement.
        model: Predicts in the file's object and probe.
        patterns: As stored.
        options: For progress.
        repairable: Changes that the format leaves open; any other proven change is a defect of the file.
        places: Locations of the patterns, the y and the x positions.
        way_out: What the user can say to settle it.
        unless_told: Where somebody has named the reading: how the first one is accepted when nothing contradicts it.

    Raises:
        ConversionError: with the evidence.
    """
    outcome = establish(model, patterns, readings, options.step("verifying patterns"))
    evidence = {"method": "auto", "evidence": outcome.evidence.model_dump()}
    if outcome.reading is not None and set(outcome.reading.changes) <= set(repairable):
        return outcome.reading, evidence | ({"method": f"{unless_told}, proven"} if unless_told else {})
    if unless_told is not None and outcome.evidence.verdict == "cannot tell":
        return readings[0], evidence | {"method": f"{unless_told}; the evidence cannot tell"}
    found = physics_findings(outcome, model, patterns, readings[0], places)
    raise ConversionError(
        *(f.model_copy(update={"severity": Severity.ERROR, "fix": f"{f.fix} {way_out}"}) for f in found)
    )
