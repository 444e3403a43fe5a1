"""PtyPy's reconstruction, `<name>.ptyr` (the sources of PtyPy 0.9.0): object and probe storages, and positions.

`content/obj/<ID>` and `content/probe/<ID>` hold `data`, `_psize` and `_origin` of a storage (an ID such as
`Sscan00G00`); `content/positions/<ID>` is written unless `record_positions` is off. A storage's names are not fixed,
so only what every such file has is declared.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import Array, ArrayRef, FileModel


class PtyrFile(FileModel):
    """What `Ptycho.save_run` writes."""

    container: ClassVar = "hdf5"
    suffix: ClassVar[str] = ".ptyr"
    prefixes: ClassVar = ("content/obj/", "content/probe/")

    kind: Annotated[
        ArrayRef, Field(alias="header/kind"), Array("str", ("", "1"), "How much was saved: minimal, dls, dump …")
    ]
    description: Annotated[
        ArrayRef, Field(alias="header/description"), Array("str", ("", "1"), "`Ptypy .h5 compatible storage format`.")
    ]


CONTRACT = ArrayContract(
    id="ptypy-ptyr",
    version="1.0.0",
    summary="PtyPy reconstruction (<name>.ptyr)",
    files={"ptyr": PtyrFile},
)
