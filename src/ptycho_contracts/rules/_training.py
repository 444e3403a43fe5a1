"""What the physics check needs to know of Ptychodus' training data."""

from __future__ import annotations

import numpy as np

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.frames import GEOMETRIC
from ptycho_contracts.physics.stored import StoredPatterns

POSITIONS = ("training:/probe_position_y_px", "training:/probe_position_x_px")
NEEDS = ("training:/patterns", *POSITIONS, "training:/object", "training:/probe")


def training_patterns(artifact: Artifact) -> StoredPatterns:
    """The patterns as they lie."""
    member = artifact.member("training:/patterns")
    assert member is not None  # whoever asks needs it
    return StoredPatterns(artifact.source("training"), "patterns", member.shape)


def training_subject(artifact: Artifact) -> Subject:
    """Training data as the diagnosis sees them: pixels of the object's array, a probe of unknown scale."""
    object_, probe = artifact.read("training:/object"), artifact.read("training:/probe")
    centres = np.column_stack([artifact.read(location) for location in POSITIONS]).astype(np.float64)
    return Subject(
        patterns=training_patterns(artifact),
        centred_px=centres - np.array([GEOMETRIC.origin_px(size) for size in object_.shape]),
        object=object_,
        probe=probe,
        frame=GEOMETRIC.name,
        frames=centred_frames(probe.shape[-1]),
        pixels_known=False,
        counts=False,
    )
