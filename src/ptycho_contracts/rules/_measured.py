"""What the physics rules of measured files share: the object pixel, and the pattern of each position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.marks import PIXEL, PROPAGATION
from ptycho_contracts.measured.geometry import Geometry
from ptycho_contracts.measured.patterns import PickedPatterns, RowsOfPatterns
from ptycho_contracts.rule import NotExaminableError


def object_pixel_m(
    artifact: Artifact, role: str, geometry: Geometry, stated: tuple[float | None, float | None] = (None, None)
) -> NDArray[np.float64]:
    """(height, width) of an object pixel: stated by the format or a mark of ours, else that of the far field.

    Raises:
        NotExaminableError: nothing says it, or the patterns are of the near field.
    """
    if artifact.root_attribute(role, PROPAGATION) == "near-field":
        raise NotExaminableError("the patterns are of the near field, which is not modelled")
    marked = tuple(artifact.root_attribute(role, name) for name in PIXEL)
    for height, width in (stated, marked):
        if height is not None and width is not None:
            return np.array([float(height), float(width)])
    patch = geometry.patch_m()
    if patch is None or geometry.frame_shape is None:
        raise NotExaminableError("the object pixel is not known: no pattern has a place")
    pixel: NDArray[np.float64] = patch / np.array(geometry.frame_shape)
    return pixel


def picked(patterns: RowsOfPatterns, numbers: NDArray[np.intp], places: int) -> PickedPatterns:
    """The patterns that belong to the positions.

    Raises:
        NotExaminableError: there are not as many; another finding says so.
    """
    if len(numbers) != places:
        raise NotExaminableError(f"{len(numbers)} patterns have {places} positions")
    return PickedPatterns(patterns, numbers)


def check_square(shape: tuple[int, int]) -> None:
    """Refuse patterns that the model does not know.

    Raises:
        NotExaminableError: they are not square.
    """
    if shape[0] != shape[1]:
        raise NotExaminableError("the patterns are not square")
