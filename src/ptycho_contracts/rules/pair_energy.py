"""Whether the probe's scale gives the energy of the patterns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts import physics_codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._pair import GEOMETRY, centred_px, origin_px, stated_frame

TOLERANCE = 0.05

CODE = physics_codes.WRONG_PROBE_SCALE


@rule(CODE, on={"dp": DpFile, "para": ParaFile}, needs=("dp:/dp", *GEOMETRY), depth="data")
def pair_energy(artifact: Artifact) -> Iterator[Finding]:
    """Total energy of the model against that of the data."""
    model = ForwardModel(artifact.read("para:/object")[:1], artifact.read("para:/probe")[0])
    centres = centred_px(artifact) + np.array(origin_px(artifact, stated_frame(artifact)))
    predicted = float(model.energies(Places(np.zeros(len(centres), np.intp), centres)).sum())
    stored = artifact.stats["dp:/dp"].total
    ratio = predicted / stored if stored > 0 else float("inf")
    artifact.evidence["energy"] = {"predicted": predicted, "stored": stored, "ratio": ratio}
    if not abs(ratio - 1) <= TOLERANCE:
        yield finding(
            CODE,
            "para:/probe",
            f"the model's energy is {ratio:.4g} times that of the patterns",
            expected=f"a ratio of 1 ± {TOLERANCE}",
            found=f"{ratio:.4g}; {_needed(ratio)}",
        )


def _needed(ratio: float) -> str:
    if 0 < ratio < float("inf"):
        return f"the probe would need a factor {ratio**-0.5:.4g}"
    return "where the scan lies, object or probe are 0 or not finite"
