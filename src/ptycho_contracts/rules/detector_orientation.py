"""Basis vectors of a detector that positions cannot be turned by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.cxi import BASIS_VECTORS, PIXELS_M, CxiFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.measured.cxi import basis_vectors, directions
from ptycho_contracts.measured.geometry import number
from ptycho_contracts.rule import rule

_TOLERANCE = 0.01

CODE = Code(
    "PTY334",
    Severity.ERROR,
    "the detector's basis vectors cannot be followed",
    "A basis vector is zero, points along none of the axes x and y, or has another length than the pixel size says.",
    "cdtools follows the vectors and Ptychodus the pixel sizes: one file, two objects. A tilted detector needs "
    "patterns that were resampled.",
    "Correct the vectors: (0, −height, 0) from row to row and (−width, 0, 0) from column to column is the usual "
    "detector. Resample the patterns of a tilted one.",
)


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="header")
def detector_orientation(artifact: Artifact) -> Iterator[Finding]:
    """The vectors of a CXI file."""
    source = artifact.source("cxi")
    basis = basis_vectors(source)
    if basis is None:
        return
    location = f"cxi:/{BASIS_VECTORS}"
    if directions(source) is None:
        yield finding(
            CODE,
            location,
            "the detector's rows and columns do not run along x and y",
            expected="two vectors, one along x and one along y",
            found=str(basis.tolist()),
        )
        return
    sizes = [number(source, member) for member in PIXELS_M]
    lengths = np.linalg.norm(basis, axis=1)
    for size, length, what in zip(sizes, lengths, ("height", "width"), strict=True):
        if size is not None and abs(length / size - 1) > _TOLERANCE:
            yield finding(
                CODE,
                location,
                f"by its basis vector a pixel has a {what} of {length:.6g} m, by the pixel size {size:.6g} m",
                expected=f"{size:.6g}",
                found=f"{length:.6g}",
            )
