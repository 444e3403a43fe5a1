"""ptycho-fm packed HDF5 (checked against its `scripts/pack_hdf5.py` and packed dataset, mid 2026): several scans.

Every object becomes a Scan. Padding is cut: patterns beyond `n_dp`, modes of zeros, and rows and columns of zeros at
the end of the object and of the detector. Positions are metres from the frame of the pair that was packed, which is not
stored, so it is established by evidence as for a pair, on the object's own size. ptycho-fm itself takes PtychoViT's
origin of the *padded* canvas, and so misplaces the patches of every object smaller than the largest of its file by half
the difference. y is the row, x the column, no flip; un-normalised FFT.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.framing import decide_frame
from ptycho_adapters.measured_geometry import in_pixels
from ptycho_adapters.opened import load_checked
from ptycho_adapters.packed_patterns import PackedPatterns
from ptycho_adapters.parameters import Parameters
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.ptychofm_packed import PACKED
from ptycho_contracts.physics.frames import PTYCHOVIT
from ptycho_contracts.sources.base import Source
from ptycho_contracts.sources.hdf5 import Hdf5Source

_CARRIED = {"dp", "object", "probe", "probe_position_x_m", "probe_position_y_m", "n_dp", "pixel_height_m", "object_key"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """One Scan for each object, in the order of the file.

    Raises:
        ConversionError: the file breaks its contract, or the frame of an object cannot be established, or
            nobody knows its pixel size.
        KeyError: no frame has the name that the caller gives.
        ValueError: an object has no patterns, or more than were packed.
    """
    return load_checked(path, PACKED, lambda sources: _load(sources["packed"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    members = source.describe().members
    names = _names(source, members["dp"].shape[0])
    loaded = [_object(source, row, name, options) for row, name in enumerate(names)]
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(members) - _CARRIED)]
    decisions = {f"frame of {name}": decision for name, (_, decision) in zip(names, loaded, strict=True)}
    return Loaded([scan for scan, _ in loaded], dropped, decisions, [source])


def _names(source: Source, count: int) -> list[str]:
    """What the file calls its objects, each name once; their numbers where it does not."""
    if "object_key" not in source.describe().members:
        return [f"object {row}" for row in range(count)]
    stored = [key.decode() if isinstance(key, bytes) else str(key) for key in source.read("object_key")]
    return [key if stored.count(key) == 1 else f"{key} (row {row})" for row, key in enumerate(stored)]


def _object(source: Source, row: int, name: str, options: ReadOptions) -> tuple[xr.Dataset, dict[str, Any]]:
    count = _pattern_count(source, row, name)
    parameters = _parameters(source, row, count, options)
    # The contract's container is HDF5, so the source is one.
    patterns = PackedPatterns(cast(Hdf5Source, source), "dp", row, count, parameters.probe.shape[-1])
    places = (f"packed:/dp[{row}]", f"packed:/probe_position_y_m[{row}]", f"packed:/probe_position_x_m[{row}]")
    frame, decision = decide_frame(parameters, patterns, PTYCHOVIT, options, places)
    scan = make_scan(
        StoredIntensity(patterns, np.arange(count), "intensity"),
        parameters.centres_in(frame),
        parameters.probe[0],
        parameters.objects,
        parameters.known,
    )
    return scan, decision


def _pattern_count(source: Source, row: int, name: str) -> int:
    count, packed = int(source.read("n_dp")[row]), source.layout("dp")[0][1]
    if not 0 < count <= packed:
        raise ValueError(f"{name} has {count} patterns by n_dp, and room for {packed}")
    return count


def _parameters(source: Source, row: int, count: int, options: ReadOptions) -> Parameters:
    pixel = float(source.read("pixel_height_m")[row])
    stated = pixel if np.isfinite(pixel) and pixel > 0 else None
    known = known_quantities({"pixel_size_y_m": stated, "pixel_size_x_m": stated}, options, "packed:/pixel_height_m")
    position_m = [source.rows(f"probe_position_{letter}_m", row, row + 1)[0, :count] for letter in "yx"]
    return Parameters(
        objects=_cut_object(source.rows("object", row, row + 1)[0]),
        probe=_cut_probe(source, row, count)[None],
        position_px=in_pixels(np.column_stack(position_m).astype(np.float64), known, "packed:/pixel_height_m"),
        stored_centre_px=(0.0, 0.0),
        frame_index=None,
        layer_spacing_m=None,
        known=known,
        info=source.describe(),
    )


def _cut_object(stack: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Without the layers, rows and columns of zeros at the end; an object of zeros stays as it is."""
    layers, rows, columns = (_extent(stack, axis) for axis in range(3))
    cut: NDArray[np.complexfloating] = stack[:layers, :rows, :columns]
    return cut


def _cut_probe(source: Source, row: int, count: int) -> NDArray[np.complexfloating]:
    """(mode, n, n) without modes of zeros, and without the rows and columns that are padding.

    Dark pixels at the end of a probe are padding only if they are dark in every pattern too.
    """
    probe = source.rows("probe", row, row + 1)[0, 0]
    probe = probe[: _extent(probe, 0)]
    packed = probe.shape[-1]
    side = max(_extent(probe, 1), _extent(probe, 2))
    if side < packed:
        patterns = PackedPatterns(cast(Hdf5Source, source), "dp", row, count, packed)
        lit = max(max(_extent(block, 1), _extent(block, 2)) for _, block in patterns.blocks())
        side = max(side, lit)
    cut: NDArray[np.complexfloating] = probe[:, :side, :side]
    return cut


def _extent(stack: NDArray[Any], axis: int) -> int:
    """Length of an axis up to its last nonzero element; the whole length where all are 0."""
    others = tuple(k for k in range(stack.ndim) if k != axis)
    lit = np.flatnonzero(np.any(stack != 0, axis=others))
    return int(lit[-1]) + 1 if len(lit) else stack.shape[axis]


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"packed": folder / f"{name}.hdf5"}


CODEC = Codec(PACKED.id, read, None, targets, takes=frozenset({"frame"}))
