"""CXI, `<name>.cxi` (Coherent X-ray Imaging Data Bank, version 1.6): patterns, a reconstruction, or both.

Declared as cdtools 0.3.2 and Ptychodus 1.7.0 read and write it; both open what lacks the optional members. Energy is
in joules, every length in metres. `translation` is (x, y, z) of the sample. With no basis vectors the rows of the
detector run along −y and its columns along −x, so that a pattern moves by (+y, +x) over the object.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.contracts.ptychovit_para import OBJECT_FACTOR, PROBE_FACTOR
from ptycho_contracts.declaration import COMPLEX, INTEGER, REAL, Array, ArrayRef, Attr, FileModel
from ptycho_contracts.marks import MARKS

PATTERNS = ("entry_1/data_1/data", "entry_1/instrument_1/detector_1/data")
TRANSLATION = (
    "entry_1/sample_1/geometry_1/translation",
    "entry_1/data_1/translation",
    "entry_1/instrument_1/detector_1/translation",
)
ENERGY_J = "entry_1/instrument_1/source_1/energy"
WAVELENGTH_M = "entry_1/instrument_1/source_1/wavelength"
ILLUMINATION = "entry_1/instrument_1/source_1/illumination"
DISTANCE_M = "entry_1/instrument_1/detector_1/distance"
PIXELS_M = ("entry_1/instrument_1/detector_1/y_pixel_size", "entry_1/instrument_1/detector_1/x_pixel_size")
BASIS_VECTORS = "entry_1/instrument_1/detector_1/basis_vectors"
CORNER = "entry_1/instrument_1/detector_1/corner_position"
MASK = "entry_1/instrument_1/detector_1/mask"
PROBE = "entry_1/image_1/data"
OBJECT = "entry_1/image_2/data"
FRAME_INDEX = "entry_1/data_1/frame_index"
POSITION_INDEXES = "entry_1/ptychodus/probe_position_indexes"
CENTRE_M = ("entry_1/ptychodus/object_center_y_m", "entry_1/ptychodus/object_center_x_m")
OBJECT_PIXELS_M = ("entry_1/ptychodus/object_pixel_height_m", "entry_1/ptychodus/object_pixel_width_m")
LAYER_SPACING_M = "entry_1/ptychodus/object_layer_spacing_m"
OBJECT_SIZE_M = "entry_1/image_2/image_size"
PROBE_PIXELS_M = ("entry_1/ptychodus/probe_pixel_height_m", "entry_1/ptychodus/probe_pixel_width_m")

_SCALAR = ("", "1")
_FRAMES = Array(
    REAL,
    "scan detector_y detector_x",
    "Diffraction intensity, zero frequency at index n/2. Usually one of the two places is a link to the other.",
    values=("finite", "nonnegative"),
)
_POSITIONS = Array(
    REAL,
    ("scan 3", "scan 2"),
    "(x, y, z) of the sample in metres; the same in all three places.",
    values=("finite",),
)
_PROBE = Array(
    COMPLEX,
    ("opr mode patch_y patch_x", "mode patch_y patch_x", "patch_y patch_x"),
    "Probe; `image_1` of Ptychodus and `illumination` are the same array.",
    values=("finite",),
)


def _number(meaning: str, advised: str | None = None) -> Array:
    return Array(REAL, _SCALAR, meaning, values=("finite", "nonnegative"), advised=advised)


class CxiFile(FileModel):
    """One entry: source, detector, sample; Ptychodus' probe (`image_1`), object (`image_2`) and extras."""

    container: ClassVar = "hdf5"
    suffix: ClassVar[str] = ".cxi"
    one_of: ClassVar = ((*PATTERNS, OBJECT),)
    root_attrs: ClassVar = {
        **MARKS,
        PROBE_FACTOR: Attr("positive", "stored probe / probe of the source", optional=True),
        OBJECT_FACTOR: Attr("positive", "stored object / object of the source (the gauge)", optional=True),
    }

    data: Annotated[ArrayRef | None, Field(alias=PATTERNS[0]), _FRAMES] = None
    detector_data: Annotated[ArrayRef | None, Field(alias=PATTERNS[1]), _FRAMES] = None
    translation: Annotated[ArrayRef | None, Field(alias=TRANSLATION[0]), _POSITIONS] = None
    data_translation: Annotated[ArrayRef | None, Field(alias=TRANSLATION[1]), _POSITIONS] = None
    detector_translation: Annotated[ArrayRef | None, Field(alias=TRANSLATION[2]), _POSITIONS] = None
    energy: Annotated[
        ArrayRef | None,
        Field(alias=ENERGY_J),
        _number("Photon energy in joules.", "Ptychodus knows the energy from here only"),
    ] = None
    wavelength: Annotated[
        ArrayRef | None, Field(alias=WAVELENGTH_M), _number("Wavelength in metres; cdtools takes it before the energy.")
    ] = None
    distance: Annotated[
        ArrayRef | None,
        Field(alias=DISTANCE_M),
        _number("From sample to detector in metres.", "without it no object pixel follows, and cdtools stops"),
    ] = None
    y_pixel_size: Annotated[ArrayRef | None, Field(alias=PIXELS_M[0]), _number("Detector pixel height in metres.")] = (
        None
    )
    x_pixel_size: Annotated[ArrayRef | None, Field(alias=PIXELS_M[1]), _number("Detector pixel width in metres.")] = (
        None
    )
    basis_vectors: Annotated[
        ArrayRef | None,
        Field(alias=BASIS_VECTORS),
        Array(
            REAL,
            ("3 2", "2 3"),
            "Step in metres, (x, y, z), from one detector row to the next and from one column to the next.",
            values=("finite",),
        ),
    ] = None
    corner_position: Annotated[
        ArrayRef | None,
        Field(alias=CORNER),
        Array(REAL, "3", "(x, y, z) of the first pixel in metres.", values=("finite",)),
    ] = None
    mask: Annotated[
        ArrayRef | None,
        Field(alias=MASK),
        Array(
            f"{INTEGER}|bool",
            ("detector_y detector_x", "scan detector_y detector_x"),
            "Not 0 where a pixel is bad; 0x1000 alone (`has signal`) is good.",
        ),
    ] = None
    frame_index: Annotated[
        ArrayRef | None,
        Field(alias=FRAME_INDEX),
        Array(INTEGER, "scan", "Number of the detector frame, where frames are not numbered from 0 on (ours)."),
    ] = None
    image_1: Annotated[ArrayRef | None, Field(alias=PROBE), _PROBE] = None
    illumination: Annotated[ArrayRef | None, Field(alias=ILLUMINATION), _PROBE] = None
    image_2: Annotated[
        ArrayRef | None,
        Field(alias=OBJECT),
        Array(
            COMPLEX,
            ("layer object_y object_x", "object_y object_x"),
            "Complex transmission; position 0 lies at its middle (H−1)/2, unless a centre is stored.",
            values=("finite",),
        ),
    ] = None
    probe_position_indexes: Annotated[
        ArrayRef | None, Field(alias=POSITION_INDEXES), Array(INTEGER, "scan", "Frame number of each position.")
    ] = None
    object_center_y_m: Annotated[
        ArrayRef | None,
        Field(alias=CENTRE_M[0]),
        Array(REAL, _SCALAR, "Position that lies at the object's middle row, in metres.", values=("finite",)),
    ] = None
    object_center_x_m: Annotated[
        ArrayRef | None,
        Field(alias=CENTRE_M[1]),
        Array(REAL, _SCALAR, "Position that lies at the object's middle column, in metres.", values=("finite",)),
    ] = None
    object_pixel_height_m: Annotated[
        ArrayRef | None, Field(alias=OBJECT_PIXELS_M[0]), _number("Object pixel height in metres.")
    ] = None
    object_pixel_width_m: Annotated[
        ArrayRef | None, Field(alias=OBJECT_PIXELS_M[1]), _number("Object pixel width in metres.")
    ] = None
    image_2_size: Annotated[
        ArrayRef | None,
        Field(alias=OBJECT_SIZE_M),
        Array(REAL, "3", "(width, height, depth) of the object in metres.", values=("finite", "nonnegative")),
    ] = None
    object_layer_spacing_m: Annotated[
        ArrayRef | None,
        Field(alias=LAYER_SPACING_M),
        Array(REAL, "gap*", "Distances between the layers of the object in metres.", values=("finite",)),
    ] = None
    probe_pixel_height_m: Annotated[
        ArrayRef | None, Field(alias=PROBE_PIXELS_M[0]), _number("Probe pixel height in metres.")
    ] = None
    probe_pixel_width_m: Annotated[
        ArrayRef | None, Field(alias=PROBE_PIXELS_M[1]), _number("Probe pixel width in metres.")
    ] = None


CONTRACT = ArrayContract(
    id="cxi",
    version="1.0.0",
    summary="CXI (patterns, a reconstruction, or both; <name>.cxi)",
    files={"cxi": CxiFile},
    typical={
        f"cxi:/{ENERGY_J}": 1.3e-15,
        f"cxi:/{WAVELENGTH_M}": 1.5e-10,
        f"cxi:/{DISTANCE_M}": 2.0,
        f"cxi:/{PIXELS_M[0]}": 75e-6,
        f"cxi:/{PIXELS_M[1]}": 75e-6,
    },
)
