"""Do object, probe and coordinates of a RawData file explain its patterns; without an object, do they overlap so?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.raw_data_npz import RawDataFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.physics.diagnosis.engine import judge_subject
from ptycho_contracts.physics.diagnosis.findings import Locations, diagnosis_findings
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._measured import overlap_findings, picked
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
    codes.WRONG_ORDER,
    codes.INTENSITY_FOR_AMPLITUDE,
    codes.SWAPPED_AXES,
    codes.OTHER_FRAME,
    codes.NEGATED_AXIS,
    codes.CORNER_ORIGIN,
    codes.TURNED_PATTERNS,
    codes.TURNED_OBJECT,
    codes.TURNED_PROBE,
    codes.UNEXPLAINED,
    codes.CANNOT_TELL,
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
    judged = judge_subject(raw_data_subject(artifact))
    artifact.evidence["physics"] = judged.evidence()
    yield from diagnosis_findings(judged, _LOCATIONS)
