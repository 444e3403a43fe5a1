"""PtychoPINN RawData NPZ (checked against PtychoPINN 2.0.0): absolute pixel coordinates of patch index N/2.

patch = object[y−N/2 : y+N/2], so the centre, index (N−1)/2, lies half a pixel before the coordinate. `diff3d` is
amplitude; Ptychodus 1.7's export of the same name stores intensities at coordinates of the centre itself, and
evidence tells the two apart. y is the row, x the column; zero frequency at N/2; unitary FFT.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.codec import FIX_OR_TRUST, Codec, ConversionError, Loaded, ReadOptions, Written
from ptycho_adapters.gauge import as_in_source
from ptycho_adapters.npz_writer import NpzWriter
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.reading import decide_reading
from ptycho_adapters.scan import amplitude_blocks, centres_px, check_square, make_scan
from ptycho_contracts import physics_codes as codes
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.raw_data_npz import CONTRACT
from ptycho_contracts.finding import finding
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.raw_data_readings import CENTRE_OFFSET_PX, REPAIRABLE, raw_data_readings
from ptycho_contracts.physics.readings import Reading
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source

_CARRIED = {"xcoords", "ycoords", "diff3d", "probeGuess", "objectGuess", "bad_pixels"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of a RawData file.

    Raises:
        ConversionError: the file breaks its contract, or it cannot be established how it is to be read.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["npz"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    members = source.describe().members
    patterns = StoredPatterns(source, "diff3d", members["diff3d"].shape)
    probe = source.read("probeGuess")
    probe = probe.reshape(-1, *probe.shape[-2:])
    object_ = source.read("objectGuess")[None] if "objectGuess" in members else None
    coordinates = np.column_stack([source.read("ycoords"), source.read("xcoords")]).astype(np.float64)
    reading, decision = _decide(raw_data_readings(coordinates), patterns, probe, object_, options)
    attributes: dict[str, Any] = {**options.physical(), "probe_scale": "unknown"}
    if object_ is None:
        span = np.ceil(reading.places.centre_px.max(axis=0) + patterns.n / 2).astype(int) + 1
        attributes |= {"canvas_y_px": int(span[0]), "canvas_x_px": int(span[1])}
    intensity = StoredIntensity(patterns, np.arange(patterns.count), reading.stored)
    bad = source.read("bad_pixels") if "bad_pixels" in members else None
    some = bad if bad is not None and bad.any() else None
    scan = make_scan(intensity, reading.places.centre_px, probe, object_, attributes, bad_pixels=some)
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(members) - _CARRIED)]
    return Loaded([scan], dropped, {"reading": decision}, [source])


def _decide(
    readings: list[Reading],
    patterns: StoredPatterns,
    probe: NDArray[Any],
    object_: NDArray[Any] | None,
    options: ReadOptions,
) -> tuple[Reading, dict[str, Any]]:
    if options.values is not None:
        # The caller settles the unit; where the coordinates point is still established.
        readings = [reading for reading in readings if reading.stored == options.values]
    if options.order == "as-stored" or (options.values is not None and object_ is None):
        return readings[0], {"method": "as-stored", "values": readings[0].stored}
    if object_ is None:
        raise ConversionError(
            finding(
                codes.CANNOT_TELL,
                "npz:/diff3d",
                "without an object no evidence tells whether diff3d holds amplitudes or intensities",
                expected="objectGuess",
                found="no such member",
                fix="Say it with `--values amplitude` or `--values intensity`.",
            )
        )
    places = ("npz:/diff3d", "npz:/ycoords", "npz:/xcoords")
    way_out = f"`--values amplitude|intensity` names the values. {FIX_OR_TRUST}"
    reading, evidence = decide_reading(
        readings,
        ForwardModel(object_, probe),
        patterns,
        options,
        REPAIRABLE,
        places,
        way_out,
        "values named by the caller" if options.values else None,
    )
    return reading, {"values": reading.stored, "reading": reading.name, **evidence}


def write(scan: xr.Dataset, folder: Path, name: str, progress: Callable[[int, int], None] | None = None) -> Written:
    """Amplitudes float32 with coordinates of patch index N/2.

    Raises:
        ValueError: the patterns are not square.
    """
    check_square(scan)
    target = targets(folder, name)["npz"]
    count, n = scan.sizes["scan"], scan.sizes["detector_y"]
    coordinates = centres_px(scan) - CENTRE_OFFSET_PX
    source = as_in_source(scan)
    with atomic_path(target) as temporary, NpzWriter(temporary) as archive:
        with archive.stream("diff3d", (count, n, n), np.dtype(np.float32)) as stream:
            for start, block in amplitude_blocks(scan):
                stream.write(block)
                if progress is not None:
                    progress(start + len(block), count)
        for key, axis in (("ycoords", 0), ("xcoords", 1)):
            archive.array(key, coordinates[:, axis])
        probe = source["probe"].values
        archive.array("probeGuess", probe[0] if len(probe) == 1 else probe)
        if "object" in scan:
            archive.array("objectGuess", source["object"].values[0])
        if "bad_pixels" in scan:
            archive.array("bad_pixels", scan["bad_pixels"].values)
    lost = [f"{key} (the format has no room for it)" for key in sorted(scan.attrs) if key.endswith(("_m", "_eV"))]
    if scan.sizes.get("layer", 1) > 1:
        lost.append(f"object layers 1 to {scan.sizes['layer'] - 1} (the format holds one)")
    return Written({"npz": target}, lost, {})


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file that `write` makes."""
    return {"npz": folder / f"{name}.npz"}


CODEC = Codec(
    CONTRACT.id,
    read,
    write,
    targets,
    takes=frozenset({"values"}),
    needs=frozenset({"patterns", "positions", "probe", "far-field"}),
)
