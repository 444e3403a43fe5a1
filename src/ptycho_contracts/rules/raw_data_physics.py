"""Does a RawData file's object, probe and coordinates explain its patterns; if not, which mistake does?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.raw_data_npz import RawDataFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.establish import establish
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.raw_data_readings import raw_data_readings
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.physics.verdict import physics_findings
from ptycho_contracts.rule import rule


@rule(
    codes.WRONG_ORDER,
    codes.INTENSITY_FOR_AMPLITUDE,
    codes.SWAPPED_AXES,
    codes.OTHER_FRAME,
    codes.NEGATED_AXIS,
    codes.CORNER_ORIGIN,
    codes.UNEXPLAINED,
    codes.CANNOT_TELL,
    on={"npz": RawDataFile},
    needs=("npz:/diff3d", "npz:/xcoords", "npz:/ycoords", "npz:/probeGuess", "npz:/objectGuess"),
    depth="physics",
)
def raw_data_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model under the stated reading and under the usual mistakes."""
    member = artifact.member("npz:/diff3d")
    assert member is not None  # it is among the needs
    patterns = StoredPatterns(artifact.source("npz"), "diff3d", member.shape)
    probe = artifact.read("npz:/probeGuess")
    model = ForwardModel(artifact.read("npz:/objectGuess")[None], probe.reshape(-1, *probe.shape[-2:]))
    coordinates = np.column_stack([artifact.read("npz:/ycoords"), artifact.read("npz:/xcoords")])
    readings = raw_data_readings(coordinates.astype(np.float64))
    outcome = establish(model, patterns, readings)
    artifact.evidence["physics"] = outcome.evidence.model_dump()
    places = ("npz:/diff3d", "npz:/ycoords", "npz:/xcoords")
    yield from physics_findings(outcome, model, patterns, readings[0], places)
