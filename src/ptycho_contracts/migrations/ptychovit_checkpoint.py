"""Versions of `ptychovit-checkpoint`."""

from __future__ import annotations

from ptycho_contracts.migration import Step

STEPS = (Step("1.0.0", "1.1.0", "names below `encoder.blocks.` are no longer demanded: they are those of one model"),)
