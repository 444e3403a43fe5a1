"""Objects: transmission functions (H, W), smooth enough on the scale of a pixel that a shift of half a pixel is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.ndimage

from .optics import Complex, Real

PIXEL_BLUR = 0.8


def texture(shape: tuple[int, int], grain_px: float, rng: np.random.Generator) -> Real:
    """Gaussian random field of mean 0 and standard deviation 1 with structure of about `grain_px`."""
    field = scipy.ndimage.gaussian_filter(rng.standard_normal(shape), grain_px, mode="wrap")
    return np.asarray((field - field.mean()) / field.std())


def random_phase(shape: tuple[int, int], rng: np.random.Generator) -> Complex:
    """A phase texture of about one radian with a little absorption."""
    phase = rng.uniform(0.6, 1.2) * texture(shape, rng.uniform(1.2, 2.5), rng)
    amplitude = np.clip(0.9 + 0.08 * texture(shape, 2.0, rng), 0.3, 1.0)
    return np.asarray(amplitude * np.exp(1j * phase))


def weak_phase(shape: tuple[int, int], rng: np.random.Generator) -> Complex:
    """Phase only, a fraction of a radian."""
    return np.asarray(np.exp(1j * rng.uniform(0.1, 0.25) * texture(shape, rng.uniform(1.2, 2.5), rng)))


def spokes(shape: tuple[int, int], rng: np.random.Generator) -> Complex:
    """A spoke target off the centre, on a slow phase ramp of rolling thickness."""
    y, x = np.indices(shape, dtype=float)
    centre = np.array(shape) * rng.uniform(0.35, 0.65, 2)
    angle = np.arctan2(y - centre[0], x - centre[1])
    radius = np.hypot(y - centre[0], x - centre[1])
    spoke = np.cos(rng.integers(9, 20) * angle + radius / rng.uniform(15, 40)) > 0
    ring = np.cos(radius / rng.uniform(2.5, 4.0)) > rng.uniform(-0.3, 0.5)
    thickness = _blurred((spoke ^ ring).astype(float), PIXEL_BLUR)
    rolling = 0.3 * texture(shape, 8.0, rng)
    return np.asarray(np.exp((1j * rng.uniform(0.7, 1.4) - 0.3) * thickness + 1j * rolling))


def cells(shape: tuple[int, int], rng: np.random.Generator) -> Complex:
    """Overlapping tilted ellipses with a membrane each."""
    y, x = np.indices(shape, dtype=float)
    thickness = np.zeros(shape)
    for _ in range(int(shape[0] * shape[1] / 180)):
        centre, axes = rng.uniform((0, 0), shape), rng.uniform(3, 12, 2)
        turn = rng.uniform(0, np.pi)
        along = (y - centre[0]) * np.cos(turn) + (x - centre[1]) * np.sin(turn)
        across = (x - centre[1]) * np.cos(turn) - (y - centre[0]) * np.sin(turn)
        distance = np.hypot(along / axes[0], across / axes[1])
        thickness += rng.uniform(0.2, 0.7) * ((distance < 1) + (np.abs(distance - 0.9) < 0.1))
    return np.asarray(np.exp((0.8j - 0.08) * _blurred(thickness, PIXEL_BLUR)))


def absorber(shape: tuple[int, int], rng: np.random.Generator) -> Complex:
    """Opaque flakes on a clear ground, with a phase that belongs to them."""
    flakes = _blurred((texture(shape, rng.uniform(2.0, 4.0), rng) > rng.uniform(-0.2, 0.6)).astype(float), PIXEL_BLUR)
    return np.asarray((1 - 0.85 * flakes) * np.exp(1j * (0.9 * flakes + 0.3 * texture(shape, 5.0, rng))))


def _blurred(field: Real, sigma: float) -> Real:
    return np.asarray(scipy.ndimage.gaussian_filter(field, sigma, mode="nearest"))


SPECIMENS: dict[str, Callable[[tuple[int, int], np.random.Generator], Complex]] = {
    "random phase": random_phase,
    "weak phase": weak_phase,
    "spokes": spokes,
    "cells": cells,
    "absorber": absorber,
}
