"""Our laboratory's NPZ, format of 2026: counts, positions in micrometres from the object's first pixel.

Frame: `stage_um / pixel_um` is the array coordinate of the patch's centre, so a Scan's positions need no shift. y is
the row, x the column, no flip; zero frequency at N/2; un-normalised FFT.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ptycho_adapters import Loaded, ReadOptions, Written
from ptycho_adapters.extending import (
    Codec,
    NpzWriter,
    StoredIntensity,
    StoredPatterns,
    atomic_path,
    centres_px,
    check_square,
    intensity_blocks,
    make_scan,
    open_checked,
)
from ptycho_lab.contract import CONTRACT


def read(path: Path, options: ReadOptions) -> Loaded:
    """The scan of a file; its frames stay in the file until somebody looks at them."""
    source = open_checked(path, CONTRACT)["npz"]
    try:
        members = source.describe().members
        frames = StoredPatterns(source, "frames", members["frames"].shape)
        pixel_um = float(source.read("pixel_um"))
        centres = source.read("stage_um") / pixel_um
        attributes: dict[str, Any] = options.physical() | dict.fromkeys(_PIXEL, pixel_um * 1e-6)
        object_ = source.read("object")[None] if "object" in members else None
        if object_ is None:  # then the scan itself says how large the canvas is
            height, width = np.ceil(centres.max(axis=0) + (frames.n - 1) / 2).astype(int) + 1
            attributes |= {"canvas_y_px": int(height), "canvas_x_px": int(width)}
        intensity = StoredIntensity(frames, np.arange(frames.count), "intensity")
        scan = make_scan(intensity, centres, source.read("probe"), object_, attributes)
        return Loaded([scan], [], {}, [source])
    except BaseException:
        source.close()
        raise


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Write a scan in a stream; the file appears whole or not at all."""
    check_square(scan)
    target = targets(folder, name)["npz"]
    pixel_um = 1e6 * float(scan.attrs["pixel_size_y_m"])
    count = scan.sizes["scan"]
    with atomic_path(target) as temporary, NpzWriter(temporary) as archive:
        with archive.stream("frames", scan["intensity"].shape, scan["intensity"].dtype) as stream:
            for start, block in intensity_blocks(scan):
                stream.write(block)
                if progress is not None:
                    progress(start + len(block), count)
        archive.array("stage_um", centres_px(scan) * pixel_um)
        archive.array("pixel_um", np.array(pixel_um))
        archive.array("probe", scan["probe"].values)
        if "object" in scan:
            archive.array("object", scan["object"].values[0])
    lost = [f"{key} (the format has no room for it)" for key in _NO_ROOM if key in scan.attrs]
    if scan.sizes.get("layer", 1) > 1:
        lost.append("object layers beyond the first (the format holds one)")
    return Written({"npz": target}, lost, {})


_PIXEL = ("pixel_size_y_m", "pixel_size_x_m")
_NO_ROOM = ("photon_energy_eV", "detector_object_distance_m")


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"npz": folder / f"{name}.npz"}


CODEC = Codec(
    CONTRACT.id,
    read,
    write,
    targets,
    needs=frozenset({"patterns", "positions", "probe", "pixel_size_m", "far-field"}),
)
