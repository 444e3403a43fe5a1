"""The parameters of a PtychoViT pair, `<name>_para.hdf5` (flat generation, February 2026; commit 2316b378).

With the attributes that Ptychodus and pty-chi need as well, the same file is a product of theirs.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, INTEGER, Array, ArrayRef, Attr, FileModel

# Attributes of ours on the root of the file. They say what no reader asks for and every user must know.
FRAME = "ptycho_contracts_frame"
PLACEHOLDER = "ptycho_contracts_pixel_size_placeholder"
PROBE_FACTOR = "ptycho_contracts_probe_factor"
OBJECT_FACTOR = "ptycho_contracts_object_factor"

_WIDTH = "Ptychodus cannot open the file without it; PtychoViT assumes square pixels"


class ParaFile(FileModel):
    """Object, probe and positions."""

    container: ClassVar = "hdf5"
    suffix: ClassVar[str] = "_para.hdf5"
    root_attrs: ClassVar = {
        FRAME: Attr("text", "named origin of the positions (see docs/frames.md)", optional=True),
        PLACEHOLDER: Attr("flag", "true where the pixel size is not known and 1.0 stands for it", optional=True),
        PROBE_FACTOR: Attr("positive", "stored probe / probe of the source", optional=True),
        OBJECT_FACTOR: Attr("positive", "stored object / object of the source (the gauge)", optional=True),
    }

    object: Annotated[
        ArrayRef,
        Array(
            COMPLEX,
            "layer object_y object_x",
            "Complex transmission; PtychoViT uses layer 0 only.",
            attrs={
                "pixel_height_m": Attr("positive", "object pixel height in metres; turns positions into pixels"),
                "pixel_width_m": Attr("positive", "object pixel width in metres", advised=_WIDTH),
                "center_x_m": Attr("number", "column of the canvas centre in metres (Ptychodus)", optional=True),
                "center_y_m": Attr("number", "row of the canvas centre in metres (Ptychodus)", optional=True),
            },
            values=("finite",),
        ),
    ]
    probe: Annotated[
        ArrayRef,
        Array(
            COMPLEX,
            "opr mode N N",
            "Probe modes on the patch, scaled so that Σdp = n²·Σ|object·probe|². PtychoViT uses OPR row 0.",
            attrs={
                "pixel_height_m": Attr("positive", "probe pixel height in metres", optional=True),
                "pixel_width_m": Attr("positive", "probe pixel width in metres", optional=True),
            },
            values=("finite",),
        ),
    ]
    probe_position_x_m: Annotated[
        ArrayRef,
        Array(FLOAT, "scan", "Column of the patch centre in metres from the frame's origin.", values=("finite",)),
    ]
    probe_position_y_m: Annotated[
        ArrayRef,
        Array(FLOAT, "scan", "Row of the patch centre in metres from the frame's origin.", values=("finite",)),
    ]
    probe_position_indexes: Annotated[
        ArrayRef | None, Array(INTEGER, "scan", "Frame number of each position (Ptychodus).")
    ] = None


CONTRACT = ArrayContract(
    id="ptychovit-para",
    version="1.0.0",
    summary="PtychoViT parameters (<name>_para.hdf5)",
    files={"para": ParaFile},
)
