"""The gauge: any object·c with probe/c explains the patterns equally well. Explicit, recorded, reversible."""

from __future__ import annotations

import numpy as np
import xarray as xr


def rescale_object(scan: xr.Dataset, factor: float) -> xr.Dataset:
    """The scan with object·factor and probe/factor; the predicted patterns stay the same.

    The factor since the source accumulates in the attribute `object_factor`.

    Raises:
        ValueError: the factor is not positive and finite, or there is no object.
    """
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"a gauge factor is positive and finite, not {factor!r}")
    if "object" not in scan:
        raise ValueError("the scan has no object to rescale")
    changed = scan.assign(object=_times(scan["object"], factor))
    if "probe" in scan:
        changed = changed.assign(probe=_times(scan["probe"], 1 / factor))
    changed.attrs["object_factor"] = float(scan.attrs.get("object_factor", 1.0)) * factor
    return changed


def _times(array: xr.DataArray, factor: float) -> xr.DataArray:
    return array.copy(data=(array.values * factor).astype(array.dtype, copy=False))


def as_in_source(scan: xr.Dataset) -> xr.Dataset:
    """The scan with the gauge and the probe's scale undone: object and probe as the source stored them."""
    undone = scan
    gauge = float(scan.attrs.get("object_factor", 1.0))
    if gauge != 1.0 and "object" in scan:
        undone = rescale_object(scan, 1 / gauge)
    factor = float(scan.attrs.get("probe_factor", 1.0))
    if factor != 1.0 and "probe" in scan:
        undone = undone.assign(probe=_times(undone["probe"], 1 / factor))
    return undone


def median_to_one(scan: xr.Dataset) -> float:
    """The factor that sets the median amplitude of the object's first layer to 1.

    Raises:
        ValueError: no object, or its median amplitude is 0.
    """
    if "object" not in scan:
        raise ValueError("the scan has no object")
    median = float(np.median(np.abs(scan["object"].values[0])))
    if median == 0:
        raise ValueError("more than half of the object is 0: its median cannot be set to 1")
    return 1.0 / median
