"""Versions of `bridge-job`."""

from __future__ import annotations

from ptycho_contracts.migration import Document, Step


def from_1_0_0_to_1_1_0(job: Document) -> Document:
    """Keep what the job asked for: a bridge of 1.0.0 seeded once, and 1.1.0 would seed every epoch by default."""
    return job | {"hooks": job.get("hooks", {}) | {"seed_epochs": False, "seed_validation": False}}


STEPS = (
    Step(
        "1.0.0",
        "1.1.0",
        "modules can be frozen and have rates of their own, every epoch is seeded, and there is the mode examine",
        from_1_0_0_to_1_1_0,
    ),
)
