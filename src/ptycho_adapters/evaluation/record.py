"""What an evaluation hands back: the numbers, and everything that was done to the arrays."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from ptycho_adapters.evaluation.alignment import Alignment
from ptycho_adapters.evaluation.arrays import ComplexArray, Mask, Pair
from ptycho_adapters.evaluation.harmonize import Region
from ptycho_adapters.evaluation.metrics.ptychopinn_1 import PhaseAlign
from ptycho_adapters.evaluation.metrics.result import Value
from ptycho_adapters.evaluation.registration import Registration

Grid: TypeAlias = Literal["256", "native"]
Profile: TypeAlias = Literal["standard", "ptychopinn-1"]
OriginSource: TypeAlias = Literal["given", "equal shapes", "registered"]


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """Everything that was done to the arrays.

    Attributes:
        profile: which definitions.
        region: evaluated rectangle in object pixels.
        truth_origin_px: (y, x) of the truth's element [0, 0] in the object.
        recon_origin_px: the same of the reconstruction, before alignment.
        origin_source: given with the reconstruction, taken from the truth because the shapes are equal, or
            registered.
        registration: the registration, where there was one.
        grid: "256" or "native".
        grid_shape: (h, w) on which the metrics were computed.
        object_px_per_grid_px: (y, x) resampling factors.
        uncovered_share: share of the region's pixels left out, because the reconstruction or the truth does
            not cover them.
        alignment: what was removed; None in `ptychopinn-1`, which has its own ways.
        phase_align: `ptychopinn-1` only.
        resolution_object_px: `standard` only: {frc50, frc1over7: [amplitude, phase]}, the period in object
            pixels of the coarser axis.
        notes: qualifications of single numbers.

    """

    profile: Profile
    region: Region
    truth_origin_px: Pair
    recon_origin_px: Pair
    origin_source: OriginSource
    registration: Registration | None
    grid: Grid
    grid_shape: tuple[int, int]
    object_px_per_grid_px: Pair
    uncovered_share: float
    alignment: Alignment | None
    phase_align: PhaseAlign | None
    resolution_object_px: dict[str, list[float | None]] | None
    notes: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The numbers of one reconstruction.

    Attributes:
        reference_shape: (h, w) of the truth within the region, object pixels.
        metrics: {name: [amplitude, phase]} as in PtychoPINN's metrics_by_model.json; None where undefined.
        reasons: why a number is None, by `name.amplitude` and `name.phase`.
        evaluation: what was done to the arrays.
        recon: the compared reconstruction on the evaluated grid, for pictures.
        truth: the compared truth on the same grid.
        valid: the pixels that counted.

    """

    reference_shape: tuple[int, int]
    metrics: dict[str, list[Value]]
    reasons: dict[str, str]
    evaluation: EvaluationRecord
    recon: ComplexArray
    truth: ComplexArray
    valid: Mask

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for strict JSON."""
        return {
            "reference_shape": list(self.reference_shape),
            "metrics": self.metrics,
            "reasons": self.reasons,
            "evaluation": asdict(self.evaluation),
        }
