"""Does a pair's object, probe and positions explain its patterns; if not, which mistake does?"""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.diagnosis.findings import Locations
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._diagnosed import FORWARD_CODES, forward_findings
from ptycho_contracts.rules._pair import GEOMETRY, POSITIONS, pair_subject

_LOCATIONS = Locations("dp:/dp", *POSITIONS, "para:/object", "para:/probe", "para:/object@pixel_height_m")


@rule(
    *FORWARD_CODES,
    codes.AMPLITUDE_FOR_INTENSITY,
    codes.WRONG_PIXEL_SIZE,
    on={"dp": DpFile, "para": ParaFile},
    needs=("dp:/dp", *GEOMETRY),
    depth="physics",
)
def pair_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model as the file states it, and under the usual mistakes where that does not stand."""
    yield from forward_findings(artifact, pair_subject(artifact), _LOCATIONS)
