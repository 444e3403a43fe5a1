"""Does a pair's object, probe and positions explain its patterns; if not, which mistake does?"""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.establish import establish
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.frames import FRAMES
from ptycho_contracts.physics.mistakes import usual_mistakes
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.physics.verdict import physics_findings
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._pair import GEOMETRY, POSITIONS, canvas, centred_px, origin_px, stated_frame


@rule(
    codes.WRONG_ORDER,
    codes.AMPLITUDE_FOR_INTENSITY,
    codes.SWAPPED_AXES,
    codes.OTHER_FRAME,
    codes.NEGATED_AXIS,
    codes.CORNER_ORIGIN,
    codes.UNEXPLAINED,
    codes.CANNOT_TELL,
    on={"dp": DpFile, "para": ParaFile},
    needs=("dp:/dp", *GEOMETRY),
    depth="physics",
)
def pair_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model under the stated reading and under the usual mistakes."""
    member = artifact.member("dp:/dp")
    assert member is not None  # it is among the needs
    patterns = StoredPatterns(artifact.source("dp"), "dp", member.shape)
    model = ForwardModel(artifact.read("para:/object")[:1], artifact.read("para:/probe")[0])
    size = canvas(artifact)
    origins = {name: origin_px(frame, size) for name, frame in FRAMES.items()}
    readings = usual_mistakes(centred_px(artifact), origins, stated_frame(artifact).name, "intensity")
    outcome = establish(model, patterns, readings)
    artifact.evidence["physics"] = outcome.evidence.model_dump()
    yield from physics_findings(outcome, model, patterns, readings[0], ("dp:/dp", *POSITIONS))
