"""The patterns of a PtychoViT pair, `<name>_dp.hdf5` (flat generation, February 2026; commit 2316b378)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import REAL, Array, ArrayRef, FileModel


class DpFile(FileModel):
    """Diffraction intensities."""

    container: ClassVar = "hdf5"
    suffix: ClassVar[str] = "_dp.hdf5"

    dp: Annotated[
        ArrayRef,
        Array(
            REAL,
            "scan N N",
            "Diffraction intensity, zero frequency at index n/2. The model's loss compares it with "
            "Σ_modes |fftshift(fft2(patch·probe))|², un-normalised.",
            values=("finite", "nonnegative"),
        ),
    ]


CONTRACT = ArrayContract(
    id="ptychovit-dp",
    version="1.0.0",
    summary="PtychoViT patterns (<name>_dp.hdf5)",
    files={"dp": DpFile},
)
