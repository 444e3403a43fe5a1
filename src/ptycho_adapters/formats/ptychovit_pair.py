"""PtychoViT pair (checked against the flat generation of February 2026): intensities, metres, un-normalised FFT.

Frame written: `ptychovit` (`physics.frames`), named in an attribute of ours. `object@center_x_m/center_y_m` are
such that Ptychodus ≥ 1.6, which adds them, lands on the same pixels; pty-chi, which ignores them, is then 1 px
off for even sizes. Where the pixel size is unknown, the pixel-space unit 1.0 is written and marked as a
placeholder. Energy and distance are written only when known, and only then is the pair a Ptychodus product.
y is the row, x the column, no flip; zero frequency at n/2; the probe's energy is that of the patterns.

Read: the named frame, verified; where none is named, that which the patterns prove. A stored object centre is taken off
in the frames of Ptychodus, and in no other. The export of Ptychodus 1.7.0 for PtychoFM is an ordinary pair and has no
contract of its own: counts in `uint16` and a probe without attributes are free in this one, and are written on as they
are. Its positions are those of the product, in the frame of Ptychodus; the object's centre is not exported with them,
so a product whose centre is not 0 becomes a pair that is off by it, which the evidence shows (PTY313).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from ptycho_adapters.codec import Codec, Loaded, ReadOptions, Written
from ptycho_adapters.framing import decide_frame
from ptycho_adapters.hdf5_stream import write_intensities
from ptycho_adapters.opened import load_checked
from ptycho_adapters.parameters import (
    PHYSICAL,
    has_geometry,
    known_spacing_m,
    read_parameters,
    write_parameters,
    write_product,
)
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.scan import check_square, make_scan, probe_factor
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.contracts.ptychovit_pair import CONTRACT
from ptycho_contracts.contracts.ptychovit_para import PLACEHOLDER, ParaFile
from ptycho_contracts.physics.frames import PTYCHOVIT
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of a pair, found from either half.

    The frame is the one that the file names, or that the caller names; otherwise it is established by evidence.

    Raises:
        ConversionError: the pair breaks its contract, or its frame cannot be established.
        KeyError: no frame has the name that the caller gives.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources, options))


def _load(sources: dict[str, Source], options: ReadOptions) -> Loaded:
    dp, para = sources["dp"], sources["para"]
    parameters = read_parameters(para, options)
    patterns = StoredPatterns(dp, "dp", dp.layout("dp")[0])
    places = ("dp:/dp", "para:/probe_position_y_m", "para:/probe_position_x_m")
    frame, decision = decide_frame(parameters, patterns, PTYCHOVIT, options, places)
    scan = make_scan(
        StoredIntensity(patterns, np.arange(patterns.count), "intensity"),
        parameters.centres_in(frame),
        parameters.probe[0],
        parameters.objects,
        parameters.known,
        frame_index=parameters.frame_index,
        layer_spacing_m=parameters.layer_spacing_m,
    )
    return Loaded([scan], parameters.dropped(), {"frame": decision}, [dp, para])


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Stream the pair; both files appear when both are complete.

    Raises:
        ValueError: the patterns are not square.
    """
    check_square(scan)
    files = targets(folder, name)
    with atomic_path(files["para"]) as para, atomic_path(files["dp"]) as dp:
        total, highest = _write_dp(scan, dp, progress)
        factor = probe_factor(scan, total)
        _write_para(scan, para, factor)
    facts = {
        "patterns": int(scan.sizes["scan"]),
        "total_intensity": total,
        "maximum_intensity": highest,
        "probe_factor": factor,
        "object_factor": float(scan.attrs.get("object_factor", 1.0)),
        "frame": PTYCHOVIT.name,
        "pixel_size_is_placeholder": "pixel_size_y_m" not in scan.attrs,
    }
    return Written(files, _not_carried(scan), facts)


def _write_dp(scan: xr.Dataset, path: Path, progress: Callable[[int, int], None] | None) -> tuple[float, float]:
    import h5py  # noqa: PLC0415

    with h5py.File(path, "w") as file:
        return write_intensities(file, "dp", scan, progress)


def _write_para(scan: xr.Dataset, path: Path, factor: float) -> None:
    import h5py  # noqa: PLC0415

    with h5py.File(path, "w") as file:
        write_parameters(file, scan, PTYCHOVIT, factor)
        file.attrs[PLACEHOLDER] = "pixel_size_y_m" not in scan.attrs
        if has_geometry(scan):
            write_product(file, scan)


def _not_carried(scan: xr.Dataset) -> list[str]:
    lost = []
    if not has_geometry(scan):
        needed = "written only with energy, distance and pixel size together"
        lost += [f"{name} ({needed})" for name in PHYSICAL if name in scan.attrs]
    elif known_spacing_m(scan) is None:
        lost.append("use as a Ptychodus product (the distances between the object's layers are not known)")
    if "bad_pixels" in scan:
        lost.append("bad_pixels (the format has no room for them)")
    return lost


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The two files that `write` makes."""
    return {"dp": folder / f"{name}{DpFile.suffix}", "para": folder / f"{name}{ParaFile.suffix}"}


CODEC = Codec(
    CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"frame"}),
    needs=frozenset({"patterns", "positions", "probe", "object", "far-field"}),
)
