"""One evaluation for all arms, in object space; a failed arm keeps its error and spoils nobody else's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptycho_contracts.contracts.study import StudyEvaluation

if TYPE_CHECKING:
    from ptycho_adapters.evaluation.evaluate import Evaluation, Reconstruction
    from ptycho_runners.studies.data import Regions


def load(path: Path) -> Reconstruction:
    """A `recon.npz` as the evaluation takes it.

    Raises:
        ConversionError: it breaks its contract.
        EvaluationError: nothing in it can be compared.
    """
    from ptycho_adapters.recon import read_recon  # noqa: PLC0415

    return read_recon(path).for_evaluation()


def score(
    recon: Reconstruction, truth: Reconstruction, regions: Regions, settings: StudyEvaluation
) -> tuple[Evaluation, dict[str, Any]]:
    """The standard evaluation, and the entry for `metrics_by_model.json`.

    The profile `ptychopinn-1` knows no mask, so it compares the core of the scan, which every arm covers.

    Raises:
        EvaluationError: the fields cannot be compared.
    """
    from ptycho_adapters.evaluation.errors import EvaluationError  # noqa: PLC0415
    from ptycho_adapters.evaluation.evaluate import evaluate  # noqa: PLC0415

    standard = evaluate(recon, truth, regions.lit, grid=settings.grid, max_shift_px=settings.max_shift_px)
    entry = standard.to_dict()
    if settings.ptychopinn_1:
        try:
            other = evaluate(
                recon, truth, regions.core, profile="ptychopinn-1", phase_align=settings.phase_align
            ).to_dict()
            entry["metrics_ptychopinn_1"] = other["metrics"]
            entry["reasons_ptychopinn_1"] = other["reasons"]
            entry["evaluation_ptychopinn_1"] = other["evaluation"]
        except EvaluationError as error:
            entry["reasons_ptychopinn_1"] = {"all": str(error)}
    return standard, entry
