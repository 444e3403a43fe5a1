"""One Scan from several artifacts: patterns here, probe and object there, as tools leave them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.codec import ConversionError
from ptycho_adapters.needs import VARIABLES, Part, holds
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.finding import finding
from ptycho_contracts.physics.spacing import spacing_px

# Attributes that say something of a part; they come with it unless they are known already.
_COMING: dict[Part, tuple[str, ...]] = {
    "patterns": (
        "photon_energy_eV",
        "detector_object_distance_m",
        "propagation",
        "detector_pixel_size_y_m",
        "detector_pixel_size_x_m",
    ),
    "positions": ("pixel_size_y_m", "pixel_size_x_m", "canvas_y_px", "canvas_x_px"),
    "probe": ("pixel_size_y_m", "pixel_size_x_m", "photon_energy_eV"),
    "object": ("pixel_size_y_m", "pixel_size_x_m"),
}
_PER_FRAME: tuple[Part, ...] = ("patterns", "positions")
_WHOLE: tuple[Part, ...] = ("probe", "object")


def compose(scan: xr.Dataset, others: Mapping[Part, xr.Dataset]) -> xr.Dataset:
    """`scan` with the named parts taken from other scans.

    An object lies where the positions of its own artifact say, so those come with it unless positions are named too;
    they must be those of the scan, but for its origin and a refinement of less than the distance of neighbours.
    Patterns and positions of two artifacts are joined by their frame numbers where both have them, otherwise one by
    one. The scale of a probe says nothing about another artifact's patterns: it counts as unknown.

    Raises:
        ConversionError: an artifact does not hold the part, or the parts do not fit together.
    """
    parts = dict(others)
    if "object" in parts and "positions" not in parts and holds(parts["object"], "positions"):
        _refuse_other_positions(scan, parts["object"])
        parts["positions"] = parts["object"]
    for part, other in parts.items():
        if not holds(other, part):
            raise _unfit(part, f"the artifact named for the {part} holds none", "an artifact that has them")
    kept = scan
    for part in _PER_FRAME:
        if part in parts:
            kept = _joined(kept, parts[part], part)
    for part in _WHOLE:
        if part in parts:
            kept = _placed(kept, parts[part], part)
    _check_sizes(kept)
    if "probe" in parts or "patterns" in parts:
        kept = kept.assign_attrs(probe_scale="unknown")
    return kept


def _refuse_other_positions(scan: xr.Dataset, other: xr.Dataset) -> None:
    """The positions that come with an object must be the scan's own, from whatever origin."""
    if not holds(scan, "positions"):
        return
    own, coming = (_positions(s)[rows] for s, rows in zip((scan, other), _frames(scan, other), strict=True))
    moved = coming - own
    off = float(np.abs(moved - np.median(moved, axis=0)).max(initial=0.0))
    if off > max(1.0, spacing_px(own)):
        message = f"the positions that come with the object contradict those of the source by up to {off:.1f} px"
        fix = "Say which are right: `--positions-from FILE` with one of the two. `ptycho diagnose` asks the patterns."
        raise _unfit("positions", message, "the same positions, but for their origin", fix)


def with_origin_of(scan: xr.Dataset, other: xr.Dataset) -> tuple[xr.Dataset, tuple[float, float] | None]:
    """Positions that know no origin, laid over those of a scan that has an object; and by how much they were moved.

    Measured files without an object count from where the scan begins. The median of the differences is the origin that
    both share if they are the same positions, refined or not; whether they are, the patterns have to prove.

    Returns:
        `other` with the positions moved, and (y, x) in pixels; `other` itself and None where it has an origin.

    Raises:
        ConversionError: the two do not have the same frames.
    """
    if "object" not in scan or not holds(scan, "positions") or not _begins_at_zero(other):
        return other, None
    own, theirs = (_positions(s)[rows] for s, rows in zip((scan, other), _frames(scan, other), strict=True))
    y, x = np.median(own - theirs, axis=0).tolist()
    moved = other.assign(position_y=other["position_y"] + y, position_x=other["position_x"] + x)
    return moved, (y, x)


