"""Positions of a pair that are pixels, not metres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
    "PTY301",
    Severity.ERROR,
    "positions look like pixels",
    "Read as metres the positions leave the object canvas; read as pixels they fit it.",
    "PtychoViT divides by the pixel size: patches land far outside the canvas and are silently filled with zeros, "
    "or the padding exhausts the memory.",
    "Store `(centre_px − origin) · pixel_size_m`; `ptycho convert` does.",
)


@rule(CODE, on={"para": ParaFile}, needs=GEOMETRY, depth="data")
def positions_in_pixels(artifact: Artifact) -> Iterator[Finding]:
    """Most patches leave the canvas as metres and none does as pixels, absolute or centred."""
    size, n = canvas(artifact), patch_size(artifact)
    origin = np.array(origin_px(artifact, stated_frame(artifact)))
    metres = centred_px(artifact) + origin
    raw = np.column_stack([artifact.read(location).astype(np.float64) for location in POSITIONS])
    if not np.all(np.isfinite(raw)) or share_outside(metres, n, size) <= 0.5:
        return
    if min(share_outside(raw, n, size), share_outside(raw + origin, n, size)) > 0:
        return
    if np.ptp(raw, axis=0).max() < 1:
        return  # a scan of less than a pixel is none: these are metres from another origin, near 0 in any unit
    yield finding(
        CODE,
        POSITIONS[1],
        f"read as metres {share_outside(metres, n, size):.0%} of the patches leave the canvas; as pixels none does",
        expected="metres from the frame's origin",
        found=f"values from {raw.min():.6g} to {raw.max():.6g} with a canvas of {size[0]}×{size[1]} px",
    )
