"""A stitched reconstruction, `recons/<arm>/recon.npz`: PtychoPINN 2.0.0's keys and our optional ones."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, Array, ArrayRef, FileModel


class ReconFile(FileModel):
    """The reconstructed object, where it lies, and how well each pixel is covered."""

    container: ClassVar = "npz"

    yy_pred: Annotated[
        ArrayRef,
        Field(alias="YY_pred"),
        Array(COMPLEX, "height width", "Reconstructed complex object.", values=("finite",)),
    ]
    amp: Annotated[ArrayRef, Array(FLOAT, "height width", "abs(YY_pred).", values=("finite", "nonnegative"))]
    phase: Annotated[ArrayRef, Array(FLOAT, "height width", "angle(YY_pred), rad.", values=("finite",))]
    occupancy: Annotated[
        ArrayRef | None,
        Array(
            FLOAT,
            "height width",
            "How many patches cover each pixel; 0 marks a pixel that nobody reconstructed.",
            values=("finite", "nonnegative"),
        ),
    ] = None
    origin_px: Annotated[
        ArrayRef | None,
        Array("float64", "2", "(y, x) of element [0, 0] in object-array coordinates.", values=("finite",)),
    ] = None
    gauge: Annotated[
        ArrayRef | None,
        Array(
            "float64",
            "",
            "Factor that was undone: reconstructed object of the run / YY_pred.",
            values=("finite",),
        ),
    ] = None


CONTRACT = ArrayContract(
    id="recon-npz",
    version="1.0.0",
    summary="stitched reconstruction (recon.npz)",
    files={"npz": ReconFile},
)
