"""Lengths of a measurement that cannot be metres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.cxi import DISTANCE_M, PIXELS_M, CxiFile
from ptycho_contracts.contracts.ptylab import PtyLabFile
from ptycho_contracts.contracts.ptypy_ptyd import DISTANCE_M as PTYD_DISTANCE_M
from ptycho_contracts.contracts.ptypy_ptyd import PIXEL_M, PtydFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.measured import cxi, ptyd, ptylab
from ptycho_contracts.measured.geometry import Geometry, typical_step
from ptycho_contracts.rule import rule

# No beamline has a detector that far away, and no detector pixels that large.
FARTHEST_M = 200.0
LARGEST_PIXEL_M = 2e-3
# A sparse scan may leave gaps between patches, but not of many detectors. A patch is at most as large as the detector.
WIDEST_STEP = 10.0

CODE = Code(
    "PTY332",
    Severity.ERROR,
    "a length is not in metres",
    f"Read in metres, the distance is beyond {FARTHEST_M:g} m, a detector pixel larger than "
    f"{LARGEST_PIXEL_M * 1e3:g} mm, or the steps of the scan larger than {WIDEST_STEP:g} whole detectors.",
    "Millimetres or micrometres taken for metres put the patterns orders of magnitude apart.",
    "Store the length in metres.",
)


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="header")
def cxi_geometry_in_metres(artifact: Artifact) -> Iterator[Finding]:
    """Distance and detector pixel of a CXI file."""
    yield from _geometry(cxi.cxi_geometry(artifact.source("cxi")), f"cxi:/{DISTANCE_M}", f"cxi:/{PIXELS_M[0]}")


@rule(CODE, on={"ptyd": PtydFile}, needs=(), depth="header")
def ptyd_geometry_in_metres(artifact: Artifact) -> Iterator[Finding]:
    """Distance and detector pixel of a PtyPy data file."""
    yield from _geometry(ptyd.ptyd_geometry(artifact.source("ptyd")), f"ptyd:/{PTYD_DISTANCE_M}", f"ptyd:/{PIXEL_M}")


@rule(CODE, on={"ptylab": PtyLabFile}, needs=(), depth="header")
def ptylab_geometry_in_metres(artifact: Artifact) -> Iterator[Finding]:
    """Distance and detector pixel of a PtyLab file."""
    yield from _geometry(ptylab.ptylab_geometry(artifact.source("ptylab")), "ptylab:/zo", "ptylab:/dxd")


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="data")
def cxi_translation_in_metres(artifact: Artifact) -> Iterator[Finding]:
    """Translations of a CXI file."""
    source = artifact.source("cxi")
    positions = cxi.positions_m(source)
    if positions is not None:
        where = f"cxi:/{cxi.translation_member(source)}"
        yield from _steps(cxi.cxi_geometry(source), positions, where)


@rule(CODE, on={"ptyd": PtydFile}, needs=("ptyd:/chunks/0/positions",), depth="data")
def ptyd_positions_in_metres(artifact: Artifact) -> Iterator[Finding]:
    """Positions of a PtyPy data file."""
    source = artifact.source("ptyd")
    yield from _steps(ptyd.ptyd_geometry(source), ptyd.positions_m(source), "ptyd:/chunks/0/positions")


@rule(CODE, on={"ptylab": PtyLabFile}, needs=("ptylab:/encoder",), depth="data")
def ptylab_encoder_in_metres(artifact: Artifact) -> Iterator[Finding]:
    """Encoder positions of a PtyLab file."""
    source = artifact.source("ptylab")
    yield from _steps(ptylab.ptylab_geometry(source), ptylab.positions_m(source), "ptylab:/encoder")


def _geometry(geometry: Geometry, distance: str, pixel: str) -> Iterator[Finding]:
    if geometry.distance_m is not None and geometry.distance_m > FARTHEST_M:
        yield _found(distance, "the detector distance", geometry.distance_m, FARTHEST_M)
    if geometry.detector_pixel_m is not None and max(geometry.detector_pixel_m) > LARGEST_PIXEL_M:
        yield _found(pixel, "a detector pixel", max(geometry.detector_pixel_m), LARGEST_PIXEL_M)


def _found(location: str, what: str, value: float, largest: float) -> Finding:
    return finding(
        CODE,
        location,
        f"read in metres {what} is {value:.6g} m",
        expected=f"at most {largest:g} m",
        found=f"{value:.6g}",
    )


def _steps(geometry: Geometry, positions: NDArray[np.float64] | None, location: str) -> Iterator[Finding]:
    """Steps that no scan has, whether the field is far or near."""
    patch, detector = geometry.patch_m(), geometry.detector_m()
    if positions is None or patch is None or detector is None:
        return
    step = typical_step(positions, np.maximum(patch, detector))
    if step is not None and step > WIDEST_STEP:
        yield finding(
            CODE,
            location,
            f"read in metres neighbouring scan points are typically {step:.3g} detector widths apart",
            expected=f"less than {WIDEST_STEP:g}",
            found=f"positions over {np.ptp(positions, axis=0).max():.6g} m, a detector of {detector.max():.3g} m",
        )
