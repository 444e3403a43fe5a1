"""Patches that leave the object's canvas."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.rule import rule
from ptycho_contracts.rules._pair import (
    GEOMETRY,
    POSITIONS,
    canvas,
    centred_px,
    origin_px,
    patch_size,
    share_outside,
    stated_frame,
)

CODE = Code(
    "PTY302",
    Severity.WARNING,
    "patches leave the object's canvas",
    "The patch of a position lies partly outside the stored object, by more than a pixel.",
    "PtychoViT fills the outside with zeros (amplitude 0, phase 0) and trains on them without a word.",
    "Pad the object, or drop these patterns.",
)


@rule(CODE, on={"para": ParaFile}, needs=GEOMETRY, depth="data")
def patches_off_canvas(artifact: Artifact) -> Iterator[Finding]:
    """Some patch leaves the canvas."""
    size, n = canvas(artifact), patch_size(artifact)
    centres = centred_px(artifact) + np.array(origin_px(artifact, stated_frame(artifact)))
    share = share_outside(centres, n, size)
    if share > 0:
        yield finding(
            CODE,
            POSITIONS[0],
            f"{share:.0%} of the patches leave the canvas",
            expected=f"centres from {(n - 1) / 2} to {np.array(size) - 1 - (n - 1) / 2} px (y, x)",
            found=f"centres from {centres.min(axis=0).round(2)} to {centres.max(axis=0).round(2)} px; pattern "
            f"{_furthest(centres)} is furthest from the others",
        )


def _furthest(centres: NDArray[np.float64]) -> int:
    return int(np.abs(centres - np.median(centres, axis=0)).max(axis=1).argmax())
