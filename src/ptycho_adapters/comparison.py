"""In what two Scans differ: what a conversion changed, measured after reading back what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.needs import PARTS, VARIABLES, holds
from ptycho_adapters.quantities import with_detector_pixel

if TYPE_CHECKING:
    import xarray as xr

# float32 keeps seven digits; what differs by less than this went through it once.
ROUNDING = 2e-6
# A position is compared in object pixels: float32 coordinates of a 10⁴ px canvas are good to this.
POSITION_PX = 2e-3

# Written by one tool and read by another, these say nothing of the data themselves.
_BOOKKEEPING = {"probe_scale", "probe_factor", "object_factor", "canvas_y_px", "canvas_x_px"}


def differences(before: xr.Dataset, after: xr.Dataset) -> list[str]:
    """What `after` lacks of `before` or holds otherwise, in words; empty where it is the same.

    Positions without an object have no absolute place: a common shift of all is not a difference then. A factor
    of the whole probe is none where the source did not know its scale.
    """
    found = [f"{part} lost" for part in PARTS if holds(before, part) and not holds(after, part)]
    both = [part for part in PARTS if holds(before, part) and holds(after, part)]
    for part in both:
        found.extend(_COMPARE[part](before, after))
    for name in ("bad_pixels", "frame_index"):
        if name in before and not (name in after and np.array_equal(before[name].values, after[name].values)):
            found.append(f"{name} {'changed' if name in after else 'lost'}")
    found.extend(_attributes(before, after))
    return found


def _patterns(before: xr.Dataset, after: xr.Dataset) -> Iterator[str]:
    a, b = before["intensity"].variable, after["intensity"].variable
    if a.shape != b.shape:
        yield f"patterns of shape {b.shape} instead of {a.shape}"
        return
    worst = 0.0
    for start in range(0, a.shape[0], 16):
        x, y = (v[start : start + 16].values.astype(np.float64) for v in (a, b))
        worst = max(worst, float(np.max(np.abs(x - y) / np.maximum(np.abs(x), 1e-30), initial=0.0)))
    if worst > 0:
        yield "intensities rounded to float32 amplitudes" if worst < ROUNDING else f"intensities changed by {worst:.2g}"
    if a.dtype.kind in "iu" and b.dtype.kind == "f":
        yield f"intensities {a.dtype} became {b.dtype}"


def _positions(before: xr.Dataset, after: xr.Dataset) -> Iterator[str]:
    a, b = (np.column_stack([s[name].values for name in VARIABLES["positions"]]) for s in (before, after))
    if a.shape != b.shape:
        yield f"{len(b)} positions instead of {len(a)}"
        return
    moved = b - a
    if "object" not in before:
        moved = moved - moved.mean(axis=0)
    worst = float(np.abs(moved).max(initial=0.0))
    if worst > POSITION_PX:
        yield f"positions moved by up to {worst:.3g} px"


def _probe(before: xr.Dataset, after: xr.Dataset) -> Iterator[str]:
    a, b = before["probe"].values, after["probe"].values
    if a.shape != b.shape:
        yield f"probe of shape {b.shape} instead of {a.shape}"
        return
    factor = _factor(a, b)
    if _apart(a * factor, b) > ROUNDING:
        yield "probe changed"
    elif abs(factor - 1) > ROUNDING and before.attrs.get("probe_scale", "calibrated") == "calibrated":
        yield f"probe scaled by {factor:.4g}"


def _object(before: xr.Dataset, after: xr.Dataset) -> Iterator[str]:
    a, b = before["object"].values, after["object"].values
    if a.shape != b.shape:
        yield f"object of shape {b.shape} instead of {a.shape}"
    elif _apart(a, b) > ROUNDING:
        yield "object changed"


def _factor(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The real factor that takes `a` nearest to `b`."""
    energy = float(np.vdot(a, a).real)
    return float(np.vdot(a, b).real) / energy if energy > 0 else 1.0


def _apart(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Largest difference in units of the largest value."""
    return float(np.abs(a - b).max(initial=0.0)) / max(float(np.abs(b).max(initial=0.0)), 1e-30)


def _attributes(before: xr.Dataset, after: xr.Dataset) -> Iterator[str]:
    """Quantities that the format does not hold but that follow from those that it does are not lost."""
    shape = (after.sizes["detector_y"], after.sizes["detector_x"]) if "intensity" in after else None
    held = after.attrs if shape is None else with_detector_pixel(after.attrs, shape)
    for name in sorted(set(before.attrs) - _BOOKKEEPING):
        value, now = before.attrs[name], held.get(name)
        if now is None:
            yield f"{name} lost"
        elif value != now and not (isinstance(value, float | int) and np.isclose(value, now, rtol=ROUNDING, atol=0)):
            yield f"{name} {now:g} instead of {value:g}" if isinstance(now, float) else f"{name} changed"


_COMPARE = {"patterns": _patterns, "positions": _positions, "probe": _probe, "object": _object}
