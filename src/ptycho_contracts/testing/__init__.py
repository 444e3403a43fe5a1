"""Hypothesis strategies for every contract; needs the extra `testing`, which nothing else of ours imports."""

from __future__ import annotations

from ptycho_contracts.testing.drawn import DrawnArtifact, DrawnFile, DrawnMember, write_artifact
from ptycho_contracts.testing.strategies import artifacts, descriptions, documents

__all__ = [
    "DrawnArtifact",
    "DrawnFile",
    "DrawnMember",
    "artifacts",
    "descriptions",
    "documents",
    "write_artifact",
]
