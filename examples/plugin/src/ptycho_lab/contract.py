"""What a file of our laboratory must hold: `<scan>.npz`, positions in micrometres."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.extending import COMPLEX, REAL, Array, ArrayContract, ArrayRef, FileModel


class LabScan(FileModel):
    """Frames, stage positions, probe and object of one scan."""

    container: ClassVar = "npz"

    frames: Annotated[
        ArrayRef,
        Array(REAL, "scan N N", "Photon counts, zero frequency at N/2.", values=("finite", "nonnegative")),
    ]
    stage_um: Annotated[
        ArrayRef,
        Array(
            "float64",
            "scan 2",
            "(row, column) of the patch centre in micrometres, from the middle of the object's first pixel.",
            values=("finite",),
        ),
    ]
    pixel_um: Annotated[ArrayRef, Array("float64", "", "Object pixel in micrometres.", values=("finite",))]
    probe: Annotated[ArrayRef, Array(COMPLEX, "mode N N", "Probe modes, un-normalised FFT.", values=("finite",))]
    object: Annotated[
        ArrayRef | None,
        Array(
            COMPLEX,
            "object_y object_x",
            "Complex transmission.",
            values=("finite",),
            advised="without the object nobody can prove that positions and frames belong together",
        ),
    ] = None


CONTRACT = ArrayContract(
    id="lab-scan-npz",
    version="1.0.0",
    summary="a scan of our laboratory (<scan>.npz)",
    files={"npz": LabScan},
)
