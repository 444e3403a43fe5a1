"""The Scan: one `xarray.Dataset` between all formats, its patterns lazy.

Every part is optional (`contracts/scan.py`); a codec says what its format needs. Positions are absolute: the 0-based
array coordinate, in object pixels, of the patch's centre (patch index (n−1)/2), y the row, x the column; so no tool's
idea of an origin is inside. What a source does not know is absent, never 0. Where the probe's scale is still unknown
(the source's patterns have an arbitrary unit), `probe_scale` is "unknown" and a writer that needs it solves it from the
energies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core import indexing

from ptycho_adapters.codec import ConversionError
from ptycho_adapters.patterns import StoredIntensity
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.description import AttributeInfo, Description, FileInfo, MemberInfo
from ptycho_contracts.finding import finding
from ptycho_contracts.physics.forward import ForwardModel, Places
from ptycho_contracts.read_ahead import read_ahead
from ptycho_contracts.sources.array_source import dtype_name

# A block of patterns handled at once while streaming: small enough to stay in the cache from reading to writing.
BLOCK_BYTES = 4 * 2**20


def make_scan(
    intensity: StoredIntensity | NDArray[Any] | None,
    centre_px: NDArray[np.float64] | None,
    probe: NDArray[np.complexfloating] | None,
    object_: NDArray[np.complexfloating] | None,
    attributes: Mapping[str, Any],
    *,
    frame_index: NDArray[np.integer] | None = None,
    bad_pixels: NDArray[np.bool_] | None = None,
    layer_spacing_m: NDArray[Any] | None = None,
) -> xr.Dataset:
    """A Scan; what is None is not there.

    Args:
        intensity: (scan, h, w), lazy or in memory.
        centre_px: (scan, 2) float64, (y, x).
        probe: (mode, h, w) complex.
        object_: (layer, H, W) complex.
        attributes: Root attributes as the `scan` contract names them; None values are left out.
        frame_index: (scan,) numbers of the detector frames.
        bad_pixels: (h, w), true where a detector pixel is not to be trusted.
        layer_spacing_m: (layer − 1,) distances between the layers of the object.
    """
    variables: dict[str, Any] = {}
    if intensity is not None:
        values = indexing.LazilyIndexedArray(intensity) if isinstance(intensity, StoredIntensity) else intensity
        variables["intensity"] = (("scan", "detector_y", "detector_x"), values)
    if centre_px is not None:
        variables["position_y"] = ("scan", np.ascontiguousarray(centre_px[:, 0], np.float64))
        variables["position_x"] = ("scan", np.ascontiguousarray(centre_px[:, 1], np.float64))
    if frame_index is not None:
        variables["frame_index"] = ("scan", np.ascontiguousarray(frame_index, np.int64))
    if bad_pixels is not None:
        variables["bad_pixels"] = (("detector_y", "detector_x"), np.ascontiguousarray(bad_pixels, np.bool_))
    if probe is not None:
        variables["probe"] = (("mode", "patch_y", "patch_x"), probe)
    if object_ is not None:
        variables["object"] = (("layer", "object_y", "object_x"), object_)
    if layer_spacing_m is not None:
        variables["layer_spacing_m"] = ("gap", np.ascontiguousarray(layer_spacing_m, np.float64))
    return xr.Dataset(variables, attrs={k: v for k, v in attributes.items() if v is not None})


def describe_scan(scan: xr.Dataset) -> Description:
    """The headers of a Scan as the contract `scan` judges them; touches no pattern."""
    attributes = {str(k): AttributeInfo(dtype=type(v).__name__, shape=(), value=v) for k, v in scan.attrs.items()}
    members = {str(k): MemberInfo(dtype=dtype_name(v.dtype), shape=v.shape) for k, v in scan.variables.items()}
    return Description(files={"scan": FileInfo(container="dataset", attributes=attributes, members=members)})


def centres_px(scan: xr.Dataset) -> NDArray[np.float64]:
    """(scan, 2) positions (y, x)."""
    return np.column_stack([scan["position_y"].values, scan["position_x"].values])


def canvas_shape(scan: xr.Dataset) -> tuple[int, int]:
    """(rows, columns) of the object, or of the canvas that the scan declares.

    Raises:
        ValueError: neither is there.
    """
    if "object" in scan:
        return int(scan.sizes["object_y"]), int(scan.sizes["object_x"])
    if "canvas_y_px" in scan.attrs and "canvas_x_px" in scan.attrs:
        return int(scan.attrs["canvas_y_px"]), int(scan.attrs["canvas_x_px"])
    raise ValueError("the scan has neither an object nor a declared canvas")


def intensity_blocks(scan: xr.Dataset) -> Iterator[tuple[int, NDArray[Any]]]:
    """(first pattern, intensities (b, n, n)) in scan order, about `BLOCK_BYTES` each, two alive at a time."""
    yield from read_ahead(_intensity_blocks(scan["intensity"].variable))


def _intensity_blocks(variable: xr.Variable) -> Iterator[tuple[int, NDArray[Any]]]:
    count = variable.shape[0]
    row_bytes = max(1, int(np.prod(variable.shape[1:])) * variable.dtype.itemsize)
    step = max(1, BLOCK_BYTES // row_bytes)
    for start in range(0, count, step):
        yield start, variable[start : start + step].values


def amplitude_blocks(scan: xr.Dataset) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(first pattern, amplitudes (b, n, n) float32) in scan order.

    Raises:
        ValueError: an intensity has no square root: it is negative or not finite.
    """
    for start, block in intensity_blocks(scan):
        check_intensity(block, start)
        yield start, np.sqrt(block, dtype=np.float64).astype(np.float32)


