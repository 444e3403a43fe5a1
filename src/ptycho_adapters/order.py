"""How the reading of a file is decided: by evidence, by matching, or by trust; never by a silent guess."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ptycho_adapters.codec import ConversionError, ReadOptions
from ptycho_contracts import physics_codes as codes
from ptycho_contracts.codes import Severity
from ptycho_contracts.finding import finding
from ptycho_contracts.physics.establish import establish
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.physics.matching import match
from ptycho_contracts.physics.readings import Reading
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.physics.verdict import physics_findings

_WAY_OUT = (
    "`--order match` assigns every pattern to the object and position that explain it best, where that is one-to-one "
    "and sure; `--order as-stored` trusts the file."
)


def decide_order(
    readings: list[Reading],
    model: ForwardModel | None,
    patterns: StoredPatterns,
    options: ReadOptions,
    candidates: Callable[[], Places],
) -> tuple[Places, dict[str, Any]]:
    """The place of every pattern, and how it was decided (for the manifest).

    Args:
        readings: Named hypotheses; the first is the file's own statement.
        model: Predicts in the file's objects and probe; None where it holds no object.
        patterns: As stored.
        options: `order` says how to decide.
        candidates: Every place at which a pattern may have been taken; called for `match` only.

    Raises:
        ConversionError: with the evidence, where nothing is sure.
    """
    if options.order == "as-stored":
        return readings[0].places, {"method": "as-stored", "trusted": "the file's own order, not verified"}
    if model is None:
        raise ConversionError(
            finding(
                codes.CANNOT_TELL,
                "npz:/YY_full",
                "the file holds no object, so no evidence can establish the order of its patterns",
                expected="YY_full",
                found="no such member",
                fix="`--order as-stored` trusts the file and says so in the manifest.",
            )
        )
    if options.order == "match":
        return _match(readings[0], model, patterns, options, candidates())
    return _establish(readings, model, patterns, options)


def _establish(
    readings: list[Reading], model: ForwardModel, patterns: StoredPatterns, options: ReadOptions
) -> tuple[Places, dict[str, Any]]:
    outcome = establish(model, patterns, readings, options.step("verifying patterns"))
    if outcome.reading is not None:
        evidence = outcome.evidence.model_dump()
        return outcome.reading.places, {"method": "auto", "reading": outcome.reading.name, "evidence": evidence}
    places = ("npz:/diffraction", "npz:/coords_offsets", "npz:/coords_offsets")
    found = physics_findings(outcome, model, patterns, readings[0], places)
    raise ConversionError(*(f.model_copy(update={"severity": Severity.ERROR, "fix": _WAY_OUT}) for f in found))


def _match(
    stated: Reading, model: ForwardModel, patterns: StoredPatterns, options: ReadOptions, candidates: Places
) -> tuple[Places, dict[str, Any]]:
    places, figures = match(model, patterns, candidates, stated, options.step("matching patterns"))
    if figures.accepted:
        return places, {"method": "match", "evidence": figures.model_dump()}
    raise ConversionError(
        finding(
            codes.UNEXPLAINED,
            "npz:/diffraction",
            "patterns cannot be assigned to places one-to-one and surely",
            expected=f"{figures.patterns} sure assignments, no place taken twice",
            found=f"{figures.sure} sure, {'' if figures.one_to_one else 'not '}one-to-one, "
            f"{figures.unused_places} places unused, lowest margin {figures.min_margin:.3g}",
            fix="`--order as-stored` trusts the file and says so in the manifest.",
        )
    )
