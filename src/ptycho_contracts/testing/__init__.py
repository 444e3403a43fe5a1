"""For tests of those who import us: Hypothesis strategies, broken files with their codes, a pytest plug-in.

Strategies draw valid artifacts of any contract (`artifacts("ptychovit-pair")`, `pairs()`, `documents("study")`),
scans that the forward model explains (`explained_pairs()`), and artifacts with exactly one defect (`broken(…)`).
`write_artifact` makes files of them; `assert_valid` fails with the report. The pytest plug-in, found by entry
point, offers the same as fixtures. What draws needs the extra `testing`, which nothing else of ours imports.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ptycho_contracts.testing.assertions import assert_valid
    from ptycho_contracts.testing.breaking import Broken, Defect, breaks
    from ptycho_contracts.testing.breaking_documents import BrokenDocument, document_breaks
    from ptycho_contracts.testing.domain import (
        broken,
        explained_grid_lines,
        explained_pairs,
        explained_raw_data,
        grid_lines,
        pairs,
        raw_data,
        scans,
    )
    from ptycho_contracts.testing.drawn import DrawnArtifact, DrawnFile, DrawnMember, write_artifact
    from ptycho_contracts.testing.example import example_artifact, example_document
    from ptycho_contracts.testing.simulated import Size
    from ptycho_contracts.testing.strategies import artifacts, descriptions, documents

_PUBLIC = {
    "Broken": "breaking",
    "BrokenDocument": "breaking_documents",
    "Defect": "breaking",
    "DrawnArtifact": "drawn",
    "DrawnFile": "drawn",
    "DrawnMember": "drawn",
    "Size": "simulated",
    "artifacts": "strategies",
    "assert_valid": "assertions",
    "breaks": "breaking",
    "broken": "domain",
    "descriptions": "strategies",
    "document_breaks": "breaking_documents",
    "documents": "strategies",
    "example_artifact": "example",
    "example_document": "example",
    "explained_grid_lines": "domain",
    "explained_pairs": "domain",
    "explained_raw_data": "domain",
    "grid_lines": "domain",
    "pairs": "domain",
    "raw_data": "domain",
    "scans": "domain",
    "write_artifact": "drawn",
}

__all__ = [
    "Broken",
    "BrokenDocument",
    "Defect",
    "DrawnArtifact",
    "DrawnFile",
    "DrawnMember",
    "Size",
    "artifacts",
    "assert_valid",
    "breaks",
    "broken",
    "descriptions",
    "document_breaks",
    "documents",
    "example_artifact",
    "example_document",
    "explained_grid_lines",
    "explained_pairs",
    "explained_raw_data",
    "grid_lines",
    "pairs",
    "raw_data",
    "scans",
    "write_artifact",
]


def __getattr__(name: str) -> Any:
    """Public names are imported on first use.

    Raises:
        ImportError: the name needs Hypothesis, which is not installed.
    """
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        text = f"{name} needs Hypothesis: pip install 'ptycho-contracts[testing]'"
        raise ModuleNotFoundError(text, name=error.name) from error
    value = getattr(module, name)
    globals()[name] = value
    return value
