"""Versions of `bridge-result`."""

from __future__ import annotations

from ptycho_contracts.migration import Step

STEPS = (Step("1.0.0", "1.1.0", "three more reasons of failure, and the mode examine"),)
