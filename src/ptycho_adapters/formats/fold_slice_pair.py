"""fold_slice pair (checked against fold_slice d9a1204b and the fold_slice readers of Ptychodus 1.7.0): no object.

Positions: row from `ppY`, column from `ppX`, metres over `dx`, no flip; so Ptychodus reads them, and so the simulation
of fold_slice itself (`sim_electron_cbed.m`) cuts its patches. Their origin is no object's, so the scan is laid on the
smallest canvas that holds it. Energy is h·c/`lambda`.

Patterns: intensities, zero frequency at n/2, as they lie in the file, as Ptychodus reads them. MATLAB stores an array
with its axes reversed, so a file that it wrote holds every pattern transposed against the positions, and nothing in the
file says so for sure. Where `ppX` has the shape that MATLAB gives a column, the decision in the manifest says so; where
object and probe are joined to the scan, patterns that lie transposed are refused by the evidence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ptycho_adapters.codec import Codec, Loaded, ReadOptions
from ptycho_adapters.measured_geometry import in_pixels, on_spanned_canvas
from ptycho_adapters.opened import load_checked
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.quantities import energy_of_wavelength_eV, known_quantities
from ptycho_adapters.scan import make_scan
from ptycho_contracts.contracts.fold_slice_pair import CONTRACT, FoldSliceParaFile
from ptycho_contracts.contracts.ptychovit_dp import DpFile
from ptycho_contracts.measured.fold_slice import positions_m
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.sources.base import Source

_CARRIED = {"ppX", "ppY", "lambda", "dx"}
_AS_PTYCHODUS = "y from ppY, x from ppX, patterns as they lie; Ptychodus 1.7.0 reads them so"
_BY_MATLAB = "by the shape of ppX MATLAB wrote the file: its patterns may lie transposed"


def read(path: Path, options: ReadOptions) -> Loaded:
    """A Scan without object and probe, found from either half.

    Raises:
        ConversionError: the pair breaks its contract, or the object pixel is neither stored nor said.
    """
    return load_checked(path, CONTRACT, lambda sources: _load(sources["dp"], sources["para"], options))


def _load(dp: Source, para: Source, options: ReadOptions) -> Loaded:
    members = para.describe().members
    patterns = StoredPatterns(dp, "dp", dp.layout("dp")[0])
    known = _known(para, options)
    centres, canvas = on_spanned_canvas(in_pixels(positions_m(para), known, "para:/dx"), patterns.frame_shape)
    intensity = StoredIntensity(patterns, np.arange(patterns.count), "intensity")
    scan = make_scan(intensity, centres, None, None, {**known, **canvas})
    by_matlab = len(members["ppX"].shape) == 2 and members["ppX"].shape[0] == 1 < patterns.count
    decision = {"method": "as-stored", "trusted": f"{_AS_PTYCHODUS}{f'; {_BY_MATLAB}' if by_matlab else ''}"}
    dropped = [f"{name} (a Scan has no room for it)" for name in sorted(set(members) - _CARRIED)]
    return Loaded([scan], dropped, {"orientation": decision}, [dp, para])


def _known(para: Source, options: ReadOptions) -> dict[str, Any]:
    wavelength, pixel = (_scalar(para, name) for name in ("lambda", "dx"))
    stated = {
        "photon_energy_eV": None if wavelength is None else energy_of_wavelength_eV(wavelength),
        "pixel_size_y_m": pixel,
        "pixel_size_x_m": pixel,
    }
    return known_quantities(stated, options, "para:/")


def _scalar(para: Source, name: str) -> float | None:
    """A stored number; None where it is absent.

    Raises:
        ValueError: it is not positive and finite.
    """
    if name not in para.describe().members:
        return None
    value = float(para.read(name).reshape(()))
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} is {value:g}, which is no length")
    return value


def targets(folder: Path, name: str) -> dict[str, Path]:
    """The two files."""
    return {"dp": folder / f"{name}{DpFile.suffix}", "para": folder / f"{name}{FoldSliceParaFile.suffix}"}


CODEC = Codec(CONTRACT.id, read, None, targets)
