"""Do object, probe and positions of Ptychodus' training data explain their patterns; if not, which mistake does?"""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychodus_training import TrainingFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.diagnosis.findings import Locations
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._diagnosed import FORWARD_CODES, forward_findings
from ptycho_contracts.rules._measured import check_square
from ptycho_contracts.rules._training import NEEDS, POSITIONS, training_patterns, training_subject

_LOCATIONS = Locations("training:/patterns", *POSITIONS, "training:/object", "training:/probe")


@rule(
    *FORWARD_CODES,
    codes.AMPLITUDE_FOR_INTENSITY,
    on={"training": TrainingFile},
    needs=NEEDS,
    depth="physics",
)
def training_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model as the format means it, and under the usual mistakes where that does not stand."""
    check_square(training_patterns(artifact).frame_shape)
    yield from forward_findings(artifact, training_subject(artifact), _LOCATIONS)
