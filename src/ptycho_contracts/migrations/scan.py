"""Versions of `scan`."""

from __future__ import annotations

from ptycho_contracts.migration import Step

STEPS = (
    Step(
        "1.0.0",
        "1.1.0",
        "every part is optional, because formats hold parts; frame numbers, bad pixels, detector pixel size and "
        "propagation may be there",
    ),
    Step("1.1.0", "1.2.0", "the distances between the layers of the object may be there"),
)
