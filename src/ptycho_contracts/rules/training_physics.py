"""Do object, probe and positions of Ptychodus' training data explain their patterns; if not, which mistake does?"""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychodus_training import TrainingFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.diagnosis.engine import judge_subject
from ptycho_contracts.physics.diagnosis.findings import Locations, diagnosis_findings
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._measured import check_square
from ptycho_contracts.rules._training import NEEDS, POSITIONS, training_patterns, training_subject

_LOCATIONS = Locations("training:/patterns", *POSITIONS, "training:/object", "training:/probe")


@rule(
    codes.WRONG_ORDER,
    codes.AMPLITUDE_FOR_INTENSITY,
    codes.SWAPPED_AXES,
    codes.OTHER_FRAME,
    codes.NEGATED_AXIS,
    codes.CORNER_ORIGIN,
    codes.TURNED_PATTERNS,
    codes.TURNED_OBJECT,
    codes.TURNED_PROBE,
    codes.UNEXPLAINED,
    codes.CANNOT_TELL,
    on={"training": TrainingFile},
    needs=NEEDS,
    depth="physics",
)
def training_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model as the format means it, and under the usual mistakes where that does not stand."""
    check_square(training_patterns(artifact).frame_shape)
    judged = judge_subject(training_subject(artifact))
    artifact.evidence["physics"] = judged.evidence()
    yield from diagnosis_findings(judged, _LOCATIONS)
