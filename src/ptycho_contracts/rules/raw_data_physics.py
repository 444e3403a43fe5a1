"""Do object, probe and coordinates of a RawData file explain its patterns; without an object, do they overlap so?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.raw_data_npz import RawDataFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.diagnosis.findings import Locations
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._diagnosed import FORWARD_CODES, forward_findings, overlap_findings
from ptycho_contracts.rules._measured import picked
from ptycho_contracts.rules._raw_data import (
    NEEDS,
    OBJECT,
    raw_data_coordinates_px,
    raw_data_patterns,
    raw_data_probe,
    raw_data_subject,
)

_LOCATIONS = Locations("npz:/diff3d", "npz:/ycoords", "npz:/xcoords", OBJECT, "npz:/probeGuess")


@rule(
    *FORWARD_CODES,
    codes.INTENSITY_FOR_AMPLITUDE,
    on={"npz": RawDataFile},
    needs=NEEDS,
    depth="physics",
)
def raw_data_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model as the format means it, and under the usual mistakes where that does not stand."""
    if artifact.member(OBJECT) is None:
        patterns, places = raw_data_patterns(artifact), raw_data_coordinates_px(artifact)
        yield from overlap_findings(
            artifact,
            picked(patterns, np.arange(patterns.count), len(places)),
            places,
            _LOCATIONS,
            probe=raw_data_probe(artifact),
            stored="amplitude",
        )
        return
    yield from forward_findings(artifact, raw_data_subject(artifact), _LOCATIONS)
