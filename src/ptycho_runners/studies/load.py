"""Reading a study file, and choosing among its arms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from ptycho_contracts import engine_codes as codes
from ptycho_contracts.contracts.study import CONTRACT, Study, StudyArm
from ptycho_contracts.documents import check_document, read_document
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.sources.base import SourceError
from ptycho_runners.arms.base import Arm, all_arms
from ptycho_runners.errors import RunError
from ptycho_runners.studies.options import check_options, did_you_mean


def load_study(path: Path) -> Study:
    """The study of a file.

    Raises:
        RunError: with every finding about it.
    """
    try:
        value, found = read_document(path, CONTRACT.role)
    except SourceError as error:
        raise RunError(*error.findings) from error
    problems = [*found, *check_document(Study, value, CONTRACT.role)]
    if problems:
        raise RunError(*problems)
    return Study.model_validate(value)


def select(study: Study, names: Sequence[str] | None) -> list[tuple[StudyArm, Arm, BaseModel]]:
    """The selected arms with what runs them and their validated options; all of the study where none are named.

    Raises:
        RunError: a name is not in the study, a kind is not installed, or options are wrong; all at once.
    """
    problems = [_unknown(name, [a.id for a in study.arms]) for name in names or () if name not in _ids(study)]
    chosen: list[tuple[StudyArm, Arm, BaseModel]] = []
    for index, entry in enumerate(study.arms):
        if names is not None and entry.id not in names:
            continue
        arm = all_arms().get(entry.runs)
        if arm is None:
            problems.append(_unknown(entry.runs, sorted(all_arms()), f"yaml:/arms[{index}]/kind"))
            continue
        found = check_options(arm, entry.options, f"yaml:/arms[{index}]/options")
        problems += found
        if not found:
            chosen.append((entry, arm, arm.options.model_validate(entry.options)))
    if problems:
        raise RunError(*problems)
    return chosen


def _ids(study: Study) -> set[str]:
    return {arm.id for arm in study.arms}


def _unknown(name: str, known: Sequence[str], location: str = "yaml:/arms") -> Finding:
    return finding(
        codes.FIELD_INVALID,
        location,
        f"no arm {name!r}{did_you_mean(name, known)}",
        expected=", ".join(known),
        found=name,
        fix="Name one of the expected arms.",
    )
