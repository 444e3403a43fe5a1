"""PtyPy reconstructions (facts from the sources of PtyPy 0.9.0): object, probe and positions; no patterns.

One Scan for each object storage. A view at coordinate c (metres) is cut around the pixel (c − origin)/psize, which is
index n//2 of the patch, so the patch's centre (n−1)/2 lies half a pixel before it where n is even. PtyPy rounds that
pixel to a whole one; positions are not rounded here. y is the row, x the column, no flip. The layers of a PtyPy object
are incoherent modes and no slices: layer 0 is taken. Its FFT is orthonormal: the probe's scale counts as unknown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.opened import load_checked
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.ptypy_ptyr import CONTRACT
from ptycho_contracts.measured.geometry import number
from ptycho_contracts.sources.base import Source

_STORAGE = re.compile(r"content/(obj|probe)/([^/]+)/data")


def read(path: Path, options: ReadOptions) -> Loaded:
    """A Scan without patterns for each object storage.

    Raises:
        ConversionError: the file breaks its contract, or a storage is none.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["ptyr"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    found = [m.groups() for member in source.describe().members if (m := _STORAGE.fullmatch(member))]
    objects = sorted(name for kind, name in found if kind == "obj")
    probes = sorted(name for kind, name in found if kind == "probe")
    if not objects:
        raise ValueError("no storage of an object has data")
    scans, dropped = [], []
    for name in objects:
        # PtyPy gives object and probe of one scan the same name; a shared probe is the only one.
        probe = name if name in probes else probes[0] if len(probes) == 1 else None
        scan, lost = _scan(source, name, probe, options)
        scans.append(scan)
        dropped += lost
    unused = sorted(set(probes) - set(objects)) if len(probes) > 1 else []
    dropped += [f"probe {name} (no object has its name)" for name in unused]
    dropped.append("pars and runtime (how PtyPy was run)")
    decision = {"method": "stated by the file", "storages": ", ".join(objects)}
    return Loaded(scans, dropped, {"origin": decision}, [source])


def _scan(source: Source, name: str, probe_name: str | None, options: ReadOptions) -> tuple[xr.Dataset, list[str]]:
    members = source.describe().members
    object_ = _stack(source, f"content/obj/{name}/data")
    probe = None if probe_name is None else _stack(source, f"content/probe/{probe_name}/data")
    pixel_m, origin_m = (_pair(source, f"content/obj/{name}/{key}") for key in ("_psize", "_origin"))
    energy = number(source, f"content/obj/{name}/_energy")
    stated = {
        "pixel_size_y_m": float(pixel_m[0]),
        "pixel_size_x_m": float(pixel_m[1]),
        "photon_energy_eV": None if energy is None else energy * 1e3,
    }
    known: dict[str, Any] = known_quantities(stated, options, "ptyr:/")
    centres = None
    if f"content/positions/{name}" in members and probe is not None:
        coordinates = source.read(f"content/positions/{name}").astype(np.float64)
        if coordinates.ndim != 2 or coordinates.shape[1] != 2:
            raise ValueError(f"positions of {name} have shape {coordinates.shape}, not (scan, 2)")
        n = np.array(probe.shape[1:])
        centres = (coordinates - origin_m) / pixel_m - n // 2 + (n - 1) / 2
    scan = make_scan(None, centres, probe, object_[:1], known | {"probe_scale": "unknown"})
    lost = [f"modes 1 to {len(object_) - 1} of object {name} (layer 0 is taken)"] if len(object_) > 1 else []
    return scan, lost


def _stack(source: Source, member: str) -> NDArray[Any]:
    """(layer, rows, columns) complex.

    Raises:
        ValueError: it is none.
    """
    stored = source.read(member)
    if stored.ndim != 3 or stored.dtype.kind != "c":
        raise ValueError(f"{member} is {stored.dtype} of shape {stored.shape}, not complex (layer, rows, columns)")
    return stored


def _pair(source: Source, member: str) -> NDArray[np.float64]:
    """(y, x) of a storage.

    Raises:
        ValueError: it is absent, or not two finite numbers.
    """
    if member not in source.describe().members:
        raise ValueError(f"{member} is missing")
    values = source.read(member)
    if values.size != 2 or values.dtype.kind not in "iuf" or not np.all(np.isfinite(values)):
        raise ValueError(f"{member} is {values.tolist()}, not two numbers (y, x)")
    return values.reshape(2).astype(np.float64)


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"ptyr": folder / f"{name}.ptyr"}


CODEC = Codec(CONTRACT.id, read, None, targets)
