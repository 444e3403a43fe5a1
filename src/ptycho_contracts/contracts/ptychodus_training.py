"""Training data as Ptychodus 1.7.0 writes them (`Ptychodus_Training_Data`, HDF5): a whole scan in one file.

Positions are pixels of the stored object, so the file has no frame to be mistaken. Bad pixels were filled, by
inpainting or with 0, before the patterns were written.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, INTEGER, REAL, Array, ArrayRef, FileModel

_NUMBER = f"{FLOAT}|{INTEGER}"


class TrainingFile(FileModel):
    """Patterns, positions, probe, object and geometry."""

    container: ClassVar = "hdf5"

    patterns: Annotated[
        ArrayRef,
        Array(
            REAL,
            "scan detector_y detector_x",
            "Diffraction intensity, zero frequency at n/2, bad pixels filled.",
            values=("finite", "nonnegative"),
        ),
    ]
    bad_pixels: Annotated[
        ArrayRef, Array("bool", "detector_y detector_x", "True where the stored values were filled, not measured.")
    ]
    probe: Annotated[ArrayRef, Array(COMPLEX, "mode patch_y patch_x", "Probe modes.", values=("finite",))]
    object: Annotated[
        ArrayRef, Array(COMPLEX, "object_y object_x", "Complex transmission, first layer.", values=("finite",))
    ]
    probe_position_y_px: Annotated[
        ArrayRef, Array(FLOAT, "scan", "Row of the patch centre (index (n−1)/2) in the object.", values=("finite",))
    ]
    probe_position_x_px: Annotated[
        ArrayRef, Array(FLOAT, "scan", "Column of the patch centre (index (n−1)/2) in the object.", values=("finite",))
    ]
    object_pixel_height_m: Annotated[ArrayRef, Array(_NUMBER, "", "Object pixel height in metres.")]
    object_pixel_width_m: Annotated[ArrayRef, Array(_NUMBER, "", "Object pixel width in metres.")]
    detector_object_distance_m: Annotated[ArrayRef, Array(_NUMBER, "", "Distance to the detector in metres.")]
    photon_energy_eV: Annotated[ArrayRef, Array(_NUMBER, "", "Photon energy in eV.")]  # noqa: N815 - the file's name


CONTRACT = ArrayContract(
    id="ptychodus-training",
    version="1.0.0",
    summary="Ptychodus training data (a whole scan in HDF5)",
    files={"training": TrainingFile},
)
