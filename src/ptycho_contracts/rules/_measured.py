"""What the physics rules of measured files share: the object pixel, and what overlapping patterns prove."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.finding import Finding
from ptycho_contracts.marks import PIXEL, PROPAGATION
from ptycho_contracts.measured.geometry import Geometry
from ptycho_contracts.measured.patterns import PickedPatterns, RowsOfPatterns
from ptycho_contracts.physics.diagnosis.findings import Locations, diagnosis_findings
from ptycho_contracts.physics.diagnosis.judge import Judged
from ptycho_contracts.physics.readings import Stored
from ptycho_contracts.rule import NotExaminableError

# Of a file without an object; `overlap_findings` reports no other.
OVERLAP_CODES = (codes.SWAPPED_AXES, codes.NEGATED_AXIS, codes.CORNER_ORIGIN, codes.CANNOT_TELL)


def object_pixel_m(
    artifact: Artifact, role: str, geometry: Geometry, stated: tuple[float | None, float | None] = (None, None)
) -> NDArray[np.float64]:
    """(height, width) of an object pixel: stated by the format or a mark of ours, else that of the far field.

    Raises:
        NotExaminableError: nothing says it, or the patterns are of the near field.
    """
    if artifact.root_attribute(role, PROPAGATION) == "near-field":
        raise NotExaminableError("the patterns are of the near field, which is not modelled")
    marked = tuple(artifact.root_attribute(role, name) for name in PIXEL)
    for height, width in (stated, marked):
        if height is not None and width is not None:
            return np.array([float(height), float(width)])
    patch = geometry.patch_m()
    if patch is None or geometry.frame_shape is None:
        raise NotExaminableError("the object pixel is not known: no pattern has a place")
    pixel: NDArray[np.float64] = patch / np.array(geometry.frame_shape)
    return pixel


def overlap_findings(
    artifact: Artifact,
    patterns: PickedPatterns,
    positions_px: NDArray[np.float64],
    locations: Locations,
    *,
    probe: NDArray[np.complexfloating] | None = None,
    stored: Stored = "intensity",
) -> Iterator[Finding]:
    """What neighbouring patterns prove about positions where no object is stored.

    Args:
        artifact: For the evidence.
        patterns: In the order of the positions.
        positions_px: (n, 2) in object pixels, from any origin.
        locations: Of the format.
        probe: (M, n, n), where one is stored.
        stored: What the values are.

    Raises:
        NotExaminableError: the patterns are not square, or too few, or too far apart to overlap.
    """
    from ptycho_contracts.physics.overlap import diagnose_overlap  # noqa: PLC0415 - only where no object is stored

    check_square(patterns.frame_shape)
    judged = Judged(diagnose_overlap(patterns, positions_px, stored, probe), ())
    if not judged.diagnosis.ranked:  # nothing was tried
        raise NotExaminableError("; ".join(judged.diagnosis.undecided))
    artifact.evidence["physics"] = judged.evidence()
    yield from diagnosis_findings(judged, locations)


def picked(patterns: RowsOfPatterns, numbers: NDArray[np.intp], places: int) -> PickedPatterns:
    """The patterns that belong to the positions.

    Raises:
        NotExaminableError: there are not as many; another finding says so.
    """
    if len(numbers) != places:
        raise NotExaminableError(f"{len(numbers)} patterns have {places} positions")
    return PickedPatterns(patterns, numbers)


def check_square(shape: tuple[int, int]) -> None:
    """Refuse patterns that the model does not know.

    Raises:
        NotExaminableError: they are not square.
    """
    if shape[0] != shape[1]:
        raise NotExaminableError("the patterns are not square")
