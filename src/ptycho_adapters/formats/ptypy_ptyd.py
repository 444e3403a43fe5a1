"""PtyPy data files (checked against the sources of PtyPy 0.9.0, whose `PtydScan` opens what is written here).

Patterns are intensities as PtyPy uses them (cropped, oriented, binned), zero frequency at the optical axis
`meta/center`, which must be the middle n/2. Positions are (y, x) in metres, y down the rows, no flip. PtyPy cuts
patches at whole pixels: round(position/pixel) is the index of patch pixel n/2; positions are not rounded here.

A ptyd file knows no origin and no object: the canvas is what the scan spans; ours is named in an attribute. The object
pixel is λ·z/(n·psize) in the far field and, as in PtyPy, `psize` in the near field. The field stands in no ptyd file:
it is PtyPy's model that says it (`geometry.propagation`); where the scan's steps do not fit a far field, the caller
must say it (`--propagation`). A magnified near field is written as PtyPy wants it, as the parallel beam that gives the
same patterns: object pixel for detector pixel, and the distance divided by the magnification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.bad_pixels import worst_of
from ptycho_adapters.codec import Codec, Loaded, ReadOptions, Written
from ptycho_adapters.measured_geometry import (
    known_geometry,
    marked_pixel_m,
    placed_on_canvas,
    propagation_of,
    refuse_broken,
)
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.ptyd_layout import write_ptyd
from ptycho_adapters.scan import check_square, make_scan
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts import ptypy_ptyd as ptyd
from ptycho_contracts.measured.ptyd import chunks, patterns_of, positions_m, ptyd_geometry, says_none
from ptycho_contracts.sources.base import Source

# PtyPy's own description of how the file was made; nothing of it is data.
_DESCRIPTIVE = ("info/", "meta/")


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of all chunks, without probe and object.

    Raises:
        ConversionError: the file breaks its contract, is not centred, or does not decide what its positions mean.
    """
    return load_checked(path, ptyd.CONTRACT, lambda sources: _load(sources["ptyd"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    refuse_broken(ptyd.CONTRACT, source)
    geometry, positions = ptyd_geometry(source), positions_m(source)
    numbers = chunks(source)
    patterns, count = patterns_of(source)
    pixel_m = marked_pixel_m(source.describe())
    if None in pixel_m and propagation_of(source, options) == "near-field" and geometry.detector_pixel_m is not None:
        pixel_m = geometry.detector_pixel_m
    known, decision = known_geometry(geometry, positions, pixel_m, options, source)
    centres = None
    if positions is not None:
        centres, canvas, decision["origin"] = placed_on_canvas(positions, known, patterns.frame_shape, source)
        known |= canvas
    mask, varies = _bad_pixels(source, numbers)
    scan = make_scan(
        StoredIntensity(patterns, np.arange(count), "intensity"),
        centres,
        None,
        None,
        known,
        frame_index=_indices(source, numbers),
        bad_pixels=mask if mask is not None and mask.any() else None,
    )
    dropped = [*_dropped(source), *_off_centre(source, patterns.frame_shape), *_weights_dropped(varies)]
    return Loaded([scan], dropped, {"geometry": decision}, [source])


def _indices(source: Source, numbers: list[int]) -> NDArray[np.integer] | None:
    members = source.describe().members
    paths = [f"chunks/{k}/indices" for k in numbers]
    return np.concatenate([source.read(path) for path in paths]) if all(p in members for p in paths) else None


def _bad_pixels(source: Source, numbers: list[int]) -> tuple[NDArray[np.bool_] | None, bool]:
    """Where the weights are 0; they are read once, block by block."""
    members = source.describe().members
    paths = [path for k in numbers if (path := f"chunks/{k}/weights") in members]
    return worst_of(block <= 0 for path in paths for _, block in source.blocks(path))


def _off_centre(source: Source, shape: tuple[int, int]) -> Iterator[str]:
    """What is lost of an optical axis between pixels.

    Raises:
        ValueError: it is not at n/2.
    """
    if ptyd.CENTER not in source.describe().members or says_none(source, ptyd.CENTER):
        return
    centre = np.broadcast_to(source.read(ptyd.CENTER).astype(np.float64), 2)
    middle = np.array(shape) // 2
    if np.any(np.abs(centre - middle) > 0.5):
        raise ValueError(f"the optical axis is at pixel {centre.tolist()}, not at the middle {middle.tolist()}")
    if np.any(centre != middle):
        yield f"optical axis {centre.tolist()} (taken as {middle.tolist()})"


def _dropped(source: Source) -> Iterator[str]:
    carried = ("data", "positions", "weights", "indices")
    for member in sorted(source.describe().members):
        is_chunk = member.startswith("chunks/") and member.rsplit("/", 1)[-1] in carried
        if not is_chunk and not member.startswith(_DESCRIPTIVE):
            yield f"{member} (a Scan has no room for it)"


def _weights_dropped(varies: bool) -> Iterator[str]:
    if varies:
        yield "weights that differ between patterns (a pixel that is bad in one counts as bad in all)"


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Stream the patterns into one chunk, with weights where pixels are bad.

    Raises:
        ValueError: the patterns are not square, or nothing says where the positions lie.
    """
    import h5py  # noqa: PLC0415

    check_square(scan)
    target = targets(folder, name)["ptyd"]
    with atomic_path(target) as temporary, h5py.File(temporary, "w") as file:
        facts = write_ptyd(file, scan, progress)
    return Written({"ptyd": target}, _not_carried(scan), facts)


def _not_carried(scan: xr.Dataset) -> list[str]:
    lost = [f"{part} (a ptyd file holds data only)" for part in ("probe", "object") if part in scan]
    if _is_magnified(scan):
        lost.append("detector distance and pixel (the equivalent parallel beam is written, as PtyPy wants it)")
    return lost


def _is_magnified(scan: xr.Dataset) -> bool:
    attributes: dict[Any, Any] = scan.attrs
    pixel = attributes.get("detector_pixel_size_y_m")
    return attributes.get("propagation") == "near-field" and pixel not in {None, attributes["pixel_size_y_m"]}


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"ptyd": folder / f"{name}.ptyd"}


CODEC = Codec(
    ptyd.CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"propagation"}),
    needs=frozenset({"patterns", "positions", "pixel_size_m", "energy_eV", "distance_m"}),
)
