"""What a CXI file of ours holds, and where: every place in which cdtools 0.3.2 or Ptychodus 1.7.0 look.

Patterns lie in `detector_1/data`, positions in `sample_1/geometry_1/translation`; links lead there from `data_1` and
`detector_1`. Position 0 is the middle (H−1)/2 of the object, whose stored centre is 0, or of the canvas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ptycho_adapters.hdf5_stream import write_intensities
from ptycho_adapters.measured_geometry import marks_of
from ptycho_adapters.quantities import wavelength_m, with_detector_pixel
from ptycho_adapters.scan import canvas_shape, centres_px, probe_factor
from ptycho_contracts import __version__
from ptycho_contracts.constants import ELECTRONVOLT_J
from ptycho_contracts.contracts import cxi
from ptycho_contracts.contracts.ptychovit_para import OBJECT_FACTOR, PROBE_FACTOR

if TYPE_CHECKING:
    import h5py

_CXI_VERSION = 160


def write_cxi(file: h5py.File, scan: xr.Dataset, progress: Callable[[int, int], None] | None) -> dict[str, Any]:
    """Fill an empty file; returns the facts of the writing.

    Raises:
        ValueError: neither an object nor a canvas says where the positions lie.
        ConversionError: an intensity is none.
    """
    file["cxi_version"] = _CXI_VERSION
    file["number_of_entries"] = 1
    file["entry_1/process_1/program"] = "ptycho-contracts"
    file["entry_1/process_1/version"] = __version__
    file.attrs.update(marks_of(scan.attrs, None if "object" in scan else canvas_shape(scan)))
    _positions(file, scan)
    _source(file, scan)
    _detector(file, scan)
    facts: dict[str, Any] = {}
    total = None
    if "intensity" in scan:
        total, highest = write_intensities(file, cxi.PATTERNS[1], scan, progress)
        _link(file, cxi.PATTERNS[0], cxi.PATTERNS[1])
        facts |= {"patterns": int(scan.sizes["scan"]), "total_intensity": total, "maximum_intensity": highest}
    if "probe" in scan:
        facts |= _probe(file, scan, total)
    if "object" in scan:
        _object(file, scan)
    return facts


def _link(file: h5py.File, path: str, target: str) -> None:
    import h5py  # noqa: PLC0415

    file[path] = h5py.SoftLink(f"/{target}")


def _positions(file: h5py.File, scan: xr.Dataset) -> None:
    """(x, y, 0) in metres from the middle of the canvas, and the numbers of the frames."""
    from_middle = centres_px(scan) - (np.array(canvas_shape(scan)) - 1) / 2
    translation = np.zeros((len(from_middle), 3))
    translation[:, 0] = from_middle[:, 1] * float(scan.attrs["pixel_size_x_m"])
    translation[:, 1] = from_middle[:, 0] * float(scan.attrs["pixel_size_y_m"])
    file[cxi.TRANSLATION[0]] = translation
    for path in cxi.TRANSLATION[1:]:
        _link(file, path, cxi.TRANSLATION[0])
    if "frame_index" in scan:
        # Beside patterns Ptychodus would take these numbers for rows of the patterns' array.
        file[cxi.FRAME_INDEX if "intensity" in scan else cxi.POSITION_INDEXES] = scan["frame_index"].values


def _source(file: h5py.File, scan: xr.Dataset) -> None:
    energy = float(scan.attrs["photon_energy_eV"])
    file[cxi.ENERGY_J] = energy * ELECTRONVOLT_J
    file[cxi.WAVELENGTH_M] = wavelength_m(energy)


def _detector(file: h5py.File, scan: xr.Dataset) -> None:
    file[cxi.DISTANCE_M] = float(scan.attrs["detector_object_distance_m"])
    attributes: dict[str, Any] = {str(key): value for key, value in scan.attrs.items()}
    shape = _patch(scan)
    if shape is not None and attributes.get("propagation") != "near-field":
        attributes = with_detector_pixel(attributes, shape)
    height, width = (attributes.get(f"detector_pixel_size_{letter}_m") for letter in "yx")
    if height is not None and width is not None:
        for path, value in zip(cxi.PIXELS_M, (height, width), strict=True):
            file[path] = float(value)
        file[cxi.BASIS_VECTORS] = np.array([[0.0, -float(width)], [-float(height), 0.0], [0.0, 0.0]])
    if "bad_pixels" in scan:
        file[cxi.MASK] = scan["bad_pixels"].values.astype(np.uint32)


def _patch(scan: xr.Dataset) -> tuple[int, int] | None:
    for part, dims in (("intensity", ("detector_y", "detector_x")), ("probe", ("patch_y", "patch_x"))):
        if part in scan:
            return int(scan.sizes[dims[0]]), int(scan.sizes[dims[1]])
    return None


def _probe(file: h5py.File, scan: xr.Dataset, total: float | None) -> dict[str, Any]:
    """The probe in the scale of the patterns; without patterns as it is, and of unknown scale if it was."""
    known = scan.attrs.get("probe_scale", "calibrated") == "calibrated"
    factor = 1.0 if total is None else probe_factor(scan, total)
    probe = scan["probe"].values
    file[cxi.PROBE] = (probe * factor).astype(probe.dtype, copy=False)[None]
    file[cxi.PROBE].attrs["axes"] = "coherent:incoherent:y:x"
    _link(file, cxi.ILLUMINATION, cxi.PROBE)
    _pixels(file, scan, cxi.PROBE, cxi.PROBE_PIXELS_M)
    if known or total is not None:
        file.attrs[PROBE_FACTOR] = factor * float(scan.attrs.get("probe_factor", 1.0))
    return {"probe_factor": factor}


def _object(file: h5py.File, scan: xr.Dataset) -> None:
    file[cxi.OBJECT] = scan["object"].values
    file[cxi.OBJECT].attrs["axes"] = "layer:y:x"
    _pixels(file, scan, cxi.OBJECT, cxi.OBJECT_PIXELS_M)
    for path in cxi.CENTRE_M:
        file[path] = 0.0
    if "layer_spacing_m" in scan:
        file[cxi.LAYER_SPACING_M] = scan["layer_spacing_m"].values
    if "object_factor" in scan.attrs:
        file.attrs[OBJECT_FACTOR] = float(scan.attrs["object_factor"])


def _pixels(file: h5py.File, scan: xr.Dataset, image: str, paths: tuple[str, str]) -> None:
    """Pixel (height, width) where Ptychodus keeps it, and the image's size where CXI does."""
    pixel = (float(scan.attrs["pixel_size_y_m"]), float(scan.attrs["pixel_size_x_m"]))
    for path, value in zip(paths, pixel, strict=True):
        file[path] = value
    rows, columns = file[image].shape[-2:]
    file[image.replace("/data", "/image_size")] = np.array([columns * pixel[1], rows * pixel[0], 0.0])
