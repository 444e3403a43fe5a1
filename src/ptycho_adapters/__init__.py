"""Adapters: what one artifact or array becomes in another form, as pure functions.

`read(path)` opens any artifact as lazy Scans, `write` stores a Scan in any format, `convert` does both and says
in a manifest what it decided and dropped; `assemble` puts patches on the canvas; `evaluate` scores a
reconstruction. Importing this package imports neither xarray nor h5py nor scipy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ptycho_adapters.assembly import Assembled, Stitching, assemble
    from ptycho_adapters.codec import ConversionError, Loaded, OptionError, ReadOptions, Written
    from ptycho_adapters.conversion import Converted, convert
    from ptycho_adapters.evaluation.errors import EvaluationError
    from ptycho_adapters.evaluation.evaluate import evaluate
    from ptycho_adapters.evaluation.reconstruction import Reconstruction
    from ptycho_adapters.evaluation.record import Evaluation
    from ptycho_adapters.io import read, write
    from ptycho_adapters.normalization import write_normalization
    from ptycho_adapters.recon import Recon, read_recon, truth_recon, write_recon

_PUBLIC = {
    "Assembled": "assembly",
    "ConversionError": "codec",
    "Converted": "conversion",
    "Evaluation": "evaluation.record",
    "EvaluationError": "evaluation.errors",
    "Loaded": "codec",
    "OptionError": "codec",
    "ReadOptions": "codec",
    "Recon": "recon",
    "Reconstruction": "evaluation.reconstruction",
    "Stitching": "assembly",
    "Written": "codec",
    "assemble": "assembly",
    "convert": "conversion",
    "evaluate": "evaluation.evaluate",
    "read": "io",
    "read_recon": "recon",
    "truth_recon": "recon",
    "write": "io",
    "write_normalization": "normalization",
    "write_recon": "recon",
}

__all__ = [
    "Assembled",
    "ConversionError",
    "Converted",
    "Evaluation",
    "EvaluationError",
    "Loaded",
    "OptionError",
    "ReadOptions",
    "Recon",
    "Reconstruction",
    "Stitching",
    "Written",
    "assemble",
    "convert",
    "evaluate",
    "read",
    "read_recon",
    "truth_recon",
    "write",
    "write_normalization",
    "write_recon",
]


def __getattr__(name: str) -> Any:
    """Public names are imported on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value
