"""PtyPy's prepared data, `<name>.ptyd` (PtyPy 0.9.0): patterns, weights and positions in chunks.

Written by PtyPy's `h5write`, whose attribute `type` on every group and dataset says what `h5read` makes of it again;
`None` is a dataset of one zero with the type "None". Patterns are as PtyPy uses them: cropped, oriented and binned.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import INTEGER, REAL, Array, ArrayRef, Attr, FileModel
from ptycho_contracts.marks import MARKS

DATA = "chunks/0/data"
CENTER = "meta/center"
ENERGY_KEV = "meta/energy"
DISTANCE_M = "meta/distance"
PIXEL_M = "meta/psize"

_TYPE = {"type": Attr("text", "what h5read makes of it; `None` stands for no value", optional=True)}


class PtydFile(FileModel):
    """The first chunk, and what every process must know (`meta`). Further chunks are like the first."""

    container: ClassVar = "hdf5"
    suffix: ClassVar[str] = ".ptyd"
    root_attrs: ClassVar = {"h5rw_version": Attr("text", "version of PtyPy's h5write", optional=True), **MARKS}

    data: Annotated[
        ArrayRef,
        Field(alias=DATA),
        Array(
            REAL,
            "scan detector_y detector_x",
            "Diffraction intensity, zero frequency at the optical axis `meta/center`.",
            attrs=_TYPE,
            values=("finite", "nonnegative"),
        ),
    ]
    energy: Annotated[
        ArrayRef,
        Field(alias=ENERGY_KEV),
        Array(REAL, ("", "1"), "Photon energy in keV.", attrs=_TYPE, values=("finite", "nonnegative")),
    ]
    distance: Annotated[
        ArrayRef,
        Field(alias=DISTANCE_M),
        Array(REAL, ("", "1"), "From object to detector in metres.", attrs=_TYPE, values=("finite", "nonnegative")),
    ]
    psize: Annotated[
        ArrayRef,
        Field(alias=PIXEL_M),
        Array(
            REAL,
            ("2", "1", ""),
            "Detector pixel (height, width) in metres, binning included.",
            attrs=_TYPE,
            values=("finite", "nonnegative"),
        ),
    ]
    center: Annotated[
        ArrayRef | None,
        Field(alias=CENTER),
        Array(
            REAL,
            ("2", "1", ""),
            "Optical axis (row, column) in pixels of the stored patterns.",
            attrs=_TYPE,
            values=("finite",),
            advised="PtyPy then takes the middle; a pattern cut elsewhere would get a phase ramp",
        ),
    ] = None
    positions: Annotated[
        ArrayRef | None,
        Field(alias="chunks/0/positions"),
        Array(
            REAL,
            "scan 2",
            "(y, x) in metres, y down the rows.",
            attrs=_TYPE,
            values=("finite",),
            advised="without positions no pattern has a place",
        ),
    ] = None
    weights: Annotated[
        ArrayRef | None,
        Field(alias="chunks/0/weights"),
        Array(f"{REAL}|bool", "scan detector_y detector_x", "0 where a detector pixel is bad.", attrs=_TYPE),
    ] = None
    indices: Annotated[
        ArrayRef | None,
        Field(alias="chunks/0/indices"),
        Array(INTEGER, "scan", "Number of the detector frame of each pattern.", attrs=_TYPE),
    ] = None


CONTRACT = ArrayContract(
    id="ptypy-ptyd",
    version="1.0.0",
    summary="PtyPy prepared data (<name>.ptyd)",
    files={"ptyd": PtydFile},
    typical={"ptyd:/meta/psize": 55e-6, "ptyd:/meta/distance": 2.0, "ptyd:/meta/energy": 8.0},
)
