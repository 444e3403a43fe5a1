"""Named origins: which object pixel position 0 means to which software.

`centre_px = position_m / pixel_m + origin(size)` gives the 0-based array coordinate of the patch's centre, patch
index (n−1)/2. The origins were found by running the tools on the same file; they differ by up to one pixel
between tools and versions, which a self-consistent reconstruction hides and a comparison does not. y is the
row, x the column, no flip, in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One origin convention.

    Attributes:
        name: What files of ours call it.
        used_by: Tools and versions seen to use it.
        origin_px: Array coordinate of position 0 for an axis of that many pixels.
        takes_centre: Whether its tools take the object's stored centre (`object@center_y_m`, `center_x_m`) off the
            positions first; the others ignore it.
    """

    name: str
    used_by: str
    origin_px: Callable[[int], float]
    takes_centre: bool = False


# Python's round() rounds half to even, as the tools do: 400 and 401 → 200, 402 → 201.
PTYCHOVIT = Frame(
    "ptychovit",
    "PtychoViT (flat generation), pty-chi ≤ 2.0.0, PtychoPINN 2.0.0's converter",
    lambda size: round(size / 2) + 0.5,
)
GEOMETRIC = Frame("geometric-centre", "Ptychodus ≥ 1.6.0", lambda size: (size - 1) / 2, takes_centre=True)
HALF_SIZE = Frame("half-size", "Ptychodus ≤ 1.5.1", lambda size: size / 2, takes_centre=True)
PTYCHI_2_1 = Frame(
    "pty-chi-2.1", "pty-chi ≥ 2.1.0", lambda size: (size - 1) / 2 if size % 2 == 0 else round(size / 2) - 0.5
)

FRAMES: dict[str, Frame] = {frame.name: frame for frame in (PTYCHOVIT, GEOMETRIC, HALF_SIZE, PTYCHI_2_1)}


def check_frame(name: str, known: Iterable[str] = FRAMES) -> None:
    """Refuse a name that no frame has.

    Raises:
        KeyError: naming all that are known, and the nearest.
    """
    names = list(known)
    if name in names:
        return
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise KeyError(f"no frame is called {name!r}; known: {', '.join(names)}{hint}")


def to_centre_px(
    position_m: NDArray[np.floating], pixel_m: float, size: int, frame: Frame = PTYCHOVIT
) -> NDArray[np.float64]:
    """Array coordinates of patch centres from positions in metres, along one axis of `size` pixels."""
    return np.asarray(position_m, np.float64) / pixel_m + frame.origin_px(size)


def to_position_m(
    centre_px: NDArray[np.floating], pixel_m: float, size: int, frame: Frame = PTYCHOVIT
) -> NDArray[np.float64]:
    """The inverse of `to_centre_px`."""
    return (np.asarray(centre_px, np.float64) - frame.origin_px(size)) * pixel_m
