"""Drawn Scans, and what it means that two are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_adapters.scan import make_scan
from ptycho_contracts.constants import HC_EV_M

_SIZES = st.integers(1, 4)


@st.composite
def scans(draw: st.DrawFn, *, square: bool = False, near: bool = False) -> xr.Dataset:
    """A Scan with patterns, positions and geometry; probe, object, bad pixels and frame numbers may be there."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, rows, columns = draw(st.integers(2, 5)), draw(st.integers(2, 6)), draw(st.integers(2, 6))
    shape = (rows, rows) if square else (rows, columns)
    dtype = draw(st.sampled_from(["uint16", "int32", "float32", "float64"]))
    canvas = (draw(st.integers(6, 13)), draw(st.integers(6, 13)))

    def field(*size: int) -> NDArray[Any]:
        return (rng.normal(size=size) + 1j * rng.normal(size=size)).astype(draw(st.sampled_from(["c8", "c16"])))

    object_ = field(1, *canvas) if draw(st.booleans()) else None
    energy, pixel = draw(st.floats(1e3, 3e4)), draw(st.floats(1e-9, 1e-7))
    attributes: dict[str, Any] = {
        "photon_energy_eV": energy,
        # Such that a far field has detector pixels of 10 to 100 µm.
        "detector_object_distance_m": draw(st.floats(1e-5, 1e-4)) * shape[0] * pixel * energy / HC_EV_M,
        "pixel_size_y_m": pixel,
        "pixel_size_x_m": draw(st.floats(0.5, 2.0)) * pixel,
    }
    if near:
        attributes |= {
            "propagation": "near-field",
            "detector_pixel_size_y_m": 5e-5,
            "detector_pixel_size_x_m": 5e-5,
        }
    if object_ is None:
        attributes |= {"canvas_y_px": canvas[0], "canvas_x_px": canvas[1]}
    bad = rng.random(shape) < 0.3
    bad[0, 0] = True
    return make_scan(
        rng.integers(1, 200, (count, *shape)).astype(dtype),
        rng.uniform(0, np.array(canvas), (count, 2)),
        field(draw(_SIZES), *shape) if draw(st.booleans()) else None,
        object_,
        attributes,
        frame_index=rng.permutation(1000)[:count] if draw(st.booleans()) else None,
        bad_pixels=bad if draw(st.booleans()) else None,
    )


def assert_holds(found: xr.Dataset, wanted: xr.Dataset) -> None:
    """Every variable and every quantity of `wanted` is in `found`, patterns and complex arrays bit by bit."""
    for name, variable in wanted.data_vars.items():
        if name in {"position_y", "position_x"}:
            np.testing.assert_allclose(found[name], variable, rtol=0, atol=1e-6)
        else:
            np.testing.assert_array_equal(found[name], variable)
            assert found[name].dtype == variable.dtype
    for key, value in wanted.attrs.items():
        if isinstance(value, float):
            np.testing.assert_allclose(found.attrs[key], value, rtol=1e-12)
        else:
            assert found.attrs[key] == value
