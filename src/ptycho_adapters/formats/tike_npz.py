"""tike archives (checked against the sources and the test data of tike 0.26): pixels, zero frequency at the corner.

Patterns are intensities with their zero frequency at [0, 0]; they are shifted to n/2. Positions are (row, column) of
the patch's first pixel, from any origin (tike's own data are centred on 0), so the canvas is what the scan spans. The
FFT of tike is orthonormal: the probe's scale counts as unknown, and is solved from the energies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.measured_geometry import on_spanned_canvas
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.tike_npz import CONTRACT
from ptycho_contracts.measured.tike import corners_px, patterns_of
from ptycho_contracts.sources.base import Source

_CARRIED = {"data", "scan", "probe"}


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan of an archive, without an object.

    Raises:
        ConversionError: the file breaks its contract.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["npz"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    patterns, corners = patterns_of(source), corners_px(source)
    centres, canvas = on_spanned_canvas(corners, patterns.frame_shape)
    probe = source.read("probe")
    scan = make_scan(
        StoredIntensity(patterns, np.arange(len(corners)), "intensity"),
        centres,
        probe.reshape(probe.shape[-3:]),
        None,
        {**options.physical(), **canvas, "probe_scale": "unknown"},
    )
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(source.describe().members) - _CARRIED)]
    decision = {"method": "the canvas that the scan spans"}
    return Loaded([scan], dropped, {"origin": decision}, [source])


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"npz": folder / f"{name}.npz"}


CODEC = Codec(CONTRACT.id, read, None, targets)