def check_intensity(block: NDArray[Any], start: int) -> None:
    """Refuse what is no intensity.

    Raises:
        ConversionError: naming the first pattern of the block that has a negative or non-finite value.
    """
    if block.size and not (block.min() >= 0 and np.isfinite(block.max())):  # NaN fails the first comparison
        broken = ~(np.isfinite(block) & (block >= 0)).reshape(len(block), -1).all(axis=1)
        number = int(broken.argmax())
        code = codes.NON_FINITE if not np.isfinite(block[number]).all() else codes.NEGATIVE
        raise ConversionError(
            finding(
                code,
                f"scan:/intensity[{start + number}]",
                f"pattern {start + number} has a negative or non-finite intensity",
                expected="finite values ≥ 0",
                found="here is the first pattern that is none; `ptycho validate --depth data` counts them",
            )
        )


def check_square(scan: xr.Dataset) -> None:
    """Refuse what a format of square patterns cannot hold.

    Raises:
        ValueError: naming the detector's shape.
    """
    height, width = scan.sizes["detector_y"], scan.sizes["detector_x"]
    if height != width:
        raise ValueError(f"the format holds square patterns, and these have {height} × {width} pixels; crop them first")


def predicted_energy(scan: xr.Dataset) -> float | None:
    """n²·Σ|object·probe|² over the scan, or None where object or probe is not there."""
    if "object" not in scan or "probe" not in scan:
        return None
    model = ForwardModel(scan["object"].values[:1], scan["probe"].values)
    places = Places(np.zeros(scan.sizes["scan"], np.intp), centres_px(scan))
    return float(model.energies(places).sum())


def probe_factor(scan: xr.Dataset, total_intensity: float) -> float:
    """The real factor by which the probe must be multiplied so that Σintensity = n²·Σ|object·probe|².

    1 where the scale is calibrated already. Without an object the patterns themselves bound it: the object's
    mean transmission is taken as 1.

    Raises:
        ValueError: the model predicts no energy at all (an empty probe or object).
    """
    if scan.attrs.get("probe_scale", "calibrated") == "calibrated":
        return 1.0
    predicted = predicted_energy(scan)
    if predicted is None:
        n = scan.sizes["detector_y"]
        predicted = float((np.abs(scan["probe"].values.astype(np.complex128)) ** 2).sum()) * n**2 * scan.sizes["scan"]
    if predicted <= 0 or total_intensity <= 0:
        raise ValueError("no energy in the model or in the patterns: the probe's scale cannot be found")
    return float((total_intensity / predicted) ** 0.5)
