"""One call from a reconstruction and a truth to the numbers and the record of everything done to get them."""

import numpy as np

from ptycho_adapters.evaluation.alignment import DEFAULT_MAX_SHIFT_PX, align
from ptycho_adapters.evaluation.arrays import Pair
from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.harmonize import CANONICAL_SIZE, Patch, Region, cut, resample_pair
from ptycho_adapters.evaluation.metrics.ptychopinn_1 import PhaseAlign, ptychopinn_1
from ptycho_adapters.evaluation.metrics.result import MetricTable
from ptycho_adapters.evaluation.metrics.standard import NYQUIST, standard
from ptycho_adapters.evaluation.reconstruction import Reconstruction
from ptycho_adapters.evaluation.record import Evaluation, EvaluationRecord, Grid, OriginSource, Profile
from ptycho_adapters.evaluation.registration import Registration, register_origin

__all__ = ["Evaluation", "EvaluationError", "Reconstruction", "Region", "evaluate"]

# Under these a registration may have found anything: noise alone reaches a correlation of some thousandths.
MIN_CORRELATION = 0.2
MIN_SURENESS = 0.05


def evaluate(
    recon: Reconstruction,
    truth: Reconstruction,
    region: Region | None = None,
    *,
    grid: Grid = "256",
    profile: Profile = "standard",
    phase_align: PhaseAlign = "plane",
    max_shift_px: float = DEFAULT_MAX_SHIFT_PX,
) -> Evaluation:
    """Score a reconstruction against the truth.

    `standard`: both fields are cut to the region in the object's frame, the reconstruction is aligned, both
    are resampled to the grid, and the pixels that both cover are compared. The alignment comes before the
    resampling: a phase ramp must not meet an anti-alias filter. `ptychopinn-1`: both fields are compared
    pixel by pixel at their own size; `grid` and `max_shift_px` do not apply.

    Args:
        recon: without an origin, that of the truth is taken if the shapes are equal, else it is registered.
        truth: without an origin, its element [0, 0] is the object's (0, 0).
        region: what to compare, usually `harmonize.region_of_scan`; None: all of the truth.
        grid: "256" is the canonical 256 × 256, "native" the region's own pixels.
        profile: which definitions.
        phase_align: what `ptychopinn-1` removes from the phases.
        max_shift_px: search range of the alignment per axis, object pixels; 0: positions are trusted.

    Raises:
        EvaluationError: the fields cannot be compared; the message says why.
        ImportError: scikit-image is missing (`standard`).

    """
    if truth.origin_px is None:
        truth = Reconstruction(truth.field, (0.0, 0.0), truth.occupancy)
    if profile == "ptychopinn-1":
        return _as_ptychopinn(recon, truth, region, phase_align)
    return _as_standard(recon, truth, region or _whole(truth), grid, max_shift_px)


def _whole(truth: Reconstruction) -> Region:
    """All pixels of the object that lie within the truth's pixel centres."""
    first = np.ceil(np.array(_origin(truth)) - 1e-9).astype(int)
    last = np.floor(np.array(_origin(truth)) + np.array(truth.shape) - 1 + 1e-9).astype(int)
    height, width = (last - first + 1).tolist()
    return Region(int(first[0]), int(first[1]), height, width)


def _origin(source: Reconstruction) -> Pair:
    if source.origin_px is None:
        raise EvaluationError("the array has no origin_px: register it first")
    return float(source.origin_px[0]), float(source.origin_px[1])


def _placed(recon: Reconstruction, truth: Reconstruction) -> tuple[Reconstruction, OriginSource, Registration | None]:
    """Give a reconstruction its origin."""
    if recon.origin_px is not None:
        return recon, "given", None
    if recon.shape == truth.shape:
        return Reconstruction(recon.field, truth.origin_px, recon.occupancy), "equal shapes", None
    found = register_origin(recon, truth)
    if found.correlation < MIN_CORRELATION or found.sureness < MIN_SURENESS:
        raise EvaluationError(
            f"the reconstruction {recon.shape} has no origin_px and cannot be found in the truth "
            f"{truth.shape}: correlation {found.correlation:.3f}, sureness {found.sureness:.3f}"
        )
    return Reconstruction(recon.field, found.origin_px, recon.occupancy), "registered", found


