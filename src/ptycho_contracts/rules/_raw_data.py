"""What the physics check needs to know of a RawData file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.physics.diagnosis.subject import Subject, corner_frames
from ptycho_contracts.physics.raw_data_readings import CENTRE_OFFSET_PX
from ptycho_contracts.physics.readings import Stored
from ptycho_contracts.physics.stored import StoredPatterns

OBJECT = "npz:/objectGuess"
NEEDS = ("npz:/diff3d", "npz:/xcoords", "npz:/ycoords", "npz:/probeGuess")
_FRAME = "patch-index-half"


def raw_data_patterns(artifact: Artifact) -> StoredPatterns:
    """The patterns as they lie."""
    member = artifact.member("npz:/diff3d")
    assert member is not None  # whoever asks needs it
    return StoredPatterns(artifact.source("npz"), "diff3d", member.shape)


def raw_data_probe(artifact: Artifact) -> NDArray[np.complexfloating]:
    """(mode, N, N)."""
    probe = artifact.read("npz:/probeGuess")
    return probe.reshape(-1, *probe.shape[-2:])


def raw_data_coordinates_px(artifact: Artifact) -> NDArray[np.float64]:
    """(n, 2) of patch index N/2, (y, x)."""
    return np.column_stack([artifact.read("npz:/ycoords"), artifact.read("npz:/xcoords")]).astype(np.float64)


def raw_data_subject(artifact: Artifact, stored: Stored | None = None) -> Subject:
    """A RawData file as the diagnosis sees it: amplitudes of an arbitrary unit, coordinates of patch index N/2.

    Args:
        artifact: With an object.
        stored: What the caller says of the values; by default what the format says.
    """
    probe = raw_data_probe(artifact)
    return Subject(
        patterns=raw_data_patterns(artifact),
        centred_px=raw_data_coordinates_px(artifact),
        object=artifact.read(OBJECT),
        probe=probe,
        stored=stored or "amplitude",
        frame=_FRAME,
        frames={_FRAME: lambda _: (CENTRE_OFFSET_PX, CENTRE_OFFSET_PX), **corner_frames(probe.shape[-1])},
        pixels_known=False,
        counts=False,
    )
