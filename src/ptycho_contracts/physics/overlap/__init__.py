"""What overlapping patterns say of their positions where no object is stored: a short reconstruction decides."""

from __future__ import annotations

from ptycho_contracts.physics.overlap.judge import diagnose_overlap

__all__ = ["diagnose_overlap"]
