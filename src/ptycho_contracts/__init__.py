"""Contracts for ptychography data: say what a file is, and prove it.

`validate(path, depth=…)` returns a `Report` with every finding at once; `describe(path)` the headers that it
looks at; `all_codes()` what each code means. Importing this package imports neither h5py nor scipy nor torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ptycho_contracts.codes import Code, Severity, all_codes
    from ptycho_contracts.contract import all_contracts, get_contract
    from ptycho_contracts.description import Description
    from ptycho_contracts.finding import Depth, Finding, Report, Unexamined
    from ptycho_contracts.opening import describe
    from ptycho_contracts.sources.base import SourceError
    from ptycho_contracts.validation import validate

__version__ = "0.1.0"

_PUBLIC = {
    "Code": "codes",
    "Depth": "finding",
    "Description": "description",
    "Finding": "finding",
    "Report": "finding",
    "Severity": "codes",
    "SourceError": "sources.base",
    "Unexamined": "finding",
    "all_codes": "codes",
    "all_contracts": "contract",
    "describe": "opening",
    "get_contract": "contract",
    "validate": "validation",
}

__all__ = [
    "Code",
    "Depth",
    "Description",
    "Finding",
    "Report",
    "Severity",
    "SourceError",
    "Unexamined",
    "__version__",
    "all_codes",
    "all_contracts",
    "describe",
    "get_contract",
    "validate",
]


def __getattr__(name: str) -> Any:
    """Public names are imported on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value
