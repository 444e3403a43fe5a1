"""What several rules need to know of a pair: where its patches lie on the canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.ptychovit_para import FRAME
from ptycho_contracts.physics.frames import FRAMES, PTYCHOVIT, Frame

POSITIONS = ("para:/probe_position_y_m", "para:/probe_position_x_m")
GEOMETRY = (*POSITIONS, "para:/object", "para:/probe")


def stated_frame(artifact: Artifact) -> Frame:
    """The frame that the file names, or PtychoViT's, whose format it is."""
    return FRAMES.get(artifact.root_attribute("para", FRAME) or "", PTYCHOVIT)


def centred_px(artifact: Artifact) -> NDArray[np.float64]:
    """(n, 2) positions (y, x) in object pixels from the frame's origin.

    PtychoViT divides both axes by the pixel height; where a width is stored, x is divided by it.
    """
    height = float(artifact.attribute("para:/object", "pixel_height_m"))
    width = float(artifact.attribute("para:/object", "pixel_width_m") or height)
    y, x = (artifact.read(location).astype(np.float64) for location in POSITIONS)
    return np.column_stack([y / height, x / width])


def canvas(artifact: Artifact) -> tuple[int, int]:
    """(rows, columns) of the object."""
    member = artifact.member("para:/object")
    assert member is not None  # every rule that asks needs the object
    return member.shape[1], member.shape[2]


def origin_px(frame: Frame, size: tuple[int, int]) -> tuple[float, float]:
    """Array coordinate of position 0 (y, x) on a canvas."""
    return frame.origin_px(size[0]), frame.origin_px(size[1])


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
