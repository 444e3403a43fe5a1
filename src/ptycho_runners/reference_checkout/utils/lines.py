"""Random-line objects and zone-plate probes, drawn while training.

The checkout is a separate program and may import nothing of ptycho-contracts, so it has its own small
generator. Its distributions are wider than those of `ptycho_adapters.simulate`, whose defaults lie inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLURS_PX = (0.9, 5.0, 10.0)
BLUR_WEIGHTS = (0.125, 0.25, 0.625)
DEFAULT_PROBE = {
    "outer_radius_px": 70.0,
    "stop_radius_px": 22.0,
    "falloff_px": 17.0,
    "edge_px": 1.5,
    "spot_radius_px": 34.0,
    "astigmatism_rad": 0.6,
    "coma_rad": 0.5,
}
"""The default optics of the simulator's zone plate, for N = 256."""


def random_object(size: int, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Draw an object of smoothed random lines in the pair's gauge.

    Lines saturate where they cross; the phase is an affine function of the amplitude. Coverage, contrast,
    background and phase range are drawn around those of the grid-lines study.

    Args:
        size: side in pixels.
        rng: source of the object.

    Returns:
        complex64 (size, size) with a median modulus of 1; amplitude about 0.2 … 2, phase about ±1 rad.
    """
    margin = 20
    lines = _draw_lines(size + 2 * margin, rng, coverage=rng.uniform(0.25, 0.5))
    shade = _blur(-np.expm1(-lines))[margin:-margin, margin:-margin]
    background = rng.uniform(0.0, 0.15) * float(shade.mean())
    amplitude = background + shade
    span_rad, zero = rng.normal(1.8, 0.15), rng.normal(0.5, 0.03)
    phase = span_rad * (amplitude / amplitude.max() - zero)
    return np.asarray(amplitude / np.median(amplitude) * np.exp(1j * phase), dtype=np.complex64)


def _draw_lines(size: int, rng: np.random.Generator, coverage: float) -> NDArray[np.float32]:
    """Sum of isotropic straight lines, ``coverage`` of them over a mean pixel."""
    diagonal = size * np.sqrt(2.0)
    count = max(1, round(coverage * diagonal))
    angle = rng.uniform(-np.pi / 4, np.pi / 4, count)
    offset = rng.uniform(-0.5, 0.5, count) * diagonal
    across = np.arange(size) - (size - 1) / 2
    position = offset[:, None] / np.cos(angle)[:, None] + across * np.tan(angle)[:, None] + (size - 1) / 2
    low = np.floor(position).astype(np.int64)
    share = position - low
    weight = np.broadcast_to(1.0 / np.cos(angle)[:, None], low.shape)
    inside = (low >= 0) & (low < size - 1)
    flat = low * size + np.arange(size)
    canvas = np.zeros((size, size))
    for chosen, transposed in ((slice(None, None, 2), False), (slice(1, None, 2), True)):
        keep = inside[chosen]
        index, part, mass = flat[chosen][keep], share[chosen][keep], weight[chosen][keep]
        drawn = np.bincount(index, mass * (1 - part), size * size)
        drawn += np.bincount(index + size, mass * part, size * size)
        canvas += drawn.reshape(size, size).T if transposed else drawn.reshape(size, size)
    return canvas.astype(np.float32)


def _blur(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted sum of Gaussian blurs, applied as one periodic filter (the margin absorbs the wrap)."""
    spectrum = torch.fft.rfft2(torch.from_numpy(image))
    rows = torch.fft.fftfreq(image.shape[0])[:, None].square()
    columns = torch.fft.rfftfreq(image.shape[1])[None, :].square()
    transfer = sum(
        weight * torch.exp(-2.0 * (torch.pi * blur) ** 2 * (rows + columns))
        for weight, blur in zip(BLUR_WEIGHTS, BLURS_PX, strict=True)
    )
    return np.asarray(torch.fft.irfft2(spectrum * transfer, s=image.shape).numpy())


def zone_plate(N: int, optics: dict[str, float], roughness: NDArray[np.complex128] | None = None) -> Tensor:
    """Probe of a defocused zone plate with a central stop.

    Args:
        N: side of the array.
        optics: the keys of `DEFAULT_PROBE`, in pixels of a 256 array.
        roughness: optional complex factor (N, N) on the pupil.

    Returns:
        complex64 (N, N) of unit energy, zero frequency of its far field at N/2, centred on (N-1)/2.
    """
    zoom, frequency = 256.0 / N, np.arange(N) - N // 2
    y, x = zoom * frequency[:, None], zoom * frequency[None, :]
    radius = np.hypot(y, x)
    outer, stop = optics["outer_radius_px"], optics["stop_radius_px"]
    ring = _edge((radius - stop) / optics["edge_px"]) * _edge((outer - radius) / optics["edge_px"])
    ring = ring / (1.0 + (np.maximum(radius - stop, 0.0) / optics["falloff_px"]) ** 2)
    y, x = y / outer, x / outer
    phase = -np.pi * optics["spot_radius_px"] * outer * N / 256.0**2 * (y**2 + x**2)
    phase = phase + optics["astigmatism_rad"] * 2.0 * x * y
    phase = phase + optics["coma_rad"] * (3.0 * (y**2 + x**2) - 2.0) * x
    phase = phase + np.pi / N * (frequency[:, None] + frequency[None, :])
    pupil = ring * np.exp(1j * phase) * (1.0 if roughness is None else roughness)
    field = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(pupil)))
    return torch.from_numpy((field / np.linalg.norm(field)).astype(np.complex64))


