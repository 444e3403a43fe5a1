"""CXI (checked against cdtools 0.3.2 and Ptychodus 1.7.0, both of which open what is written here).

Patterns are intensities, zero frequency at n/2, no flip. `translation` is that of the sample. cdtools negates it and
multiplies by basis vectors that are negative as well, Ptychodus does neither: with the usual vectors a pattern lies at
(row, column) = (+y, +x)/pixel in both. Other basis vectors along x and y are followed as cdtools follows them.

The object pixel is Ptychodus' `object_pixel_*`, or else λ·z/(n·detector pixel): a far field. Where the scan's steps do
not fit a far field, the caller must say which it is (`--propagation`); a near field's object pixel (the detector
pixel over the magnification) stands in no CXI file and must be said too (`--pixel-size-m`).

CXI knows no origin. With an object stored (`image_2`, as Ptychodus 1.7 writes it) position 0 lies at its middle
(H−1)/2, the stored centre taken off. Without one the canvas is what the scan spans; ours is named in an attribute.

`image_1` is the probe where an object is `image_2` (Ptychodus' habit), else `source_1/illumination`; row 0 of an OPR
probe is taken. All the places where the two tools look are written, probe and object beside measured patterns too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.bad_pixels import worst_of
from ptycho_adapters.codec import Codec, Loaded, ReadOptions, Written
from ptycho_adapters.cxi_layout import write_cxi
from ptycho_adapters.measured_geometry import (
    in_pixels,
    known_geometry,
    mark,
    marked_pixel_m,
    placed_on_canvas,
    refuse_broken,
)
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.scan import make_scan
from ptycho_adapters.verification import verify
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts import cxi
from ptycho_contracts.contracts.ptychovit_para import OBJECT_FACTOR, PROBE_FACTOR
from ptycho_contracts.measured.cxi import cxi_geometry, positions_m
from ptycho_contracts.measured.cxi_parts import (
    frame_numbers,
    object_layers,
    object_pixel_m,
    patterns_of,
    position_on_object_m,
    probe_member,
    probe_modes,
)
from ptycho_contracts.sources.base import Source

# The bit of a CXI mask that says nothing bad: "pixel has signal above background".
_HAS_SIGNAL = 0x1000
# Parts of a file that say nothing of the data, or repeat by a link what stands elsewhere.
_SCAFFOLDING = ("cxi_version", "number_of_entries", "entry_1/process_1/")
_OF_IMAGES = ("/detector_1/", "/source_1/", "/data_space", "/data_type", "/image_size")


def read(path: Path, options: ReadOptions) -> Loaded:
    """The one Scan of an entry: patterns, positions, probe and object as far as they are there.

    Raises:
        ConversionError: the file breaks its contract, contradicts itself, or does not decide what its positions mean.
    """
    return load_checked(path, cxi.CONTRACT, lambda sources: _load(sources["cxi"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    refuse_broken(cxi.CONTRACT, source)
    geometry, positions = cxi_geometry(source), positions_m(source)
    pixel_m = marked_pixel_m(source.describe())
    pixel_m = object_pixel_m(source) if None in pixel_m else pixel_m
    known, decision = known_geometry(geometry, positions, pixel_m, options, source)
    found = patterns_of(source)
    patterns = None if found is None else StoredIntensity(*found, "intensity")
    probe, object_ = probe_modes(source), object_layers(source)
    patch = geometry.frame_shape or (None if probe is None else (probe.shape[1], probe.shape[2]))
    centres = None
    if positions is not None and patch is not None:
        place = placed_on_canvas if object_ is None else _placed_on_object
        centres, canvas, decision["origin"] = place(positions, known, patch, source)
        known |= canvas
    mask, varies = _bad_pixels(source)
    known["probe_scale"] = "calibrated" if PROBE_FACTOR in source.describe().attributes else "unknown"
    scan = make_scan(
        patterns,
        centres,
        probe,
        object_,
        known | _factors(source),
        frame_index=frame_numbers(source),
        bad_pixels=mask if mask is not None and mask.any() else None,
        layer_spacing_m=_layer_spacing_m(source),
    )
    decisions = {"geometry": decision}
    if {"intensity", "position_y", "probe", "object"} <= set(scan.variables):
        decisions["parts"] = verify(scan, options, "stored in one file")
    return Loaded([scan], [*_dropped(source), *_masks_dropped(varies)], decisions, [source])


def _placed_on_object(
    positions: NDArray[np.float64], known: Mapping[str, Any], patch: tuple[int, int], source: Source
) -> tuple[NDArray[np.float64], dict[str, int], str]:
    """Absolute centres of patches on the stored object."""
    del patch  # an object has an origin, whatever the patch
    size = np.array(source.describe().members[cxi.OBJECT].shape[-2:])
    from_middle = in_pixels(position_on_object_m(source, positions), known, "cxi:/")
    return from_middle + (size - 1) / 2, {}, "middle (H−1)/2 of the object"


def _bad_pixels(source: Source) -> tuple[NDArray[np.bool_] | None, bool]:
    members = source.describe().members
    if cxi.MASK not in members:
        return None, False
    if len(members[cxi.MASK].shape) == 2:
        return _is_bad(source.read(cxi.MASK)), False
    return worst_of(_is_bad(block) for _, block in source.blocks(cxi.MASK))


def _is_bad(mask: NDArray[Any]) -> NDArray[np.bool_]:
    bad: NDArray[np.bool_] = (mask != 0) & (mask != _HAS_SIGNAL)
    return bad


def _layer_spacing_m(source: Source) -> NDArray[Any] | None:
    members = source.describe().members
    if cxi.LAYER_SPACING_M not in members or cxi.OBJECT not in members:
        return None
    shape = members[cxi.OBJECT].shape
    gaps = shape[0] - 1 if len(shape) == 3 else 0
    return source.read(cxi.LAYER_SPACING_M) if gaps and members[cxi.LAYER_SPACING_M].shape == (gaps,) else None


def _factors(source: Source) -> dict[str, float]:
    info = source.describe()
    found = {"probe_factor": mark(info, PROBE_FACTOR), "object_factor": mark(info, OBJECT_FACTOR)}
    return {name: float(value) for name, value in found.items() if value is not None}


def _dropped(source: Source) -> list[str]:
    members = source.describe().members
    carried = set(cxi.CxiFile.arrays()) - {cxi.CORNER}
    if cxi.PROBE in members and cxi.OBJECT not in members:
        carried.remove(cxi.PROBE)  # a reconstruction of another habit: nothing says whether of object or probe
    lost = [f"{m} (a Scan has no room for it)" for m in sorted(members) if m not in carried and not _is_scaffold(m)]
    probe = probe_member(source)
    shape = () if probe is None else members[probe].shape
    if len(shape) == 4 and shape[0] > 1:
        lost.append(f"OPR rows 1 to {shape[0] - 1} of the probe (row 0 is taken)")
    return lost


def _is_scaffold(member: str) -> bool:
    of_image = member.startswith("entry_1/image_") and any(part in member for part in _OF_IMAGES)
    return of_image or member.startswith(_SCAFFOLDING)


def _masks_dropped(varies: bool) -> Iterator[str]:
    if varies:
        yield "masks that differ between patterns (a pixel that is bad in one counts as bad in all)"


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Stream the patterns where there are some; probe and object beside them.

    Raises:
        ValueError: neither an object nor a canvas says where the positions lie.
        ConversionError: an intensity is none.
    """
    import h5py  # noqa: PLC0415

    target = targets(folder, name)["cxi"]
    with atomic_path(target) as temporary, h5py.File(temporary, "w") as file:
        facts = write_cxi(file, scan, progress)
    return Written({"cxi": target}, [], facts)


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"cxi": folder / f"{name}.cxi"}


CODEC = Codec(
    cxi.CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"propagation"}),
    needs=frozenset({"positions", "pixel_size_m", "energy_eV", "distance_m"}),
)
