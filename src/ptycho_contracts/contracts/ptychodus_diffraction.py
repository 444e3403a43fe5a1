"""Assembled patterns as Ptychodus 1.7.0 exports and imports them, `diffraction.h5`: the other half of a product.

Patterns and positions of a product are joined by the frame numbers in `indexes` and `probe_position_indexes`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import FLOAT, INTEGER, REAL, Array, ArrayRef, Attr, FileModel


class DiffractionFile(FileModel):
    """Patterns, their frame numbers, and the pixels that are not to be trusted."""

    container: ClassVar = "hdf5"

    patterns: Annotated[
        ArrayRef,
        Array(
            REAL,
            "scan detector_y detector_x",
            "Diffraction intensity, zero frequency at n/2.",
            attrs={
                "detector_pixel_height_m": Attr("positive", "detector pixel height in metres, after binning"),
                "detector_pixel_width_m": Attr("positive", "detector pixel width in metres, after binning"),
            },
            values=("finite", "nonnegative"),
        ),
    ]
    indexes: Annotated[
        ArrayRef, Array(INTEGER, "scan", "Number of each detector frame; negative where no frame was assembled.")
    ]
    bad_pixels: Annotated[
        ArrayRef, Array("bool", "detector_y detector_x", "True where a detector pixel is not to be trusted.")
    ]
    probe_photon_counts: Annotated[
        ArrayRef | None, Array(f"{FLOAT}|{INTEGER}", "scan", "Photons of the incident beam for each frame.")
    ] = None


CONTRACT = ArrayContract(
    id="ptychodus-diffraction",
    version="1.0.0",
    summary="Ptychodus diffraction data (patterns and frame numbers in HDF5)",
    files={"diffraction": DiffractionFile},
)
