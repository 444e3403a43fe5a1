"""Several pairs packed in one HDF5 file for ptycho-fm, `packed_00000.hdf5` (its `scripts/pack_hdf5.py`, mid 2026).

Every object has a row in every dataset, padded with zeros at the end of each axis to the largest of the file. The true
number of patterns is in `n_dp`; the true size of an object is nowhere. `pack_index.json` beside the files names the
objects of each (contract `ptychofm-pack-index`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, RootModel

from ptycho_contracts.contract import ArrayContract, DocumentContract
from ptycho_contracts.declaration import COMPLEX, FLOAT, INTEGER, REAL, Array, ArrayRef, Attr, FileModel


class PackedFile(FileModel):
    """Patterns, objects, probes and positions of several scans."""

    container: ClassVar = "hdf5"
    root_attrs: ClassVar = {"max_probe_modes": Attr("positive", "modes that every probe is padded to", optional=True)}

    dp: Annotated[
        ArrayRef,
        Array(
            REAL,
            "pack scan N N",
            "Diffraction intensity of each object, zero frequency at n/2.",
            values=("finite", "nonnegative"),
        ),
    ]
    object: Annotated[
        ArrayRef,
        Array(COMPLEX, "pack layer object_y object_x", "Complex transmission of each object.", values=("finite",)),
    ]
    probe: Annotated[ArrayRef, Array(COMPLEX, "pack 1 mode N N", "Probe of each object; modes of zeros are padding.")]
    probe_position_x_m: Annotated[
        ArrayRef, Array(FLOAT, "pack scan", "Column of the patch centre in metres.", values=("finite",))
    ]
    probe_position_y_m: Annotated[
        ArrayRef, Array(FLOAT, "pack scan", "Row of the patch centre in metres.", values=("finite",))
    ]
    n_dp: Annotated[ArrayRef, Array(INTEGER, "pack", "True number of patterns of each object.")]
    pixel_height_m: Annotated[
        ArrayRef, Array(FLOAT, "pack", "Object pixel in metres, square pixels assumed.", values=("finite",))
    ]
    normalization: Annotated[
        ArrayRef | None,
        Array(FLOAT, "pack", "Maximum of each object's stack; NaN where unknown, and ptycho-fm then takes 100000."),
    ] = None
    object_key: Annotated[
        ArrayRef | None,
        Array("str", "pack", "Name of each object.", advised="without it objects have no names but their numbers"),
    ] = None


ShardName = Annotated[str, Field(min_length=1, description="file name of a packed HDF5, such as packed_00000.hdf5")]
ObjectKeys = Annotated[list[str], Field(description="names of its objects, in the order of its rows")]


class PackIndex(RootModel[dict[ShardName, ObjectKeys]]):
    """Which packed file holds which objects."""

    model_config = ConfigDict(frozen=True)


PACKED = ArrayContract(
    id="ptychofm-packed",
    version="1.0.0",
    summary="ptycho-fm packed HDF5 (several pairs in one file)",
    files={"packed": PackedFile},
)
CONTRACTS = (
    PACKED,
    DocumentContract(
        id="ptychofm-pack-index",
        version="1.0.0",
        summary="pack_index.json of ptycho-fm (packed file → its objects)",
        model=PackIndex,
        role="json",
        names=("pack_index.json",),
    ),
)
