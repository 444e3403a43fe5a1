"""A Ptychodus product, `<name>.h5`: object, probe, positions and geometry of a reconstruction; no patterns.

What is required is what the reader of Ptychodus 1.7.0 raises KeyError without; what versions 1.2 to 1.6 need besides
is advised (found by leaving members out, one at a time, in versions 1.2, 1.5.1, 1.6.0 and 1.7.0). Version 1.7 renamed
`probe_energy_eV` to `photon_energy_eV` and reads both; `mass_attenuation_m2_kg` became `mass_attenuation_m2_per_kg`,
and the old name is ignored without a word.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.contracts.ptychovit_para import FRAME, OBJECT_FACTOR, PROBE_FACTOR
from ptycho_contracts.declaration import COMPLEX, FLOAT, INTEGER, Array, ArrayRef, Attr, FileModel

# The photon energy under its present name and under that of versions ≤ 1.6; at least one must be there.
ENERGY_NAMES = ("photon_energy_eV", "probe_energy_eV")
# Attributes that versions ≥ 1.7 write and no earlier one: a file that has one comes from 1.7 or later.
SINCE_1_7 = ("photon_energy_eV", "far_field", "focus_object_distance_m", "tilt_angle_deg", "mass_attenuation_m2_per_kg")

_IN_1_2 = "Ptychodus 1.2 cannot open the file without it"
_UNTIL_1_6 = "Ptychodus ≤ 1.6 cannot open the file without it"


class ProductFile(FileModel):
    """Object, probe and positions in metres."""

    container: ClassVar = "hdf5"
    root_attrs: ClassVar = {
        "detector_object_distance_m": Attr("positive", "distance from object to detector in metres"),
        "photon_energy_eV": Attr("positive", "photon energy in eV (≥ 1.7); one of both names is needed", optional=True),
        "probe_energy_eV": Attr("positive", "photon energy in eV, as versions ≤ 1.6 call it", advised=_UNTIL_1_6),
        "name": Attr("text", "name of the product", advised=_IN_1_2),
        "comments": Attr("text", "free text", advised=_IN_1_2),
        "exposure_time_s": Attr("number", "exposure of one frame in seconds", advised=_IN_1_2),
        "probe_photon_count": Attr("number", "photons of the probe; 0 where unknown", optional=True),
        "far_field": Attr("flag", "whether the detector is in the far field (≥ 1.7; true where absent)", optional=True),
        FRAME: Attr("text", "named origin of the positions (see docs/frames.md)", optional=True),
        PROBE_FACTOR: Attr("positive", "stored probe / probe of the source", optional=True),
        OBJECT_FACTOR: Attr("positive", "stored object / object of the source (the gauge)", optional=True),
    }

    object: Annotated[
        ArrayRef,
        Array(
            COMPLEX,
            ("layer object_y object_x", "object_y object_x"),
            "Complex transmission of each layer.",
            attrs={
                "pixel_height_m": Attr("positive", "object pixel height in metres"),
                "pixel_width_m": Attr("positive", "object pixel width in metres"),
                "center_y_m": Attr("number", "position in metres that lies at the middle row of the object"),
                "center_x_m": Attr("number", "position in metres that lies at the middle column of the object"),
            },
            values=("finite",),
        ),
    ]
    probe: Annotated[
        ArrayRef,
        Array(
            COMPLEX,
            ("opr mode patch_y patch_x", "mode patch_y patch_x", "patch_y patch_x"),
            "Probe; its scale is that of whatever made it.",
            attrs={
                "pixel_height_m": Attr("positive", "probe pixel height in metres", advised=_IN_1_2),
                "pixel_width_m": Attr("positive", "probe pixel width in metres", advised=_IN_1_2),
            },
            values=("finite",),
        ),
    ]
    probe_position_indexes: Annotated[
        ArrayRef, Array(INTEGER, "scan", "Number of the detector frame that was taken at each position.")
    ]
    probe_position_y_m: Annotated[
        ArrayRef, Array(FLOAT, "scan", "Row of the patch centre in metres.", values=("finite",))
    ]
    probe_position_x_m: Annotated[
        ArrayRef, Array(FLOAT, "scan", "Column of the patch centre in metres.", values=("finite",))
    ]
    object_layer_spacing_m: Annotated[
        ArrayRef | None,
        Array(f"{FLOAT}|{INTEGER}", "gap*", "Distances between the layers of the object in metres.", advised=_IN_1_2),
    ] = None
    loss_values: Annotated[
        ArrayRef | None, Array(f"{FLOAT}|{INTEGER}", "epoch*", "Loss of each epoch.", advised=_IN_1_2)
    ] = None
    loss_epochs: Annotated[ArrayRef | None, Array(f"{FLOAT}|{INTEGER}", "epoch*", "Number of each epoch.")] = None
    opr_weights: Annotated[
        ArrayRef | None, Array(FLOAT, "scan opr", "Weight of each OPR row of the probe at each position (≥ 1.7).")
    ] = None


CONTRACT = ArrayContract(
    id="ptychodus-product",
    version="1.0.0",
    summary="Ptychodus product (object, probe and positions in HDF5)",
    files={"product": ProductFile},
    typical={"product:/@photon_energy_eV": 8000.0},
)
