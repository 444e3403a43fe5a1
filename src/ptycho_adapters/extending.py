"""What a codec of your own is written with; public, and covered by docs/stability.md.

`Loaded`, `ReadOptions`, `Written` and `ConversionError` come from `ptycho_adapters` itself. A package offers codecs by
the entry point group `ptycho_adapters.formats`; examples/plugin is one.
"""

from __future__ import annotations

from ptycho_adapters.codec import Codec
from ptycho_adapters.npz_writer import NpzWriter
from ptycho_adapters.patterns import StoredIntensity
from ptycho_adapters.scan import amplitude_blocks, centres_px, check_square, intensity_blocks, make_scan
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.opening import open_checked
from ptycho_contracts.physics.stored import StoredPatterns

__all__ = [
    "Codec",
    "NpzWriter",
    "StoredIntensity",
    "StoredPatterns",
    "amplitude_blocks",
    "atomic_path",
    "centres_px",
    "check_square",
    "intensity_blocks",
    "make_scan",
    "open_checked",
]
