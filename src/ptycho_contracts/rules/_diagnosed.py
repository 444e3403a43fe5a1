"""What the physics rules of all formats share: the codes of a diagnosis, and its findings with the evidence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.finding import Finding
from ptycho_contracts.measured.patterns import PickedPatterns
from ptycho_contracts.physics.diagnosis.engine import judge_subject
from ptycho_contracts.physics.diagnosis.findings import Locations, diagnosis_findings
from ptycho_contracts.physics.diagnosis.judge import Judged
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.readings import Stored
from ptycho_contracts.rule import NotExaminableError
from ptycho_contracts.rules._measured import check_square

# Without an object.
OVERLAP_CODES = (codes.SWAPPED_AXES, codes.NEGATED_AXIS, codes.CORNER_ORIGIN, codes.CANNOT_TELL)
# With an object and a probe; which unit is mistaken for which, and whether a pixel size can be, the format decides.
FORWARD_CODES = (
    codes.WRONG_ORDER,
    codes.OTHER_FRAME,
    codes.TURNED_PATTERNS,
    codes.TURNED_OBJECT,
    codes.TURNED_PROBE,
    codes.UNEXPLAINED,
    codes.PATTERN_ELSEWHERE,
    *OVERLAP_CODES,
)


def forward_findings(artifact: Artifact, subject: Subject, locations: Locations) -> Iterator[Finding]:
    """Under which reading object, probe and positions explain the patterns.

    Raises:
        NotExaminableError: one of them is not finite; depth `data` says where.
    """
    parts = {"object": subject.object, "probe": subject.probe, "positions": subject.centred_px}
    broken = [name for name, values in parts.items() if not np.isfinite(values).all()]
    if broken:
        raise NotExaminableError(f"not finite: {', '.join(broken)}")
    yield from _told(artifact, judge_subject(subject), locations)


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
    diagnosis = diagnose_overlap(patterns, positions_px, stored, probe)
    if not diagnosis.ranked:  # nothing was tried
        raise NotExaminableError("; ".join(diagnosis.undecided))
    yield from _told(artifact, Judged(diagnosis, ()), locations)


def _told(artifact: Artifact, judged: Judged, locations: Locations) -> Iterator[Finding]:
    artifact.evidence["physics"] = judged.evidence()
    yield from diagnosis_findings(judged, locations)
