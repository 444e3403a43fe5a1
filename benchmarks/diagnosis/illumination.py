"""Probes (M, N, N) that lack every symmetry: aberrated mirrors, a zone plate with a misplaced stop, a diffuser."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
import scipy.ndimage

from .optics import Complex, Real

MODE_POWERS = (1.0, 0.3, 0.12)


def crossed_mirrors(size: int, rng: np.random.Generator) -> Complex:
    """Focus of a rectangular aperture of unlike sides, with defocus, astigmatism and coma."""
    v, u = _frequencies(size)
    half_v, half_u = rng.uniform(0.16, 0.26, 2)
    inside = _soft_edge(half_v - np.abs(v)) * _soft_edge(half_u - np.abs(u))
    return _focus(inside, _aberration(v, u, size, rng))


def zone_plate(size: int, rng: np.random.Generator) -> Complex:
    """Defocused annulus whose central stop sits off the axis."""
    v, u = _frequencies(size)
    stop = rng.uniform(-0.05, 0.05, 2)
    inside = _soft_edge(rng.uniform(0.2, 0.28) - np.hypot(v, u))
    blocked = _soft_edge(rng.uniform(0.06, 0.1) - np.hypot(v - stop[0], u - stop[1]))
    return _focus(inside * (1 - blocked), _aberration(v, u, size, rng))


def diffuser(size: int, rng: np.random.Generator) -> Complex:
    """Speckle under a tilted elliptical envelope."""
    grain = rng.uniform(1.5, 3.0)
    field = rng.standard_normal((2, size, size))
    speckle = scipy.ndimage.gaussian_filter(field, (0, grain, grain), mode="wrap")
    y, x = np.indices((size, size)) - (size - 1) / 2
    turn, axes = rng.uniform(0.2, 1.3), size * rng.uniform((0.13, 0.2), (0.17, 0.24))
    along, across = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
    return np.asarray((speckle[0] + 1j * speckle[1]) * np.exp(-((along / axes[0]) ** 2) - (across / axes[1]) ** 2))


def _frequencies(size: int) -> tuple[Real, Real]:
    axis = scipy.fft.fftfreq(size)
    return np.asarray(axis[:, None]), np.asarray(axis[None, :])


def _soft_edge(inside: Real) -> Real:
    return np.asarray(1 / (1 + np.exp(-inside / 0.012)))


def _aberration(v: Real, u: Real, size: int, rng: np.random.Generator) -> Real:
    """Phase in rad: unlike curvatures along the axes spread the focus over a third of the window, coma skews it."""
    spread = size * rng.uniform(0.35, 0.6, 2) * rng.choice([-1, 1])
    skew = size * rng.uniform(-0.8, 0.8, 2)
    return np.asarray(
        np.pi * (spread[0] * v**2 + spread[1] * u**2) * 1.6 + np.pi * (skew[0] * v**3 + skew[1] * u**2 * v)
    )


def _focus(aperture: Real, phase: Real) -> Complex:
    field = scipy.fft.fftshift(scipy.fft.ifft2(aperture * np.exp(1j * phase)))
    size = field.shape[0]
    y, x = np.indices(field.shape) - (size - 1) / 2
    return np.asarray(field * np.exp(-((np.hypot(y, x) / (0.42 * size)) ** 8)))


PROBES: dict[str, Callable[[int, np.random.Generator], Complex]] = {
    "crossed mirrors": crossed_mirrors,
    "zone plate": zone_plate,
    "diffuser": diffuser,
}


def illumination(kind: str, size: int, modes: int, rng: np.random.Generator) -> Complex:
    """A probe of unit energy; further modes are the first one under slanted amplitude ramps, weaker and weaker."""
    first = PROBES[kind](size, rng)
    y, x = (np.indices((size, size)) - (size - 1) / 2) / size
    stack = [first]
    for _ in range(modes - 1):
        slant = rng.uniform(-1, 1, 2)
        stack.append(first * (slant[0] * y + slant[1] * x + rng.uniform(-0.05, 0.05)))
    scaled = [
        mode * np.sqrt(power / np.sum(np.abs(mode) ** 2)) for mode, power in zip(stack, MODE_POWERS, strict=False)
    ]
    probe = np.stack(scaled)
    return np.asarray(probe / np.sqrt(np.sum(np.abs(probe) ** 2)))
