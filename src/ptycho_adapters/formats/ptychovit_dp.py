"""The patterns of a PtychoViT pair alone (checked against the flat generation of February 2026).

Intensities, zero frequency at n/2, in the dtype of the file. They join parameters of another artifact by
`--patterns-from`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.quantities import known_quantities
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.ptychovit_dp import CONTRACT, DpFile
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source


def read(path: Path, options: ReadOptions) -> Loaded:
    """A Scan of patterns only.

    Raises:
        ConversionError: the file breaks its contract.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["dp"], options))


def _load(source: Source, options: ReadOptions) -> Loaded:
    patterns = StoredPatterns(source, "dp", source.layout("dp")[0])
    intensity = StoredIntensity(patterns, np.arange(patterns.count), "intensity")
    scan = make_scan(intensity, None, None, None, known_quantities({}, options, "dp:/"))
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(source.describe().members) - {"dp"})]
    return Loaded([scan], dropped, {}, [source])


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The file."""
    return {"dp": folder / f"{name}{DpFile.suffix}"}


CODEC = Codec(CONTRACT.id, read, None, targets)
