"""The Scan: the one in-memory form between all formats, an `xarray.Dataset` with lazy patterns.

Every part is optional, because formats hold parts: a reconstruction has no patterns, a measurement no object, a
detector's file no positions. What a writer needs, its codec says.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import COMPLEX, REAL, Array, ArrayRef, Attr, FileModel


class ScanDataset(FileModel):
    """Variables and attributes of a Scan."""

    container: ClassVar = "dataset"
    root_attrs: ClassVar = {
        "pixel_size_y_m": Attr("positive", "object pixel height in metres; absent where unknown", optional=True),
        "pixel_size_x_m": Attr("positive", "object pixel width in metres; absent where unknown", optional=True),
        "photon_energy_eV": Attr("positive", "photon energy; absent where unknown", optional=True),
        "detector_object_distance_m": Attr("positive", "detector distance; absent where unknown", optional=True),
        "detector_pixel_size_y_m": Attr("positive", "detector pixel height in metres, where known", optional=True),
        "detector_pixel_size_x_m": Attr("positive", "detector pixel width in metres, where known", optional=True),
        "propagation": Attr("text", "far-field or near-field; absent where the source does not say", optional=True),
        "canvas_y_px": Attr("positive", "rows of the object canvas where no object is stored", optional=True),
        "canvas_x_px": Attr("positive", "columns of the object canvas where no object is stored", optional=True),
        "probe_factor": Attr("positive", "probe here / probe of the source", optional=True),
        "object_factor": Attr("positive", "object here / object of the source", optional=True),
    }

    intensity: Annotated[
        ArrayRef | None,
        Array(
            REAL,
            "scan detector_y detector_x",
            "Diffraction intensity in the source's unit, zero frequency at n/2.",
            values=("finite", "nonnegative"),
            advised="a product holds no patterns; they lie in another file",
        ),
    ] = None
    position_y: Annotated[
        ArrayRef | None,
        Array(
            "float64",
            "scan",
            "Row of the patch centre (index (n−1)/2), absolute 0-based object pixels.",
            values=("finite",),
            advised="without positions no pattern has a place",
        ),
    ] = None
    position_x: Annotated[
        ArrayRef | None,
        Array(
            "float64",
            "scan",
            "Column of the patch centre (index (n−1)/2), absolute 0-based object pixels.",
            values=("finite",),
            advised="without positions no pattern has a place",
        ),
    ] = None
    probe: Annotated[
        ArrayRef | None,
        Array(
            COMPLEX,
            "mode patch_y patch_x",
            "Probe modes; un-normalised FFT gives the intensity.",
            values=("finite",),
        ),
    ] = None
    object: Annotated[
        ArrayRef | None,
        Array(COMPLEX, "layer object_y object_x", "Complex transmission of each layer.", values=("finite",)),
    ] = None
    layer_spacing_m: Annotated[
        ArrayRef | None,
        Array("float64", "gap*", "Distances in metres between the layers of the object.", values=("finite",)),
    ] = None
    frame_index: Annotated[
        ArrayRef | None,
        Array("int64", "scan", "Number of the detector frame; joins patterns and positions of two files."),
    ] = None
    bad_pixels: Annotated[
        ArrayRef | None, Array("bool", "detector_y detector_x", "True where a detector pixel is not to be trusted.")
    ] = None


CONTRACT = ArrayContract(
    id="scan", version="1.2.0", summary="a scan in memory (xarray.Dataset)", files={"scan": ScanDataset}
)
