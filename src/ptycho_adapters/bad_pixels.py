"""One mask of bad detector pixels from the masks that files hold, which may be one for each pattern."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def worst_of(masks: Iterable[NDArray[np.bool_]]) -> tuple[NDArray[np.bool_] | None, bool]:
    """A mask (h, w) of pixels that are bad in any pattern, and whether the patterns disagree.

    Args:
        masks: Blocks (b, h, w), true where a pixel is bad.
    """
    worst: NDArray[np.bool_] | None = None
    best: NDArray[np.bool_] | None = None
    for block in masks:
        any_bad, all_bad = np.asarray(block.any(axis=0)), np.asarray(block.all(axis=0))
        worst = any_bad if worst is None else worst | any_bad
        best = all_bad if best is None else best & all_bad
    return worst, bool(worst is not None and np.any(worst != best))
