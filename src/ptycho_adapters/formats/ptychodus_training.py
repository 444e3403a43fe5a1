"""Ptychodus training data (checked against Ptychodus 1.7.0): a whole scan, positions in pixels of its object.

`probe_position_y_px, x_px` are absolute 0-based array coordinates of patch index (n−1)/2, so no frame is open. y is the
row, x the column; intensities with the zero frequency at n/2; the probe's scale is not known.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.scan import make_scan
from ptycho_adapters.verification import verify
from ptycho_contracts.contracts.ptychodus_training import CONTRACT
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source

_STATED = {
    "pixel_size_y_m": "object_pixel_height_m",
    "pixel_size_x_m": "object_pixel_width_m",
    "photon_energy_eV": "photon_energy_eV",
    "detector_object_distance_m": "detector_object_distance_m",
}


def read(path: Path, options: ReadOptions) -> Loaded:
    """The Scan, verified by evidence unless the options say `as-stored`.

    Raises:
        ConversionError: the file breaks its contract, or contradicts itself.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["training"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    patterns = StoredPatterns(source, "patterns", source.layout("patterns")[0])
    # A product that did not know a quantity held 0 there, and 0 was written on.
    stated = {name: float(source.read(member)) or None for name, member in _STATED.items()}
    known = known_quantities(stated, options, "training:/")
    centres = np.column_stack([source.read(f"probe_position_{letter}_px") for letter in "yx"]).astype(np.float64)
    bad = source.read("bad_pixels")
    scan = make_scan(
        StoredIntensity(patterns, np.arange(patterns.count), "intensity"),
        centres,
        source.read("probe"),
        source.read("object")[None],
        {**known, "propagation": "far-field", "probe_scale": "unknown"},
        bad_pixels=bad if bad.any() else None,
    )
    decision = verify(scan, options, "stated by the file")
    return Loaded([scan], [], {"physics": decision}, [source])


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"training": folder / f"{name}.h5"}


CODEC = Codec(CONTRACT.id, read, None, targets)
