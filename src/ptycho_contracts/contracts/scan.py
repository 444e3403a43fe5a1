"""The Scan: the one in-memory form between all formats, an `xarray.Dataset` with lazy patterns."""

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
        "canvas_y_px": Attr("positive", "rows of the object canvas where no object is stored", optional=True),
        "canvas_x_px": Attr("positive", "columns of the object canvas where no object is stored", optional=True),
        "probe_factor": Attr("positive", "probe here / probe of the source", optional=True),
        "object_factor": Attr("positive", "object here / object of the source", optional=True),
    }

    intensity: Annotated[
        ArrayRef,
        Array(
            REAL,
            "scan detector_y detector_x",
            "Diffraction intensity in the source's unit, zero frequency at n/2.",
            values=("finite", "nonnegative"),
        ),
    ]
    position_y: Annotated[
        ArrayRef,
        Array(
            "float64",
            "scan",
            "Row of the patch centre (index (n−1)/2), absolute 0-based object pixels.",
            values=("finite",),
        ),
    ]
    position_x: Annotated[
        ArrayRef,
        Array(
            "float64",
            "scan",
            "Column of the patch centre (index (n−1)/2), absolute 0-based object pixels.",
            values=("finite",),
        ),
    ]
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


CONTRACT = ArrayContract(
    id="scan", version="1.0.0", summary="a scan in memory (xarray.Dataset)", files={"scan": ScanDataset}
)
