"""The options of an arm in a study file: pydantic's errors as findings that say what could be written instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.documents import check_document
from ptycho_contracts.finding import Finding
from ptycho_runners.arms.base import Arm

_LISTED = "docs/arms.md lists the options of every arm."


def check_options(arm: Arm, options: dict[str, Any], location: str) -> list[Finding]:
    """Every finding about the options of an arm, placed below `location` of the study file."""
    return [_fitted(found, arm, location) for found in check_document(arm.options, options, "yaml")]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names the nearest of the known names; empty where none is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _fitted(found: Finding, arm: Arm, location: str) -> Finding:
    """The same finding, in words about options: those of the codes speak of files and their contracts."""
    place = found.location.removeprefix("yaml:/")
    dotted, name = place.replace("/", "."), place.rpartition("/")[2]
    told = {"location": f"{location}/{place}", "fix": f"Give the expected value. {_LISTED}"}
    if found.code == codes.MEMBER_MISSING.id:
        told["message"] = f"{arm.kind} needs the option {dotted!r}"
        told["fix"] = f"Add `{name}:` there. {_LISTED}"
    elif found.code == codes.FIELD_UNKNOWN.id:
        known = _known_beside(arm.options, place)
        told["message"] = f"{arm.kind} has no option {dotted!r}{did_you_mean(name, known)}"
        told["expected"] = ", ".join(known)
        told["fix"] = f"Correct the spelling, or remove the option. {_LISTED}"
    return found.model_copy(update=told)


def _known_beside(options: type[BaseModel], place: str) -> list[str]:
    """The options that may stand where `place` does, such as those of `train` for `train/epoch`."""
    model: type[BaseModel] | None = options
    for outer in place.split("/")[:-1]:
        field = model.model_fields.get(outer) if model else None
        model = _model_in(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of an annotation such as `TrainOptions | None`; None where it has none."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
