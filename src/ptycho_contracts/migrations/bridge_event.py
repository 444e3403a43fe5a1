"""Versions of `bridge-event`."""

from __future__ import annotations

from ptycho_contracts.migration import Step

# What an event of 1.0.0 leaves out is what 1.1.0 takes for granted: nothing frozen, no prefix taken off.
STEPS = (
    Step(
        "1.0.0",
        "1.1.0",
        "the built model counts its frozen parameters, the seeding of the validation is an event, and there is the "
        "mode examine",
    ),
)
