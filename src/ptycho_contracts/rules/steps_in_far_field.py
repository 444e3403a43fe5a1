"""Steps of a scan that leave neighbouring patterns without a common illumination in the far field."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.cxi import CxiFile
from ptycho_contracts.contracts.ptylab import PtyLabFile
from ptycho_contracts.contracts.ptypy_ptyd import PtydFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.marks import PROPAGATION
from ptycho_contracts.measured import cxi, ptyd, ptylab
from ptycho_contracts.measured.geometry import LARGEST_STEP, Geometry, typical_step
from ptycho_contracts.rule import rule

CODE = Code(
    "PTY333",
    Severity.WARNING,
    "the scan's steps do not fit a far field",
    f"Neighbouring scan points are typically further apart than {LARGEST_STEP:.0%} of the far-field patch "
    "λ·z/(detector pixel), and no illumination that the detector can sample is wider.",
    "Either these are near-field patterns, whose object pixel is the detector pixel over the magnification, or a "
    "length or the energy is wrong. Read as a far field the object comes out as unrelated islands.",
    "Check distance, pixel, energy and positions. If they are right, `ptycho convert --propagation near-field` says "
    "so, and `--pixel-size-m` the object pixel.",
)


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="data")
def cxi_steps_in_far_field(artifact: Artifact) -> Iterator[Finding]:
    """Translations of a CXI file."""
    source = artifact.source("cxi")
    positions = cxi.positions_m(source)
    if positions is not None and artifact.root_attribute("cxi", PROPAGATION) != "near-field":
        yield from _steps(cxi.cxi_geometry(source), positions, f"cxi:/{cxi.translation_member(source)}")


@rule(CODE, on={"ptyd": PtydFile}, needs=("ptyd:/chunks/0/positions",), depth="data")
def ptyd_steps_in_far_field(artifact: Artifact) -> Iterator[Finding]:
    """Positions of a PtyPy data file."""
    source = artifact.source("ptyd")
    if artifact.root_attribute("ptyd", PROPAGATION) != "near-field":
        yield from _steps(ptyd.ptyd_geometry(source), ptyd.positions_m(source), "ptyd:/chunks/0/positions")


@rule(CODE, on={"ptylab": PtyLabFile}, needs=("ptylab:/encoder",), depth="data")
def ptylab_steps_in_far_field(artifact: Artifact) -> Iterator[Finding]:
    """Encoder positions of a PtyLab file."""
    source = artifact.source("ptylab")
    yield from _steps(ptylab.ptylab_geometry(source), ptylab.positions_m(source), "ptylab:/encoder")


def _steps(geometry: Geometry, positions: NDArray[np.float64] | None, location: str) -> Iterator[Finding]:
    patch = geometry.patch_m()
    if positions is None or patch is None:
        return
    step = typical_step(positions, patch)
    if step is not None and step > LARGEST_STEP:
        yield finding(
            CODE,
            location,
            f"neighbouring scan points are typically {step:.0%} of a far-field patch apart",
            expected=f"at most {LARGEST_STEP:.0%}",
            found=f"{step:.0%} of a patch of {patch[0]:.3g} m × {patch[1]:.3g} m",
        )