def random_zone_plate(N: int, rng: np.random.Generator) -> Tensor:
    """Draw a probe of the family around the default: one in four is the default itself.

    The others differ in pupil, stop, defocus and aberrations by up to some tens of percent and have a
    rough pupil, so that a model learns to use the probe that it is given rather than one it has learnt.

    Args:
        N: side of the array.
        rng: source of the probe.

    Returns:
        complex64 (N, N) of unit energy.
    """
    if rng.random() < 0.25:
        return zone_plate(N, DEFAULT_PROBE)
    factors = {
        "outer_radius_px": rng.uniform(0.85, 1.25),
        "stop_radius_px": rng.uniform(0.7, 1.25),
        "falloff_px": rng.uniform(0.7, 2.0),
        "edge_px": rng.uniform(0.7, 1.5),
        "spot_radius_px": rng.uniform(0.75, 1.2),
    }
    optics = {key: DEFAULT_PROBE[key] * factor for key, factor in factors.items()}
    optics |= {"astigmatism_rad": rng.normal(0.0, 0.8), "coma_rad": rng.normal(0.0, 0.8)}
    return zone_plate(N, optics, _roughness(N, rng))


def _roughness(N: int, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Smooth random factor on the pupil: some percent in modulus, some tenths of a radian in phase."""
    coarse = max(4, N // 12)
    cells = torch.from_numpy(rng.normal(size=(1, 2, coarse, coarse)))
    fine = torch.nn.functional.interpolate(cells, size=(N, N), mode="bicubic", align_corners=False)[0].numpy()
    strength = rng.uniform(0.0, 1.0)
    return np.asarray((1.0 + 0.15 * strength * fine[0]) * np.exp(0.3j * strength * fine[1]))


def _edge(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rise from 0 to 1 around 0 as the integral of a Gaussian of unit width."""
    return np.asarray(torch.special.ndtr(torch.from_numpy(distance)).numpy())


@dataclass
class LineWorld:
    """A slowly renewed stock of random objects and probes from which batches of patterns are drawn.

    Attributes:
        rng: source of everything; the same state gives the same batches.
        probes: fixed probes (modes, N, N) of a pair; None draws single-mode probes of the zone-plate family.
        stock: number of objects, and of drawn probes, kept at a time.
        N: detector size.
    """

    rng: np.random.Generator
    probes: list[Tensor] | None = None
    stock: int = 32
    N: int = 256

    def __post_init__(self) -> None:
        self._objects = [random_object(self.N + 104, self.rng) for _ in range(self.stock)]
        self._drawn = self.probes or [random_zone_plate(self.N, self.rng)[None] for _ in range(self.stock)]
        self._age = 0

    def renew(self) -> None:
        """Replace the oldest object, and the oldest probe unless the probes are given."""
        place = self._age % self.stock
        self._objects[place] = random_object(self.N + 104, self.rng)
        if self.probes is None:
            self._drawn[place] = random_zone_plate(self.N, self.rng)[None]
        self._age += 1

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draw one object patch in a random orientation and one probe.

        Returns:
            patch complex64 (N, N), probe complex64 (M, N, N).
        """
        whole = self._objects[self.rng.integers(self.stock)]
        row, column = self.rng.integers(0, whole.shape[0] - self.N + 1, 2)
        patch = np.rot90(whole[row : row + self.N, column : column + self.N], self.rng.integers(4))
        patch = patch.T if self.rng.random() < 0.5 else patch
        probe = self._drawn[self.rng.integers(len(self._drawn))]
        return torch.from_numpy(np.ascontiguousarray(patch)), probe
