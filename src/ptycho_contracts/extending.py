"""What a contract of your own is declared with; public, and covered by docs/stability.md.

A package offers contracts by the entry point group `ptycho_contracts.contracts`; examples/plugin is one.
"""

from __future__ import annotations

from ptycho_contracts.contract import ArrayContract, DocumentContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, INTEGER, REAL, Array, ArrayRef, Attr, FileModel

__all__ = [
    "COMPLEX",
    "FLOAT",
    "INTEGER",
    "REAL",
    "Array",
    "ArrayContract",
    "ArrayRef",
    "Attr",
    "DocumentContract",
    "FileModel",
]
