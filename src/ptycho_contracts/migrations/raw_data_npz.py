"""Versions of `raw-data-npz`."""

from __future__ import annotations

from ptycho_contracts.migration import Step

STEPS = (Step("1.0.0", "1.1.0", "Ptychodus' mask of the detector, `bad_pixels`, may be there"),)
