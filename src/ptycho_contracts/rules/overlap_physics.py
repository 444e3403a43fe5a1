"""Do neighbouring patterns overlap as the positions say? For formats that hold no object."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.fold_slice_pair import FoldSliceParaFile
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptylab import PtyLabFile
from ptycho_contracts.contracts.ptypy_ptyd import PtydFile
from ptycho_contracts.contracts.tike_npz import TikeFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.measured import fold_slice, ptyd, ptylab, tike
from ptycho_contracts.measured.geometry import number
from ptycho_contracts.physics.diagnosis.findings import Locations
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.rule import NotExaminableError, rule
from ptycho_contracts.rules._measured import OVERLAP_CODES, object_pixel_m, overlap_findings, picked

_PTYD = ("ptyd:/chunks/0/data", "ptyd:/chunks/0/positions")
_FOLD_SLICE = ("dp:/dp", "para:/ppY", "para:/ppX")


@rule(*OVERLAP_CODES, on={"ptyd": PtydFile}, needs=_PTYD, depth="physics")
def ptyd_overlap(artifact: Artifact) -> Iterator[Finding]:
    """All chunks of a PtyPy data file."""
    source = artifact.source("ptyd")
    pixel, positions = object_pixel_m(artifact, "ptyd", ptyd.ptyd_geometry(source)), ptyd.positions_m(source)
    if positions is None:
        raise NotExaminableError("a chunk has no positions (y, x)")
    try:
        patterns, count = ptyd.patterns_of(source)
    except ValueError as error:
        raise NotExaminableError(str(error)) from error
    places = _positions(*_PTYD)
    yield from overlap_findings(artifact, picked(patterns, np.arange(count), len(positions)), positions / pixel, places)


@rule(*OVERLAP_CODES, on={"ptylab": PtyLabFile}, needs=("ptylab:/ptychogram", "ptylab:/encoder"), depth="physics")
def ptylab_overlap(artifact: Artifact) -> Iterator[Finding]:
    """Patterns of a PtyLab file, turned as PtyLab turns them."""
    source = artifact.source("ptylab")
    pixel, positions = object_pixel_m(artifact, "ptylab", ptylab.ptylab_geometry(source)), ptylab.positions_m(source)
    if positions is None:
        raise NotExaminableError("the encoder holds no (y, x) positions")
    try:
        patterns, count = ptylab.patterns_of(source)
    except ValueError as error:
        raise NotExaminableError(str(error)) from error
    places = _positions("ptylab:/ptychogram", "ptylab:/encoder")
    yield from overlap_findings(artifact, picked(patterns, np.arange(count), len(positions)), positions / pixel, places)


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
