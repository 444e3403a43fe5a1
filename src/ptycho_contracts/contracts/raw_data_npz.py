"""PtychoPINN's RawData NPZ (PtychoPINN 2.0.0): patterns with absolute pixel coordinates."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, INTEGER, REAL, Array, ArrayRef, FileModel


class RawDataFile(FileModel):
    """Patterns, coordinates, and the guesses of probe and object."""

    container: ClassVar = "npz"

    xcoords: Annotated[
        ArrayRef,
        Array(
            FLOAT,
            "scan",
            "Column of the patch's index N/2, in object pixels: patch = object[y−N/2 : y+N/2].",
            values=("finite",),
        ),
    ]
    ycoords: Annotated[
        ArrayRef, Array(FLOAT, "scan", "Row of the patch's index N/2, in object pixels.", values=("finite",))
    ]
    diff3d: Annotated[
        ArrayRef,
        Array(
            REAL,
            "scan N N",
            "Diffraction amplitude, zero frequency at N/2. Ptychodus' export stores intensity under the same "
            "name, in the detector's integer type.",
            values=("finite", "nonnegative"),
        ),
    ]
    probe_guess: Annotated[
        ArrayRef,
        Field(alias="probeGuess"),
        Array(COMPLEX, ("N N", "mode N N"), "Probe, one mode or several.", values=("finite",)),
    ]
    object_guess: Annotated[
        ArrayRef | None,
        Field(alias="objectGuess"),
        Array(
            COMPLEX,
            "object_y object_x",
            "Object in the frame of the coordinates.",
            values=("finite",),
            advised="without the object the physics check cannot tell whether positions and patterns agree",
        ),
    ] = None
    xcoords_start: Annotated[ArrayRef | None, Array(FLOAT, "scan", "Nominal column before refinement.")] = None
    ycoords_start: Annotated[ArrayRef | None, Array(FLOAT, "scan", "Nominal row before refinement.")] = None
    scan_index: Annotated[
        ArrayRef | None,
        Array(f"{INTEGER}|object", ("scan", ""), "Which scan a pattern came from; None is pickled."),
    ] = None
    bad_pixels: Annotated[
        ArrayRef | None,
        Array("bool", "N N", "True where a detector pixel was filled, not measured (Ptychodus 1.7.0 writes it)."),
    ] = None


CONTRACT = ArrayContract(
    id="raw-data-npz",
    version="1.1.0",
    summary="PtychoPINN RawData NPZ (xcoords, ycoords, diff3d, probeGuess)",
    files={"npz": RawDataFile},
)
