"""A PtychoViT pair: patterns and parameters that belong together (flat generation, February 2026)."""

from __future__ import annotations

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_para import ParaFile

CONTRACT = ArrayContract(
    id="ptychovit-pair",
    version="1.0.0",
    summary="PtychoViT pair (<name>_dp.hdf5 and <name>_para.hdf5)",
    files={"dp": DpFile, "para": ParaFile},
)
