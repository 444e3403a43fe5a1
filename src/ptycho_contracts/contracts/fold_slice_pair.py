"""The other family of pairs, `<name>_dp.hdf5` and `<name>_para.hdf5`: as fold_slice reads them (commit d9a1204b).

Written by the preprocessing of several APS beamlines. It shares its file names, and the member `dp`, with the PtychoViT
pair and nothing else: no object, no probe, and positions under other names. Ptychodus 1.7.0 reads `ppX` and `ppY` as
metres and squeezes them; of a PtychoViT pair it reads an empty scan.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.declaration import FLOAT, INTEGER, Array, ArrayRef, FileModel

# MATLAB writes a column vector as (1, n) to HDF5, Python writes (n,); a scalar is (), (1,) or (1, 1).
_POSITIONS = ("scan", "1 scan", "scan 1")
_SCALAR = ("", "1", "1 1")
_NUMBER = f"{FLOAT}|{INTEGER}"


class FoldSliceParaFile(FileModel):
    """Positions, wavelength and pixel size."""

    container: ClassVar = "hdf5"
    suffix: ClassVar[str | None] = ParaFile.suffix

    pp_x: Annotated[
        ArrayRef,
        Field(alias="ppX"),
        Array(FLOAT, _POSITIONS, "Column of the patch centre in metres, from any origin.", values=("finite",)),
    ]
    pp_y: Annotated[
        ArrayRef,
        Field(alias="ppY"),
        Array(FLOAT, _POSITIONS, "Row of the patch centre in metres, from any origin.", values=("finite",)),
    ]
    wavelength: Annotated[
        ArrayRef | None,
        Field(alias="lambda"),
        Array(_NUMBER, _SCALAR, "Wavelength in metres.", advised="without it the photon energy is not known"),
    ] = None
    dx: Annotated[
        ArrayRef | None,
        Array(_NUMBER, _SCALAR, "Object pixel in metres.", advised="without it positions cannot become pixels"),
    ] = None
    angle: Annotated[ArrayRef | None, Array(_NUMBER, _SCALAR, "Angle of the tomogram's projection in degrees.")] = None


CONTRACT = ArrayContract(
    id="fold-slice-pair",
    version="1.0.0",
    summary="fold_slice pair (ppX, ppY; same file names as a PtychoViT pair)",
    files={"dp": DpFile, "para": FoldSliceParaFile},
)
