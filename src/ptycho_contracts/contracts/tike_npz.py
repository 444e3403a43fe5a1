"""tike's test and example archives, `<name>.npz` (tike 0.26): patterns, scan and probe, each with a leading axis of 1.

The patterns have their zero frequency at the corner [0, 0]; positions are those of the patch's first pixel.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, REAL, Array, ArrayRef, FileModel


class TikeFile(FileModel):
    """What `tike.ptycho.reconstruct` starts from."""

    container: ClassVar = "npz"

    data: Annotated[
        ArrayRef,
        Array(
            REAL,
            "1 scan detector_y detector_x",
            "Diffraction intensity, zero frequency at [0, 0].",
            values=("finite", "nonnegative"),
        ),
    ]
    scan: Annotated[
        ArrayRef,
        Array(
            FLOAT,
            "1 scan 2",
            "(row, column) of the patch's first pixel in object pixels; from any origin.",
            values=("finite",),
        ),
    ]
    probe: Annotated[
        ArrayRef,
        Array(
            COMPLEX,
            ("1 1 1 mode patch_y patch_x", "1 1 mode patch_y patch_x"),
            "Probe modes; an orthonormal FFT of patch·probe gives the amplitudes.",
            values=("finite",),
        ),
    ]


CONTRACT = ArrayContract(
    id="tike-npz", version="1.0.0", summary="tike archive (data, scan, probe)", files={"npz": TikeFile}
)