def _as_standard(
    recon: Reconstruction, truth: Reconstruction, region: Region, grid: Grid, max_shift_px: float
) -> Evaluation:
    placed, source, registration = _placed(recon, truth)
    known = cut(truth, region)
    aligned, alignment = align(placed, known, region, max_shift_px)
    shape = (CANONICAL_SIZE, CANONICAL_SIZE) if grid == "256" else region.shape
    factors = region.height / shape[0], region.width / shape[1]
    on_grid, reference = resample_pair(aligned, known, shape)
    # Finer than the region's own pixels there is nothing to correlate but the interpolation.
    table = standard(on_grid.field, reference.field, on_grid.valid, NYQUIST * min(1.0, *factors))
    return _joined(
        table,
        EvaluationRecord(
            profile="standard",
            region=region,
            truth_origin_px=_origin(truth),
            recon_origin_px=_origin(placed),
            origin_source=source,
            registration=registration,
            grid=grid,
            grid_shape=shape,
            object_px_per_grid_px=factors,
            uncovered_share=float(1 - np.mean(aligned.valid & known.valid)),
            alignment=alignment,
            phase_align=None,
            resolution_object_px=_resolution(table, max(factors)),
            notes=table.notes,
        ),
        on_grid,
        reference,
    )


def _resolution(table: MetricTable, object_px_per_grid_px: float) -> dict[str, list[float | None]]:
    return {
        name: [
            object_px_per_grid_px / value if isinstance(value, float) and value > 0 else None
            for value in table.metrics[name]
        ]
        for name in ("frc50", "frc1over7")
    }


def _as_ptychopinn(
    recon: Reconstruction, truth: Reconstruction, region: Region | None, phase_align: PhaseAlign
) -> Evaluation:
    """Compare fields as they are, or the same whole pixels of both."""
    if region is None and recon.shape != truth.shape:
        raise EvaluationError(f"ptychopinn-1 compares equal shapes, got {recon.shape} and {truth.shape}: name a region")
    placed, source, registration = _placed(recon, truth)
    if region is None:
        region = _whole(truth)
        known, seen = (Patch(s.field.astype(np.complex128), s.covered) for s in (truth, recon))
        table = ptychopinn_1(recon.field, truth.field, phase_align)
    else:
        known, seen = cut(truth, region), cut(placed, region)
        if not (known.valid & seen.valid).all():
            raise EvaluationError("ptychopinn-1 knows no mask, and the region is not covered entirely")
        table = ptychopinn_1(seen.field.astype(np.complex64), known.field.astype(np.complex64), phase_align)
    return _joined(
        table,
        EvaluationRecord(
            profile="ptychopinn-1",
            region=region,
            truth_origin_px=_origin(truth),
            recon_origin_px=_origin(placed),
            origin_source=source,
            registration=registration,
            grid="native",
            grid_shape=region.shape,
            object_px_per_grid_px=(1.0, 1.0),
            uncovered_share=float(1 - np.mean(known.valid & seen.valid)),
            alignment=None,
            phase_align=phase_align,
            resolution_object_px=None,
            notes=table.notes,
        ),
        seen,
        known,
    )


def _joined(table: MetricTable, record: EvaluationRecord, recon: Patch, truth: Patch) -> Evaluation:
    return Evaluation(
        reference_shape=record.region.shape,
        metrics=table.metrics,
        reasons=table.reasons,
        evaluation=record,
        recon=recon.field,
        truth=truth.field,
        valid=recon.valid,
    )
