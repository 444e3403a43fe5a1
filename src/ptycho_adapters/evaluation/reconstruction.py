"""The input of an evaluation: a complex field that knows where it lies and which of its pixels were seen."""

from dataclasses import dataclass

import numpy as np

from ptycho_adapters.evaluation.arrays import AnyComplex, AnyReal, Mask, Pair
from ptycho_adapters.evaluation.errors import EvaluationError


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """A reconstructed (or true) object.

    Attributes:
        field: (h, w) complex transmission.
        origin_px: object-array coordinate (y, x) of element [0, 0], possibly fractional; None if unknown.
        occupancy: (h, w) real, how often a pixel was illuminated; None means that all of them were.
            Only pixels with occupancy > 0 are compared, only they have to be finite.

    Raises:
        EvaluationError: the field is not 2-D complex, the occupancy or the origin does not fit it, no pixel
            is covered, or a covered pixel is not finite.

    """

    field: AnyComplex
    origin_px: Pair | None = None
    occupancy: AnyReal | None = None

    def __post_init__(self) -> None:
        if self.field.ndim != 2 or not np.iscomplexobj(self.field):
            raise EvaluationError(
                f"a reconstruction is a 2-D complex array, got {self.field.dtype} of shape {self.field.shape}"
            )
        if self.occupancy is not None and self.occupancy.shape != self.field.shape:
            raise EvaluationError(
                f"occupancy of shape {self.occupancy.shape} does not fit a field of {self.field.shape}"
            )
        origin = self.origin_px
        if origin is not None and not (len(origin) == 2 and np.isfinite(origin).all()):
            raise EvaluationError(f"origin_px is two finite numbers (y, x), got {origin}")
        covered = self.covered
        if not covered.any():
            raise EvaluationError("no pixel of the reconstruction is covered")
        broken = int(np.count_nonzero(~np.isfinite(self.field[covered])))
        if broken:
            raise EvaluationError(f"{broken} covered pixels of the reconstruction are not finite")

    @property
    def covered(self) -> Mask:
        """The pixels that the measurement has seen, (h, w) bool."""
        if self.occupancy is None:
            return np.ones(self.field.shape, dtype=np.bool_)
        return np.asarray(self.occupancy > 0, dtype=np.bool_)

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w)."""
        height, width = self.field.shape
        return height, width
