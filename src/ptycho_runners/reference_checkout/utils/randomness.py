"""Random numbers that follow torch's."""

from __future__ import annotations

import numpy as np
import torch


def fresh_generator() -> np.random.Generator:
    """A new generator, seeded by torch's next random number.

    So whoever seeds torch, or saves and restores its state, does the same to what is drawn here, and worker
    processes, which their loader gives seeds of their own, draw differently.
    """
    return np.random.default_rng(int(torch.randint(2**63 - 1, ())))
