"""PtyLab data (checked against the sources of PtyLab 0.3.1 and a file in the layout of 0.3.7): metres, intensities.

Zero frequency at n/2, no flip; `encoder` is (y, x) in metres, y down the rows. PtyLab cuts patches at whole pixels:
round(encoder/pixel) + a constant; positions are not rounded here. Where the file says an `orientation`, the patterns
are turned as PtyLab turns them when it opens the file, and the positions stay. There is no object and no probe: the
canvas is what the scan spans. The object pixel is λ·zo/(n·dxd), PtyLab's Fraunhofer and Fresnel geometry.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.measured_geometry import known_geometry, placed_on_canvas, refuse_broken
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.ptylab import CONTRACT
from ptycho_contracts.measured.ptylab import patterns_of, positions_m, ptylab_geometry
from ptycho_contracts.sources.base import Source

_CARRIED = {"ptychogram", "encoder", "wavelength", "dxd", "zo", "orientation"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of a data file, without probe and object.

    Raises:
        ConversionError: the file breaks its contract, or does not decide what its positions mean.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["ptylab"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    refuse_broken(CONTRACT, source)
    geometry, positions = ptylab_geometry(source), positions_m(source)
    if positions is None:
        raise ValueError("the encoder holds no (y, x) positions")
    known, decision = known_geometry(geometry, positions, (None, None), options, source)
    patterns, count = patterns_of(source)
    centres, canvas, decision["origin"] = placed_on_canvas(positions, known, patterns.frame_shape, source)
    scan = make_scan(StoredIntensity(patterns, np.arange(count), "intensity"), centres, None, None, known | canvas)
    members = source.describe().members
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(members) - _CARRIED)]
    return Loaded([scan], dropped, {"geometry": decision}, [source])


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"ptylab": folder / f"{name}.hdf5"}


CODEC = Codec(CONTRACT.id, read, None, targets, takes=frozenset({"propagation"}))
