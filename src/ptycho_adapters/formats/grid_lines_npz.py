"""PtychoPINN grid-lines NPZ (checked against PtychoPINN 2.0.0): amplitudes, unitary FFT, absolute pixel centres.

Frame: `coords_offsets` are already absolute centres of the patch in the (N−1)/2 convention, axis 2 = [y, x];
zero frequency at N/2; no flip. `coords_nominal` and `coords_true` are local and never used as positions.
`YY_full` is the object in the frame of the offsets; `YY_ground_truth` is clipped and only passed over.
The order of the rows is established by evidence, because the real files are shuffled against themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ptycho_adapters.codec import Codec, Loaded, ReadOptions, Written
from ptycho_adapters.gauge import as_in_source
from ptycho_adapters.npz_writer import NpzWriter
from ptycho_adapters.opened import open_to_read
from ptycho_adapters.order import decide_order
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.scan import amplitude_blocks, centres_px, check_square, make_scan
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.grid_lines_npz import CONTRACT
from ptycho_contracts.physics.forward import Places
from ptycho_contracts.physics.grid_lines_split import GridLinesSplit, open_grid_lines
from ptycho_contracts.sources.base import Source

_CARRIED = {"diffraction", "coords_offsets", "coords_start_offsets", "YY_full", "probe_simulated", "probeGuess"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """One Scan for each object of the split; channels become patterns with their own positions.

    Raises:
        ConversionError: the file breaks its contract, or its order cannot be established.
    """
    source = open_to_read(path, CONTRACT)["npz"]
    try:
        split = open_grid_lines(source)
        places, decision = decide_order(split.readings, split.model, split.patterns, options, split.candidates)
        scans = [_scan(split, places, index, options) for index in range(_object_count(split))]
        decision["probe"] = split.probe_key
        return Loaded(scans, _dropped(source, split), {"order": decision}, [source])
    except BaseException:
        source.close()
        raise


def _object_count(split: GridLinesSplit) -> int:
    return 1 if split.objects is None else len(split.objects)


def _scan(split: GridLinesSplit, places: Places, index: int, options: ReadOptions) -> xr.Dataset:
    numbers = np.flatnonzero(places.object_index == index)
    attributes: dict[str, Any] = {**options.physical(), "probe_scale": "unknown"}
    if split.objects is None:
        low, high = places.centre_px.min(axis=0), places.centre_px.max(axis=0)
        if low.min() < (split.patterns.n - 1) / 2:
            raise ValueError("patches begin before pixel 0 and no object says where the canvas lies")
        span = np.ceil(high + (split.patterns.n - 1) / 2).astype(int) + 1
        attributes |= {"canvas_y_px": int(span[0]), "canvas_x_px": int(span[1])}
    return make_scan(
        StoredIntensity(split.patterns, numbers, "amplitude"),
        places.centre_px[numbers],
        split.probe,
        None if split.objects is None else split.objects[index][None],
        attributes,
    )


def _dropped(source: Source, split: GridLinesSplit) -> list[str]:
    members = source.describe().members
    lost = [f"{name} (a Scan has no room for it)" for name in sorted(set(members) - _CARRIED)]
    if split.probe_key == "probe_simulated":
        lost.append("probeGuess (probe_simulated, which made the data, is taken)")
    if split.patterns.channels > 1:
        lost.append("grouping of patterns into channels (each becomes a pattern of its own)")
    return lost


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """One split with one object: amplitudes float32, offsets [y, x], probe in the unitary-FFT scale of its source.

    Raises:
        ValueError: the patterns are not square.
    """
    check_square(scan)
    target = targets(folder, name)["npz"]
    count, n = scan.sizes["scan"], scan.sizes["detector_y"]
    offsets = centres_px(scan).astype(np.float32)[:, None, :, None]
    source = as_in_source(scan)
    with atomic_path(target) as temporary, NpzWriter(temporary) as archive:
        with archive.stream("diffraction", (count, n, n, 1), np.dtype(np.float32)) as stream:
            for start, block in amplitude_blocks(scan):
                stream.write(block[..., None])
                if progress is not None:
                    progress(start + len(block), count)
        archive.array("coords_offsets", offsets)
        archive.array("probeGuess", source["probe"].values[0])
        if "object" in scan:
            archive.array("YY_full", source["object"].values[:1, :, :, None])
    return Written({"npz": target}, _not_carried(scan), {})


def _not_carried(scan: xr.Dataset) -> list[str]:
    lost = [f"{name} (the format has no room for it)" for name in sorted(scan.attrs) if name.endswith(("_m", "_eV"))]
    if scan.sizes.get("mode", 1) > 1:
        lost.append(f"probe modes 1 to {scan.sizes['mode'] - 1} (the format holds one)")
    if scan.sizes.get("layer", 1) > 1:
        lost.append(f"object layers 1 to {scan.sizes['layer'] - 1} (the format holds one)")
    if "bad_pixels" in scan:
        lost.append("bad_pixels (the format has no room for them)")
    return lost


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"npz": folder / f"{name}.npz"}


CODEC = Codec(
    CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"match"}),
    needs=frozenset({"patterns", "positions", "probe", "far-field"}),
)
