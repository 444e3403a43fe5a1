"""Do neighbouring patterns overlap as the positions say? For formats that hold no object."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.fold_slice_pair import FoldSliceParaFile
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptylab import PtyLabFile
from ptycho_contracts.contracts.ptypy_ptyd import PtydFile
from ptycho_contracts.contracts.tike_npz import TikeFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.measured import fold_slice, ptyd, ptylab, tike
from ptycho_contracts.measured.geometry import Geometry, number
from ptycho_contracts.measured.patterns import RowsOfPatterns
from ptycho_contracts.physics.diagnosis.findings import Locations
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.rule import NotExaminableError, rule
from ptycho_contracts.rules._diagnosed import OVERLAP_CODES, overlap_findings
from ptycho_contracts.rules._measured import object_pixel_m, picked
from ptycho_contracts.sources.base import Source

_PTYLAB = ("ptylab:/ptychogram", "ptylab:/encoder")
_PTYD = ("ptyd:/chunks/0/data", "ptyd:/chunks/0/positions")
_FOLD_SLICE = ("dp:/dp", "para:/ppY", "para:/ppX")


@rule(*OVERLAP_CODES, on={"ptyd": PtydFile}, needs=_PTYD, depth="physics")
def ptyd_overlap(artifact: Artifact) -> Iterator[Finding]:
    """All chunks of a PtyPy data file."""
    source = artifact.source("ptyd")
    geometry, positions = ptyd.ptyd_geometry(source), ptyd.positions_m(source)
    yield from _in_metres(artifact, geometry, positions, ptyd.patterns_of, _positions(*_PTYD))


@rule(*OVERLAP_CODES, on={"ptylab": PtyLabFile}, needs=_PTYLAB, depth="physics")
def ptylab_overlap(artifact: Artifact) -> Iterator[Finding]:
    """Patterns of a PtyLab file, turned as PtyLab turns them."""
    source = artifact.source("ptylab")
    geometry, positions = ptylab.ptylab_geometry(source), ptylab.positions_m(source)
    yield from _in_metres(artifact, geometry, positions, ptylab.patterns_of, _positions(*_PTYLAB))


def _in_metres(
    artifact: Artifact,
    geometry: Geometry,
    positions_m: NDArray[np.float64] | None,
    patterns_of: Callable[[Source], tuple[RowsOfPatterns, int]],
    locations: Locations,
) -> Iterator[Finding]:
    """A format of one file that keeps positions in metres."""
    role = next(iter(artifact.contract.files))
    pixel = object_pixel_m(artifact, role, geometry)
    if positions_m is None:
        raise NotExaminableError("the positions are not (y, x) of every pattern")
    try:
        patterns, count = patterns_of(artifact.source(role))
    except ValueError as error:
        raise NotExaminableError(str(error)) from error
    here = picked(patterns, np.arange(count), len(positions_m))
    yield from overlap_findings(artifact, here, positions_m / pixel, locations)


@rule(*OVERLAP_CODES, on={"npz": TikeFile}, needs=("npz:/data", "npz:/scan", "npz:/probe"), depth="physics")
def tike_overlap(artifact: Artifact) -> Iterator[Finding]:
    """Patterns of a tike archive, shifted to the middle."""
    source = artifact.source("npz")
    corners, probe = tike.corners_px(source), artifact.read("npz:/probe")
    patterns = picked(tike.patterns_of(source), np.arange(len(corners)), len(corners))
    modes = probe.reshape(probe.shape[-3:])
    yield from overlap_findings(artifact, patterns, corners, _positions("npz:/data", "npz:/scan"), probe=modes)


@rule(*OVERLAP_CODES, on={"dp": DpFile, "para": FoldSliceParaFile}, needs=(*_FOLD_SLICE, "para:/dx"), depth="physics")
def fold_slice_overlap(artifact: Artifact) -> Iterator[Finding]:
    """Patterns of a fold_slice pair; those that MATLAB wrote lie transposed against the positions."""
    dp, para = artifact.source("dp"), artifact.source("para")
    pixel = number(para, "dx")
    if pixel is None:
        raise NotExaminableError("para:/dx is no length")
    positions, stored = fold_slice.positions_m(para), StoredPatterns(dp, "dp", dp.layout("dp")[0])
    patterns = picked(stored, np.arange(stored.count), len(positions))
    yield from overlap_findings(artifact, patterns, positions / pixel, Locations(*_FOLD_SLICE, "", ""))


def _positions(patterns: str, positions: str) -> Locations:
    """Of a format that keeps both axes in one member, and neither object nor probe."""
    return Locations(patterns, positions, positions, "", "")
