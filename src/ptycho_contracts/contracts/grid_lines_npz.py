"""PtychoPINN's grid-lines split, `datasets/N{N}/gs{gridsize}/{train,test}.npz` (PtychoPINN 2.0.0, July 2026)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, Array, ArrayRef, FileModel

_PATTERNS = ("row N N channel", "row N N")
_OFFSETS = ("row 1 2 channel", "row 2", "row 2 1 1")


class GridLinesFile(FileModel):
    """A split: patterns, their coordinates, the objects and the probe they were simulated with."""

    container: ClassVar = "npz"
    one_of: ClassVar = (("coords_offsets", "coords_start_offsets"),)

    diffraction: Annotated[
        ArrayRef,
        Array(
            FLOAT,
            _PATTERNS,
            "Diffraction amplitude divided by an intensity scale that is not stored; zero frequency at N/2, "
            "unitary FFT; channel = gridsize².",
            values=("finite", "nonnegative"),
        ),
    ]
    coords_offsets: Annotated[
        ArrayRef | None,
        Array(
            FLOAT,
            _OFFSETS,
            "Centre of the patch in object pixels, (N−1)/2 convention; axis 2 is [y, x] in synthetic files and "
            "[x, y] in external ones. In the real files the order of the rows is often not that of the patterns.",
            values=("finite",),
        ),
    ] = None
    coords_start_offsets: Annotated[
        ArrayRef | None, Array(FLOAT, _OFFSETS, "An older name of coords_offsets.", values=("finite",))
    ] = None
    probe_guess: Annotated[
        ArrayRef,
        Field(alias="probeGuess"),
        Array(COMPLEX, "N N", "Probe before normalisation.", values=("finite",)),
    ]
    probe_simulated: Annotated[
        ArrayRef | None,
        Array(COMPLEX, "N N", "The probe that made the data; a multiple of probeGuess.", values=("finite",)),
    ] = None
    yy_full: Annotated[
        ArrayRef | None,
        Field(alias="YY_full"),
        Array(
            COMPLEX,
            ("object object_y object_x 1", "object_y object_x"),
            "The un-normalised object or objects, in the frame of the offsets.",
            values=("finite",),
            advised="without the object nobody can prove which position belongs to which pattern",
        ),
    ] = None
    yy_ground_truth: Annotated[
        ArrayRef | None,
        Field(alias="YY_ground_truth"),
        Array(COMPLEX, "truth_y truth_x 1", "The first object clipped to the stitched region; test splits only."),
    ] = None
    y_i: Annotated[
        ArrayRef | None,
        Field(alias="Y_I"),
        Array(FLOAT, _PATTERNS, "abs(object)·abs(probe_simulated)/norm_Y_I on each patch."),
    ] = None
    y_phi: Annotated[
        ArrayRef | None,
        Field(alias="Y_phi"),
        Array(FLOAT, _PATTERNS, "Phase of object·probe on each patch, rad."),
    ] = None
    coords_nominal: Annotated[
        ArrayRef | None, Array(FLOAT, "row 1 2 channel", "Local [x, y] inside a group; never scan positions.")
    ] = None
    coords_true: Annotated[
        ArrayRef | None, Array(FLOAT, "row 1 2 channel", "Local [x, y] inside a group; never scan positions.")
    ] = None
    coords_relative: Annotated[
        ArrayRef | None, Array(FLOAT, "row 1 2 channel", "External data only: relative to the group.")
    ] = None
    norm_y_i: Annotated[
        ArrayRef | None,
        Field(alias="norm_Y_I"),
        Array(FLOAT, "", "What Y_I was divided by; test splits only."),
    ] = None
    metadata: Annotated[
        ArrayRef | None,
        Field(alias="_metadata"),
        Array("object|str", "", "A JSON string; PtychoPINN pickles it."),
    ] = None


CONTRACT = ArrayContract(
    id="grid-lines-npz",
    version="1.0.0",
    summary="PtychoPINN grid-lines split (train.npz or test.npz)",
    files={"npz": GridLinesFile},
)