def _begins_at_zero(scan: xr.Dataset) -> bool:
    """Whether the first patch along each axis begins at pixel 0 of a canvas that nobody stored."""
    if "object" in scan or "intensity" not in scan or not holds(scan, "positions"):
        return False
    half = (np.array([scan.sizes["detector_y"], scan.sizes["detector_x"]]) - 1) / 2
    return bool(np.array_equal(_positions(scan).min(axis=0), half))


def _positions(scan: xr.Dataset) -> NDArray[np.float64]:
    return np.column_stack([scan[name].values for name in VARIABLES["positions"]])


def _placed(scan: xr.Dataset, other: xr.Dataset, part: Part) -> xr.Dataset:
    """A part that has no frames, in place of what was there."""
    names = [name for name in VARIABLES[part] if name in scan]
    return (
        scan.drop_vars(names)
        .assign({name: other[name] for name in VARIABLES[part]})
        .assign_attrs(_new_attributes(scan, other, part))
    )


def _joined(scan: xr.Dataset, other: xr.Dataset, part: Part) -> xr.Dataset:
    """Patterns or positions of another artifact beside the rest of this one, frame by frame."""
    names = [name for name in VARIABLES[part] if name in scan]
    rest = scan.drop_vars([*names, *(["bad_pixels"] if part == "patterns" and "bad_pixels" in scan else [])])
    others_part: Part = "positions" if part == "patterns" else "patterns"
    if not holds(rest, others_part):
        mine = {name: other[name] for name in (*VARIABLES[part], "frame_index") if name in other}
        rest = rest.drop_vars([n for n in ("frame_index",) if n in rest])
    else:
        here, there = _frames(rest, other)
        rest = rest.isel(scan=here)
        mine = {name: other[name].isel(scan=there) for name in VARIABLES[part]}
    if part == "patterns" and "bad_pixels" in other:
        mine["bad_pixels"] = other["bad_pixels"]
    return rest.assign(mine).assign_attrs(_new_attributes(scan, other, part))


def _frames(scan: xr.Dataset, other: xr.Dataset) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which frames of the two belong together, in the order of the first."""
    if "frame_index" in scan and "frame_index" in other:
        here, there = scan["frame_index"].values, other["frame_index"].values
        _, at_here, at_there = np.intersect1d(here, there, return_indices=True)
        if len(at_here) == 0:
            raise _unfit("positions", "no frame number occurs in both artifacts", "frames of one measurement")
        order = np.argsort(at_here, kind="stable")
        return at_here[order], at_there[order]
    if scan.sizes["scan"] != other.sizes["scan"]:
        numbers = f"{scan.sizes['scan']} and {other.sizes['scan']}"
        raise _unfit(
            "positions", f"patterns and positions differ in number: {numbers}", "as many of one as of the other"
        )
    everything = np.arange(scan.sizes["scan"])
    return everything, everything


def _new_attributes(scan: xr.Dataset, other: xr.Dataset, part: Part) -> dict[str, object]:
    return {name: other.attrs[name] for name in _COMING[part] if name in other.attrs and name not in scan.attrs}


def _check_sizes(scan: xr.Dataset) -> None:
    """A probe is as large as the patterns that it made."""
    if "probe" in scan and "intensity" in scan:
        probe = (scan.sizes["patch_y"], scan.sizes["patch_x"])
        detector = (scan.sizes["detector_y"], scan.sizes["detector_x"])
        if probe != detector:
            raise _unfit("probe", f"the probe has {probe} pixels, the patterns {detector}", f"a probe of {detector}")


def _unfit(part: str, message: str, expected: str, fix: str | None = None) -> ConversionError:
    return ConversionError(finding(codes.NOT_REPRESENTABLE, f"scan:/{part}", message, expected=expected, fix=fix))
