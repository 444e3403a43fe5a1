"""What the physics check needs to know of a RawData file."""

from __future__ import annotations

import numpy as np

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.physics.diagnosis.subject import Subject, corner_frames
from ptycho_contracts.physics.raw_data_readings import CENTRE_OFFSET_PX
from ptycho_contracts.physics.readings import Stored
from ptycho_contracts.physics.stored import StoredPatterns

NEEDS = ("npz:/diff3d", "npz:/xcoords", "npz:/ycoords", "npz:/probeGuess", "npz:/objectGuess")
_FRAME = "patch-index-half"


def raw_data_subject(artifact: Artifact, stored: Stored | None = None) -> Subject:
    """A RawData file as the diagnosis sees it: amplitudes of an arbitrary unit, coordinates of patch index N/2.

    Args:
        artifact: With an object.
        stored: What the caller says of the values; by default what the format says.
    """
    member = artifact.member("npz:/diff3d")
    assert member is not None  # whoever asks needs it
    probe = artifact.read("npz:/probeGuess")
    probe = probe.reshape(-1, *probe.shape[-2:])
    coordinates = np.column_stack([artifact.read("npz:/ycoords"), artifact.read("npz:/xcoords")])
    return Subject(
        patterns=StoredPatterns(artifact.source("npz"), "diff3d", member.shape),
        centred_px=coordinates.astype(np.float64),
        object=artifact.read("npz:/objectGuess"),
        probe=probe,
        stored=stored or "amplitude",
        frame=_FRAME,
        frames={_FRAME: lambda _: (CENTRE_OFFSET_PX, CENTRE_OFFSET_PX), **corner_frames(probe.shape[-1])},
        pixels_known=False,
        counts=False,
    )
