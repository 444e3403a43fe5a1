"""Random numbers that follow torch's seed and differ between worker processes."""

from __future__ import annotations

import os

import numpy as np
import torch

_generators: dict[int, np.random.Generator] = {}


def process_generator() -> np.random.Generator:
    """The process's generator, made at the first call from torch's seed.

    A forked worker has another process id and, through its loader, another torch seed: it makes its own.

    Returns:
        the same object at every call in one process.

    """
    process = os.getpid()
    if process not in _generators:
        _generators[process] = np.random.default_rng(torch.initial_seed())
    return _generators[process]
