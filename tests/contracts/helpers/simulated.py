"""What simulated files are made of, in plain numpy: objects with structure, probes, noisy patterns.

Shares no code with the package, so that agreement means something.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complexfloating[Any, Any]]


def structured_object(shape: tuple[int, int], seed: int, grain_px: float = 2.5) -> Complex:
    """Low-passed noise: amplitude about 1 ± 0.005, phase about ± 0.6 rad, nothing periodic."""
    rng = np.random.default_rng(seed)

    def field() -> NDArray[np.float64]:
        fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
        smooth = np.exp(-2 * (np.pi * grain_px) ** 2 * (fy**2 + fx**2))
        noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * smooth).real
        return np.asarray(noise / noise.std())

    return np.asarray((1 + 0.005 * field()) * np.exp(0.6j * field()), np.complex64)


def gaussian_probe(n: int, centre: tuple[float, float] | None = None, sigma: float | None = None) -> Complex:
    """An asymmetric Gaussian with a curved phase, of norm about 1; `centre` moves it by whole or part pixels."""
    y0, x0 = centre or ((n - 1) / 2, (n - 1) / 2)
    width = sigma or n / 9
    y, x = np.mgrid[:n, :n].astype(np.float64) - np.reshape((y0, x0), (2, 1, 1))
    amplitude = np.exp(-(y**2) / (2 * width**2) - x**2 / (2 * (0.8 * width) ** 2))
    return np.asarray(amplitude * np.exp(1j * (0.6 * y**2 + 0.35 * x**2 + 0.2 * x * y) / width**2) / width)


def intensity(patch: Complex, probe: Complex) -> NDArray[np.float64]:
    """|fftshift(fft2(patch · probe))|² with an un-normalised FFT."""
    return np.asarray(np.abs(np.fft.fftshift(np.fft.fft2(patch * probe))) ** 2)


def scan_corners(rows: int, columns: int, step: int, seed: int) -> NDArray[np.intp]:
    """(rows·columns, 2) top-left corners (y, x): a grid with jitter, so that no axis order looks like another."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1).reshape(-1, 2) * step
    return np.asarray(grid + rng.integers(0, step - 1, grid.shape), np.intp)
