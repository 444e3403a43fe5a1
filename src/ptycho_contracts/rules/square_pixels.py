"""Pixels that are not square."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.rule import rule

CODE = Code(
    "PTY306",
    Severity.WARNING,
    "object pixels are not square",
    "Pixel height and width of the object differ.",
    "PtychoViT divides both axes by the height: columns are placed at a wrong scale.",
    "Resample to square pixels, or do not use the file with PtychoViT.",
)


@rule(CODE, on={"para": ParaFile}, needs=("para:/object",), depth="header")
def square_pixels(artifact: Artifact) -> Iterator[Finding]:
    """Height and width differ by more than rounding."""
    height = artifact.attribute("para:/object", "pixel_height_m")
    width = artifact.attribute("para:/object", "pixel_width_m")
    if isinstance(width, int | float) and not math.isclose(height, width, rel_tol=1e-6):
        yield finding(
            CODE,
            "para:/object@pixel_width_m",
            f"pixels are {height:.6g} m high and {width:.6g} m wide",
            expected=f"{height:.6g}",
            found=f"{width:.6g}",
        )
