"""All scan positions are equal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.cxi import CxiFile
from ptycho_contracts.contracts.grid_lines_npz import GridLinesFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.contracts.ptylab import PtyLabFile
from ptycho_contracts.contracts.ptypy_ptyd import PtydFile
from ptycho_contracts.contracts.raw_data_npz import RawDataFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.measured import cxi, ptyd, ptylab
from ptycho_contracts.rule import rule

CODE = Code(
    "PTY403",
    Severity.ERROR,
    "all positions are equal",
    "A scan of several patterns has one and the same position for all of them.",
    "Local coordinates (PtychoPINN's coords_nominal, all zero for gridsize 1) were taken for scan positions; every "
    "patch is then cut at the same place.",
    "Write the absolute positions: for grid-lines data the `coords_offsets`.",
)


@rule(
    CODE,
    on={"para": ParaFile},
    needs=("para:/probe_position_y_m", "para:/probe_position_x_m"),
    depth="data",
)
def para_positions_constant(artifact: Artifact) -> Iterator[Finding]:
    """Both position arrays of a pair are constant."""
    yield from _constant(artifact, "para:/probe_position_y_m", "para:/probe_position_x_m")


@rule(CODE, on={"npz": RawDataFile}, needs=("npz:/ycoords", "npz:/xcoords"), depth="data")
def raw_data_positions_constant(artifact: Artifact) -> Iterator[Finding]:
    """Both coordinate arrays of a RawData file are constant."""
    yield from _constant(artifact, "npz:/ycoords", "npz:/xcoords")


@rule(CODE, on={"npz": GridLinesFile}, needs=(), depth="data")
def grid_lines_offsets_constant(artifact: Artifact) -> Iterator[Finding]:
    """Every row of the offsets is the same."""
    for name in ("npz:/coords_offsets", "npz:/coords_start_offsets"):
        if artifact.member(name) is not None:
            offsets = artifact.read(name)
            if len(offsets) > 1 and np.all(offsets == offsets[:1]):
                yield _found(name, len(offsets), f"{offsets.reshape(len(offsets), -1)[0].tolist()}")


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="data")
def cxi_translation_constant(artifact: Artifact) -> Iterator[Finding]:
    """Every translation of a CXI file is the same over the object."""
    source = artifact.source("cxi")
    positions = cxi.positions_m(source)
    if positions is not None:
        yield from _all_equal(positions, f"cxi:/{cxi.translation_member(source)}")


@rule(CODE, on={"ptyd": PtydFile}, needs=("ptyd:/chunks/0/positions",), depth="data")
def ptyd_positions_constant(artifact: Artifact) -> Iterator[Finding]:
    """Every position of a PtyPy data file is the same."""
    positions = ptyd.positions_m(artifact.source("ptyd"))
    if positions is not None:
        yield from _all_equal(positions, "ptyd:/chunks/0/positions")


@rule(CODE, on={"ptylab": PtyLabFile}, needs=("ptylab:/encoder",), depth="data")
def ptylab_encoder_constant(artifact: Artifact) -> Iterator[Finding]:
    """Every encoder position of a PtyLab file is the same."""
    positions = ptylab.positions_m(artifact.source("ptylab"))
    if positions is not None:
        yield from _all_equal(positions, "ptylab:/encoder")


def _all_equal(positions: NDArray[np.float64], location: str) -> Iterator[Finding]:
    if len(positions) > 1 and np.all(positions == positions[0]):
        yield _found(location, len(positions), f"(y, x) = ({positions[0, 0]:.6g} m, {positions[0, 1]:.6g} m)")


def _constant(artifact: Artifact, y: str, x: str) -> Iterator[Finding]:
    rows, columns = artifact.read(y), artifact.read(x)
    if len(rows) > 1 and np.ptp(rows) == 0 and np.ptp(columns) == 0:
        yield _found(x, len(rows), f"(y, x) = ({rows[0]:.6g}, {columns[0]:.6g})")


def _found(location: str, count: int, value: str) -> Finding:
    return finding(
        CODE,
        location,
        f"all {count} positions are equal",
        expected="positions that differ",
        found=f"{value} for every pattern",
    )
