"""Part four: a whole study, from a split to metrics; and whether the metrics can tell good from flat."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ptycho_contracts.atomic import atomic_write_text
from ptycho_contracts.contracts.metrics_by_model import MetricsByModel, ModelMetrics
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_runners.gate.checks import Checks
from ptycho_runners.gate.workspace import Workspace

if TYPE_CHECKING:
    from ptycho_runners.studies.layout import Layout

_ARM = "gate"
_MODALITIES = ("amplitude", "phase")
# Over eight seeds the bundled weights reached 0.98 and more, and an SSIM at least 0.41 above that of a flat picture.
_LEAST_PEARSON = 0.9
_ABOVE_FLAT = 0.25
_UNCOVERED = 0.05


def check_smoke(workspace: Workspace, checks: Checks) -> str:
    """Run a study of one arm and judge what it left; returns the figures in one line."""
    from ptycho_runners.studies.run import run_study  # noqa: PLC0415

    outcome = run_study(_write_study(workspace), workspace.root / "study", say=workspace.say)
    checks.that("the arm finishes", outcome.ok, outcome.metrics[_ARM].get("error", "finished"))
    if not outcome.ok:
        return ""
    entry = MetricsByModel.model_validate_json(outcome.layout.metrics.read_text()).root[_ARM]
    manifest = RunManifest.model_validate_json(outcome.layout.manifest.read_text())
    checks.that("metrics and manifest follow their contracts", manifest.outcome == "complete", manifest.outcome)
    assert isinstance(entry, ModelMetrics)  # the arm finished
    assert entry.evaluation is not None
    uncovered = float(entry.evaluation["uncovered_share"])
    checks.that("the reconstruction covers what is compared", uncovered < _UNCOVERED, f"{uncovered:.1%} uncovered")
    reached = {name: _numbers(entry.metrics[name]) for name in ("pearson", "ssim")}
    finite = all(map(math.isfinite, [*reached["pearson"], *reached["ssim"]]))
    checks.that("its metrics are finite numbers", finite, reached)
    flat = _check_metrics(outcome.layout, entry.evaluation["region"], checks)
    if workspace.bundled:
        _check_quality(reached, flat, checks)
    checks.figures |= {"uncovered_share": uncovered, **{name: list(values) for name, values in reached.items()}}
    return _summary(reached, flat, uncovered)


def _summary(reached: dict[str, tuple[float, float]], flat: tuple[float, float], uncovered: float) -> str:
    pearson, ssim = ("{:.3f} / {:.3f}".format(*reached[name]) for name in ("pearson", "ssim"))
    of_flat = "{:.3f} / {:.3f}".format(*flat)
    return f"pearson {pearson}, ssim {ssim} (a flat picture {of_flat}), {uncovered:.1%} uncovered"


def _write_study(workspace: Workspace) -> Path:
    """A study of one arm on the test split; a foreign checkout brings the weights that part three trained."""
    import yaml  # noqa: PLC0415

    request = workspace.request
    weights = "bundled" if workspace.bundled else str(workspace.trained().outputs["best_model.pth"])
    checkout = request.checkout if workspace.bundled else str(Path(request.checkout).absolute())
    options = {
        "checkout": checkout,
        "python": request.python,
        "weights": weights,
        "device": request.device,
        "seed": request.seed,
    }
    study = {
        "name": "publication gate",
        "data": {"test": str(workspace.splits().test.relative_to(workspace.root))},
        "arms": [{"id": _ARM, "kind": "pinn_ptychovit", "options": options}],
    }
    path = workspace.root / "study.yaml"
    atomic_write_text(path, yaml.safe_dump(study, sort_keys=False))
    return path


def _check_metrics(layout: Layout, region: dict[str, Any], checks: Checks) -> tuple[float, float]:
    """The truth scores 1, a flat picture of the same coverage far less; returns the flat one's SSIM."""
    from ptycho_adapters.evaluation.evaluate import Region, evaluate  # noqa: PLC0415
    from ptycho_adapters.evaluation.reconstruction import Reconstruction  # noqa: PLC0415
    from ptycho_adapters.recon import read_recon  # noqa: PLC0415

    truth, recon = (read_recon(layout.recon(name)).for_evaluation() for name in ("gt", _ARM))
    flat = Reconstruction(np.full_like(recon.field, truth.field.mean()), recon.origin_px, recon.occupancy)
    of_truth, of_flat = (_numbers(evaluate(each, truth, Region(**region)).metrics["ssim"]) for each in (truth, flat))
    checks.that("the truth scores 1 against itself", min(of_truth) > 0.999, "ssim {:.4f} / {:.4f}".format(*of_truth))
    fails = max(of_flat) < 1 - _ABOVE_FLAT
    checks.that("a flat picture scores far less", fails, "ssim {:.3f} / {:.3f}".format(*of_flat))
    checks.figures["ssim_of_flat"] = list(of_flat)
    return of_flat


def _check_quality(reached: dict[str, tuple[float, float]], flat: tuple[float, float], checks: Checks) -> None:
    """What the bundled weights must reach on an object that they never saw."""
    for index, modality in enumerate(_MODALITIES):
        pearson, ssim = reached["pearson"][index], reached["ssim"][index]
        checks.that(f"pearson of the {modality} > {_LEAST_PEARSON}", pearson > _LEAST_PEARSON, f"{pearson:.3f}")
        above = ssim - flat[index]
        checks.that(f"ssim of the {modality} is above that of a flat picture", above > _ABOVE_FLAT, f"by {above:.3f}")


def _numbers(metric: Any) -> tuple[float, float]:
    """(amplitude, phase) of a metric that is a number; NaN where it is undefined."""
    amplitude, phase = (math.nan if value is None else float(value) for value in metric)
    return amplitude, phase
