"""What several rules need to know of a pair: where its patches lie on the canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychovit_para import FRAME
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.frames import FRAMES, PTYCHOVIT, Frame
from ptycho_contracts.physics.stored import StoredPatterns

POSITIONS = ("para:/probe_position_y_m", "para:/probe_position_x_m")
GEOMETRY = (*POSITIONS, "para:/object", "para:/probe")


def stated_frame(artifact: Artifact) -> Frame:
    """The frame that the file names, or PtychoViT's, whose format it is."""
    return FRAMES.get(artifact.root_attribute("para", FRAME) or "", PTYCHOVIT)


def pixel_m(artifact: Artifact) -> tuple[float, float]:
    """(height, width) of an object pixel; PtychoViT divides both axes by the height, so a width may be absent."""
    height = float(artifact.attribute("para:/object", "pixel_height_m"))
    return height, float(artifact.attribute("para:/object", "pixel_width_m") or height)


def centred_px(artifact: Artifact) -> NDArray[np.float64]:
    """(n, 2) positions (y, x) in object pixels from the frame's origin."""
    y, x = (artifact.read(location).astype(np.float64) for location in POSITIONS)
    centred: NDArray[np.float64] = np.column_stack([y, x]) / np.array(pixel_m(artifact))
    return centred


def pair_subject(artifact: Artifact, frame: str | None = None) -> Subject:
    """A pair as the diagnosis sees it; the frame is the caller's, or else the stated one."""
    member = artifact.member("dp:/dp")
    assert member is not None  # whoever asks needs it
    centre = [float(artifact.attribute("para:/object", name) or 0) for name in ("center_y_m", "center_x_m")]
    height, width = pixel_m(artifact)
    probe = artifact.read("para:/probe")[0]
    return Subject(
        patterns=StoredPatterns(artifact.source("dp"), "dp", member.shape),
        centred_px=centred_px(artifact),
        object=artifact.read("para:/object")[0],
        probe=probe,
        frame=frame or stated_frame(artifact).name,
        frames=centred_frames(probe.shape[-1], (centre[0] / height, centre[1] / width)),
    )


def canvas(artifact: Artifact) -> tuple[int, int]:
    """(rows, columns) of the object."""
    member = artifact.member("para:/object")
    assert member is not None  # every rule that asks needs the object
    return member.shape[1], member.shape[2]


def origin_px(artifact: Artifact, frame: Frame) -> tuple[float, float]:
    """Array coordinate of position 0 (y, x) on the object; its stored centre counts where the frame's tools use it."""
    height, width = pixel_m(artifact)
    y, x = (frame.origin_px(size) for size in canvas(artifact))
    if not frame.takes_centre:
        return y, x
    centre = [float(artifact.attribute("para:/object", f"center_{letter}_m") or 0.0) for letter in "yx"]
    return y - centre[0] / height, x - centre[1] / width


def share_outside(centre_px: NDArray[np.float64], n: int, size: tuple[int, int]) -> float:
    """Share of the patches of which more than a pixel leaves the canvas."""
    half = (n - 1) / 2
    low = centre_px - half < -1.0
    high = centre_px + half > np.array(size) - 1 + 1.0
    return float(np.mean((low | high).any(axis=1)))


def patch_size(artifact: Artifact) -> int:
    """Side n of the probe's patch."""
    member = artifact.member("para:/probe")
    assert member is not None  # every rule that asks needs the probe
    return member.shape[-1]
