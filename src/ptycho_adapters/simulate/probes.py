"""Probes as a zone plate with a central stop makes them, a little out of focus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

_REFERENCE_N = 256
"""The default sizes below are stated for this detector size and scale with N."""


@dataclass(frozen=True, slots=True)
class ZonePlate:
    """Optics of a zone-plate probe, in detector and object pixels of an array of 256.

    The defaults give the look of a hard X-ray scanning microscope's probe (the Siemens-star probe that
    PtychoPINN ships with its grid-lines study): a ring of light on the detector, and a ring of about
    35 px radius in the object plane, where half of the power falls inside 20 px.

    Attributes:
        outer_radius_px: radius of the pupil on the detector.
        stop_radius_px: radius of the central stop on the detector; less than ``outer_radius_px``.
        falloff_px: half width of the Lorentzian by which the pupil darkens outside the stop.
        edge_px: softness (standard deviation) of both edges; the probe's tails shrink as it grows.
        spot_radius_px: where geometric optics sends the pupil's rim, in object pixels; 0 is in focus, a
            negative value is the other side of the focus.
        astigmatism_rad: phase of the 45° astigmatism at the rim. It breaks the circular symmetry, so
            that a transposed or mirrored probe does not go unnoticed.
        coma_rad: phase of the horizontal coma at the rim.

    """

    outer_radius_px: float = 70.0
    stop_radius_px: float = 22.0
    falloff_px: float = 17.0
    edge_px: float = 1.5
    spot_radius_px: float = 34.0
    astigmatism_rad: float = 0.6
    coma_rad: float = 0.5

    def __post_init__(self) -> None:
        """Refuse optics that transmit nothing or have no edge.

        Raises:
            ValueError: when the radii are not ordered or a width is not positive.

        """
        if not 0 <= self.stop_radius_px < self.outer_radius_px:
            raise ValueError(
                f"the stop ({self.stop_radius_px} px) must be smaller than the pupil ({self.outer_radius_px} px)"
            )
        if self.falloff_px <= 0 or self.edge_px <= 0:
            raise ValueError("falloff_px and edge_px must be positive")


def zone_plate_probe(N: int, optics: ZonePlate | None = None) -> NDArray[np.complex64]:
    """Simulate the probe of a defocused zone plate with a central stop.

    The probe is the inverse Fourier transform of the pupil: a soft ring with the quadratic phase of a
    defocus, astigmatism and coma. Its far field has zero frequency at detector index N/2; its centre in
    the object plane is patch index (N-1)/2.

    Args:
        N: side of the array in pixels, even, at least 16.
        optics: sizes for an array of 256; they scale with N. The default optics when None.

    Returns:
        complex64 array (N, N) with a greatest modulus of 1. The same arguments give the same array.

    Raises:
        ValueError: when N is odd or less than 16.

    """
    if N < 16 or N % 2:
        raise ValueError(f"N must be even and at least 16, got {N}")
    pupil = _pupil(N, optics or ZonePlate())
    field = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(pupil)))
    return np.asarray(field / np.abs(field).max(), dtype=np.complex64)


def _pupil(N: int, optics: ZonePlate) -> NDArray[np.complex128]:
    """Complex far field (N, N) of the probe, zero frequency at index N/2."""
    zoom = _REFERENCE_N / N
    frequency = np.arange(N, dtype=np.float64) - N // 2
    y, x = zoom * frequency[:, None], zoom * frequency[None, :]
    radius = np.hypot(y, x)
    ring = _soft_step(radius - optics.stop_radius_px, optics.edge_px)
    ring *= _soft_step(optics.outer_radius_px - radius, optics.edge_px)
    outside_stop = np.maximum(radius - optics.stop_radius_px, 0.0)
    ring /= 1.0 + (outside_stop / optics.falloff_px) ** 2
    half_pixel = np.pi / N * (frequency[:, None] + frequency[None, :])
    y_rim, x_rim = y / optics.outer_radius_px, x / optics.outer_radius_px
    phase = _defocus_rad(N, optics) * (y_rim**2 + x_rim**2) + _aberration_rad(y_rim, x_rim, optics)
    return np.asarray(ring * np.exp(1j * (phase + half_pixel)))


def _defocus_rad(N: int, optics: ZonePlate) -> float:
    """Phase of the defocus at the rim of the pupil.

    A ray at pupil radius r lands (dphase/dr)·N/(2π) away from the axis. With the spot and the pupil both
    shrunk by N/256 this is π·spot·outer/N in their own pixels. The sign is that of the real probe.
    """
    shrink = N / _REFERENCE_N
    return float(-np.pi * optics.spot_radius_px * optics.outer_radius_px * shrink / _REFERENCE_N)


def _aberration_rad(y: NDArray[np.float64], x: NDArray[np.float64], optics: ZonePlate) -> NDArray[np.float64]:
    """Astigmatism and coma of the pupil at (y, x), in units of the outer radius."""
    coma = (3.0 * (y**2 + x**2) - 2.0) * x
    return np.asarray(2.0 * optics.astigmatism_rad * x * y + optics.coma_rad * coma)


def _soft_step(distance_px: NDArray[np.float64], edge_px: float) -> NDArray[np.float64]:
    """Rise from 0 to 1 around distance 0 as the integral of a Gaussian."""
    return np.asarray(0.5 * (1.0 + erf(distance_px / (np.sqrt(2.0) * edge_px))))
