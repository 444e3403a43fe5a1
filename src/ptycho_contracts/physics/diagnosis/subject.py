"""What is diagnosed: the arrays of a file as they are stored, and how the file says that they are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.changes import ARRAY_CORNER, PATCH_CORNER
from ptycho_contracts.physics.frames import FRAMES, PTYCHOVIT, Frame
from ptycho_contracts.physics.readings import Patterns, Stored
from ptycho_contracts.physics.signatures import spread

Origin = Callable[[tuple[int, int]], tuple[float, float]]


@dataclass(frozen=True)
class Subject:
    """A file whose patterns, positions, object and probe are all stored.

    Attributes:
        patterns: As stored, n patterns of (N, N).
        centred_px: (n, 2) float64 positions (y, x) as stored, in pixels from the stated frame's origin.
        object: (H, W) complex, as stored.
        probe: (M, N, N) complex, as stored; M incoherent modes.
        stored: What the file states its values to be.
        frame: The frame that it states, one of `frames`.
        frames: Name → canvas (rows, columns) → array coordinate (y, x) of position 0.
        pixels_known: Whether positions became pixels by a pixel size, which may be wrong.
        counts: Whether the unit of the patterns is that of the probe, so that energies can be compared.
        left_out: Ascending numbers of patterns that have no say.
    """

    patterns: Patterns
    centred_px: NDArray[np.float64]
    object: NDArray[np.complexfloating]
    probe: NDArray[np.complexfloating]
    stored: Stored = "intensity"
    frame: str = PTYCHOVIT.name
    frames: Mapping[str, Origin] = field(default_factory=dict)
    pixels_known: bool = True
    counts: bool = True
    left_out: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))

    @property
    def n(self) -> int:
        """Side of a pattern in pixels."""
        return int(self.probe.shape[-1])

    @property
    def canvas(self) -> tuple[int, int]:
        """(rows, columns) of the stored object."""
        return int(self.object.shape[0]), int(self.object.shape[1])

    @property
    def judged(self) -> NDArray[np.intp]:
        """Ascending numbers of the patterns that have a say."""
        return np.setdiff1d(np.arange(self.patterns.count, dtype=np.intp), self.left_out)

    def sample(self, most: int) -> NDArray[np.intp]:
        """At most so many of them, spread evenly over the scan."""
        judged = self.judged
        return judged[spread(len(judged), most)]

    def origin_px(self, frame: str, canvas: tuple[int, int]) -> NDArray[np.float64]:
        """Array coordinate (y, x) of position 0."""
        return np.array(self.frames[frame](canvas), np.float64)


def corner_frames(n: int) -> dict[str, Origin]:
    """Positions that count from array index 0: of a patch's centre, or of its corner, (n−1)/2 before it."""
    half = (n - 1) / 2
    return {ARRAY_CORNER: lambda _: (0.0, 0.0), PATCH_CORNER: lambda _: (half, half)}


def centred_frames(n: int, stored_centre_px: tuple[float, float] = (0.0, 0.0)) -> dict[str, Origin]:
    """The origins that positions about the middle are found to have, and the corners of the array.

    Args:
        n: Side of a patch.
        stored_centre_px: (y, x) that the file says of the object's centre; some tools take it off.
    """
    return {frame.name: _origin(frame, stored_centre_px) for frame in FRAMES.values()} | corner_frames(n)


def _origin(frame: Frame, stored_centre_px: tuple[float, float]) -> Origin:
    off_y, off_x = stored_centre_px if frame.takes_centre else (0.0, 0.0)
    return lambda canvas: (frame.origin_px(canvas[0]) - off_y, frame.origin_px(canvas[1]) - off_x)
