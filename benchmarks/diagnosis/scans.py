"""Scan positions (k, 2) in px around 0, and the raster that they were taken on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .optics import Real

FEWEST, MOST = 60, 300


class Scan(NamedTuple):
    """Positions (y, x), and rows × columns where they were taken row by row."""

    positions: Real
    raster: tuple[int, int] | None


def draw_scan(kind: str, window: int, rng: np.random.Generator) -> Scan:
    """An exact raster, a raster with jitter or a Fermat spiral of 60 to 300 overlapping places."""
    step = window * rng.uniform(0.09, 0.16)
    if kind == "spiral":
        return Scan(_spiral(int(rng.integers(FEWEST, 200)), step, rng), None)
    rows, columns = _rows_and_columns(rng)
    grid = np.stack(np.divmod(np.arange(rows * columns), columns), axis=1).astype(float)
    grid = (grid - grid.mean(axis=0)) * step * rng.uniform(0.85, 1.15, 2)
    jitter = step * rng.uniform(0.1, 0.3) if kind == "jittered raster" else 0.0
    return Scan(grid + jitter * rng.uniform(-1, 1, grid.shape), (rows, columns))


def _rows_and_columns(rng: np.random.Generator) -> tuple[int, int]:
    while True:
        rows, columns = (int(count) for count in rng.integers(6, 18, 2))
        if FEWEST <= rows * columns <= MOST:
            return rows, columns


def _spiral(count: int, step: float, rng: np.random.Generator) -> Real:
    index = np.arange(count)
    radius, angle = 0.6 * step * np.sqrt(index + 0.5), 2.39996 * index + rng.uniform(0, 2 * np.pi)
    return np.stack([radius * np.sin(angle), rng.uniform(1.05, 1.3) * radius * np.cos(angle)], axis=1)


SCANS = ("raster", "jittered raster", "spiral")
