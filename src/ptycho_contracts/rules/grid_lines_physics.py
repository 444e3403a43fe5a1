"""Do the patterns of a grid-lines split lie in the order of its coordinates; if not, in which?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.grid_lines_npz import GridLinesFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.establish import establish
from ptycho_contracts.physics.grid_lines_split import open_grid_lines
from ptycho_contracts.physics.verdict import physics_findings
from ptycho_contracts.rule import NotExaminableError, rule


@rule(
    codes.WRONG_ORDER,
    codes.OTHER_FRAME,
    codes.UNEXPLAINED,
    codes.CANNOT_TELL,
    on={"npz": GridLinesFile},
    needs=("npz:/diffraction", "npz:/YY_full", "npz:/probeGuess"),
    depth="physics",
)
def grid_lines_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model under the stated order and under the known defects."""
    split = open_grid_lines(artifact.source("npz"))
    if split.model is None:  # YY_full is among the needs
        return
    if not np.isfinite(artifact.read(f"npz:/{split.offsets_key}")).all():
        raise NotExaminableError(f"npz:/{split.offsets_key} is not finite")
    outcome = establish(split.model, split.patterns, split.readings)
    artifact.evidence["physics"] = outcome.evidence.model_dump()
    offsets = f"npz:/{split.offsets_key}"
    places = ("npz:/diffraction", offsets, offsets)
    yield from physics_findings(outcome, split.model, split.patterns, split.readings[0], places)
