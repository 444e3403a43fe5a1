"""PtyLab's measured data, `<name>.hdf5` (PtyLab 0.3.7, conventional ptychography): everything in metres."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import FLOAT, INTEGER, REAL, Array, ArrayRef, FileModel

# MATLAB writes a scalar as (1, 1).
_SCALAR = ("", "1", "1 1")


def _number(meaning: str) -> Array:
    return Array(REAL, _SCALAR, meaning, values=("finite", "nonnegative"))


class PtyLabFile(FileModel):
    """Patterns, scan positions and geometry."""

    container: ClassVar = "hdf5"

    ptychogram: Annotated[
        ArrayRef,
        Array(
            REAL,
            "scan detector_y detector_x",
            "Diffraction intensity, zero frequency at index n/2.",
            values=("finite", "nonnegative"),
        ),
    ]
    encoder: Annotated[
        ArrayRef,
        Array(
            FLOAT,
            ("scan 2", "2 scan"),
            "(y, x) of the patch over the object in metres; PtyLab turns two rows into two columns.",
            values=("finite",),
        ),
    ]
    wavelength: Annotated[ArrayRef, _number("Wavelength in metres.")]
    dxd: Annotated[ArrayRef, _number("Detector pixel in metres.")]
    zo: Annotated[ArrayRef, _number("From object to detector in metres.")]
    orientation: Annotated[
        ArrayRef | None,
        Array(
            f"{INTEGER}|{FLOAT}",
            _SCALAR,
            "What PtyLab does to the patterns: 1 flip columns, 2 flip rows, 3 both, 4 to 7 the same after transposing.",
        ),
    ] = None
    entrance_pupil_diameter: Annotated[
        ArrayRef | None, Field(alias="entrancePupilDiameter"), _number("Diameter of the first probe guess in metres.")
    ] = None
    spectral_density: Annotated[
        ArrayRef | None,
        Field(alias="spectralDensity"),
        Array(REAL, (*_SCALAR, "wavelength", "1 wavelength"), "Wavelengths of a polychromatic beam in metres."),
    ] = None
    theta: Annotated[
        ArrayRef | None, Array(REAL, _SCALAR, "Tilt of a reflection geometry in degrees.", values=("finite",))
    ] = None
    empty_beam: Annotated[
        ArrayRef | None,
        Field(alias="emptyBeam"),
        Array(REAL, "detector_y detector_x", "Pattern without an object.", values=("finite",)),
    ] = None


CONTRACT = ArrayContract(
    id="ptylab",
    version="1.0.0",
    summary="PtyLab data (ptychogram, encoder, wavelength, dxd, zo)",
    files={"ptylab": PtyLabFile},
    typical={"ptylab:/dxd": 55e-6, "ptylab:/zo": 2.0},
)
