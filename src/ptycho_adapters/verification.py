"""Whether the parts of a Scan belong together, where no single source vouches for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.codec import ReadOptions
from ptycho_adapters.needs import PARTS, holds
from ptycho_adapters.reading import decide_reading
from ptycho_adapters.scan import canvas_shape, centres_px, intensity_blocks
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.frames import FRAMES, GEOMETRIC
from ptycho_contracts.physics.mistakes import usual_mistakes

if TYPE_CHECKING:
    import xarray as xr


class ScanPatterns:
    """The intensities of a Scan as the physics check reads patterns.

    Args:
        scan: With square patterns, lazy or in memory.
    """

    def __init__(self, scan: xr.Dataset) -> None:
        self._scan = scan
        self._variable = scan["intensity"].variable
        self.count: int = self._variable.shape[0]

    def take(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Patterns (k, n, n) at these ascending numbers."""
        return self._variable[np.asarray(rows, np.intp)].values.astype(np.float32, copy=False)

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(first pattern, patterns (b, n, n)) in order."""
        for start, block in intensity_blocks(self._scan):
            yield start, block.astype(np.float32, copy=False)


def verify(scan: xr.Dataset, options: ReadOptions, vouched: str = "put together by the caller") -> dict[str, Any]:
    """Whether object, probe and positions explain the patterns, for the manifest.

    Args:
        scan: Whatever it holds.
        options: Of the caller; `as-stored` verifies nothing.
        vouched: Who says that the parts belong together; it is believed where the patterns do not decide.

    Raises:
        ConversionError: they do not, or do under one of the usual mistakes.
    """
    if options.order == "as-stored":
        return {"method": "as-stored", "trusted": "the parts belong together; not verified"}
    if not all(holds(scan, part) for part in PARTS):
        return {"method": "not verified", "trusted": "without patterns, positions, probe and object nothing can be"}
    size = canvas_shape(scan)
    origins = {name: (frame.origin_px(size[0]), frame.origin_px(size[1])) for name, frame in FRAMES.items()}
    centred = centres_px(scan) - np.array(origins[GEOMETRIC.name])
    _, evidence = decide_reading(
        usual_mistakes(centred, origins, GEOMETRIC.name, "intensity"),
        ForwardModel(scan["object"].values[:1], scan["probe"].values),
        ScanPatterns(scan),
        options,
        (),
        ("scan:/intensity", "scan:/position_y", "scan:/position_x"),
        "`--order as-stored` takes the parts as they are, unverified.",
        vouched,
    )
    return evidence
