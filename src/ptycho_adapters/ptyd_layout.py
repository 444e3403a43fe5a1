"""What a PtyPy data file of ours holds, with the attributes from which PtyPy's `h5read` restores its dictionaries.

Every group is of type `dict`; an array is `array`, a list of numbers `arraylist`, a number `scalar`, a text `string`,
and no value is one zero of type `None`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ptycho_adapters.hdf5_stream import write_intensities
from ptycho_adapters.measured_geometry import marks_of
from ptycho_adapters.quantities import with_detector_pixel
from ptycho_adapters.scan import canvas_shape, centres_px
from ptycho_contracts.contracts import ptypy_ptyd as ptyd

if TYPE_CHECKING:
    import h5py

_H5RW_VERSION = "0.1"
_PTYD_VERSION = 0.1


def write_ptyd(file: h5py.File, scan: xr.Dataset, progress: Callable[[int, int], None] | None) -> dict[str, Any]:
    """Fill an empty file; returns the facts of the writing.

    Raises:
        ValueError: neither an object nor a canvas says where the positions lie.
        ConversionError: an intensity is none.
    """
    file.attrs["h5rw_version"] = _H5RW_VERSION
    file.attrs.update(marks_of(scan.attrs, canvas_shape(scan)))
    for group in ("chunks", "chunks/0", "info", "meta"):
        file.create_group(group).attrs["type"] = "dict"
    _put(file, "info/name", "ptycho-contracts", "string")
    _meta(file, scan)
    total, highest = write_intensities(file, ptyd.DATA, scan, progress)
    file[ptyd.DATA].attrs["type"] = "array"
    _chunk(file, scan)
    return {"patterns": int(scan.sizes["scan"]), "total_intensity": total, "maximum_intensity": highest}


def _put(file: h5py.File, path: str, value: Any, kind: str) -> None:
    file[path] = value
    file[path].attrs["type"] = kind


def _meta(file: h5py.File, scan: xr.Dataset) -> None:
    n = int(scan.sizes["detector_y"])
    distance_m, pixel_m = _geometry(scan, n)
    _put(file, ptyd.ENERGY_KEV, float(scan.attrs["photon_energy_eV"]) / 1e3, "scalar")
    _put(file, ptyd.DISTANCE_M, distance_m, "scalar")
    _put(file, ptyd.PIXEL_M, np.array(pixel_m), "array")
    _put(file, ptyd.CENTER, np.array([n // 2, n // 2], np.float64), "array")
    _put(file, "meta/shape", np.array([n, n]), "array")
    _put(file, "meta/num_frames", int(scan.sizes["scan"]), "scalar")
    _put(file, "meta/version", _PTYD_VERSION, "scalar")
    _put(file, "meta/label", np.zeros(1), "None")


def _geometry(scan: xr.Dataset, n: int) -> tuple[float, tuple[float, float]]:
    """Distance and (height, width) of a pixel as PtyPy wants them: in the near field those of a parallel beam."""
    attributes: dict[str, Any] = {str(key): value for key, value in scan.attrs.items()}
    distance = float(attributes["detector_object_distance_m"])
    if attributes.get("propagation") != "near-field":
        known = with_detector_pixel(attributes, (n, n))
        return distance, (float(known["detector_pixel_size_y_m"]), float(known["detector_pixel_size_x_m"]))
    pixel = (float(attributes["pixel_size_y_m"]), float(attributes["pixel_size_x_m"]))
    magnification = float(attributes.get("detector_pixel_size_y_m", pixel[0])) / pixel[0]
    return distance / magnification, pixel


def _chunk(file: h5py.File, scan: xr.Dataset) -> None:
    from_middle = centres_px(scan) - (np.array(canvas_shape(scan)) - 1) / 2
    pixel = np.array([float(scan.attrs["pixel_size_y_m"]), float(scan.attrs["pixel_size_x_m"])])
    _put(file, "chunks/0/positions", from_middle * pixel, "array")
    count = int(scan.sizes["scan"])
    indices = scan["frame_index"].values if "frame_index" in scan else np.arange(count)
    _put(file, "chunks/0/indices", indices, "arraylist")
    if "bad_pixels" in scan:
        weight = (~scan["bad_pixels"].values).astype(np.uint8)
        weights = file.create_dataset(
            "chunks/0/weights", (count, *weight.shape), np.uint8, chunks=(1, *weight.shape), compression="gzip"
        )
        weights.attrs["type"] = "array"
        for row in range(count):
            weights[row] = weight
