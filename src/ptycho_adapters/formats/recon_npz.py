"""Stitched reconstructions (PtychoPINN 2.0.0's `recon.npz` with our optional members): an object alone.

`origin_px` says where element [0, 0] lies in object-array coordinates. A Scan's object begins at [0, 0], so rows and
columns of 0, which nobody reconstructed, are put before it. PtychoPINN's own file does not say it: its element [0, 0]
is taken as that of the object, and where patterns, positions and probe are taken from elsewhere, evidence decides
whether that is right. y is the row, x the column, no flip.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.opened import load_checked
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.recon_npz import CONTRACT
from ptycho_contracts.sources.base import Source

_CARRIED = {"YY_pred", "amp", "phase", "origin_px"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of a reconstruction: an object, and nothing else.

    Raises:
        ConversionError: the file breaks its contract, or its origin is no whole pixel of the object.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["npz"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    members = source.describe().members
    field, named = source.read("YY_pred"), "origin_px" in members
    origin = _whole(source.read("origin_px")) if named else (0, 0)
    object_ = np.pad(field, ((origin[0], 0), (origin[1], 0)))[None]
    scan = make_scan(None, None, None, object_, known_quantities({}, options, "npz:/"))
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(members) - _CARRIED)]
    method = "named by the file" if named else "assumed: element [0, 0] is that of the object"
    return Loaded([scan], dropped, {"origin": {"method": method, "origin_px": list(origin)}}, [source])


def _whole(origin_px: NDArray[np.float64]) -> tuple[int, int]:
    rounded = np.round(origin_px)
    if np.any(np.abs(origin_px - rounded) > 1e-6) or np.any(rounded < 0):
        raise ValueError(f"origin_px is {origin_px.tolist()}, no whole pixel of an object that begins at [0, 0]")
    return int(rounded[0]), int(rounded[1])


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"npz": folder / f"{name}.npz"}


CODEC = Codec(CONTRACT.id, read, None, targets)
