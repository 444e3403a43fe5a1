"""The forward model, and what a pattern says about the object before any network looks at it."""

from __future__ import annotations

import torch
from torch import Tensor


def detector_intensity(exit_waves: Tensor) -> Tensor:
    """Intensity on the detector of mutually incoherent exit waves.

    I = Σ_modes |fftshift(fft2(exit wave))|², un-normalised transform, zero frequency at index N/2.

    Args:
        exit_waves: complex (B, M, N, N).

    Returns:
        float (B, 1, N, N), in the unit of the squared exit wave times N².
    """
    far_field = torch.fft.fft2(exit_waves)
    intensity = far_field.real.square() + far_field.imag.square()
    return torch.fft.fftshift(intensity.sum(1, keepdim=True), dim=(-2, -1))


def illumination(probe: Tensor) -> Tensor:
    """Σ_modes |probe|² (B, 1, N, N) of a complex probe (B, M, N, N)."""
    return (probe.real.square() + probe.imag.square()).sum(1, keepdim=True)


def mean_transmission(amplitude: Tensor, probe: Tensor) -> Tensor:
    """Modulus of the uniform object that explains a pattern's energy.

    From Parseval's theorem for the un-normalised transform: Σ I = N² · Σ |object · probe|².

    Args:
        amplitude: measured diffraction amplitude (B, 1, N, N), zero frequency at N/2.
        probe: complex (B, M, N, N).

    Returns:
        float (B, 1, 1, 1); 1 where the pattern or the probe is empty.
    """
    pixels = amplitude.shape[-1] * amplitude.shape[-2]
    measured = amplitude.square().sum((-2, -1), keepdim=True)
    explained = pixels * illumination(probe).sum((-2, -1), keepdim=True)
    usable = (measured > 0) & (explained > 0)
    return torch.where(usable, measured / explained.clamp_min(torch.finfo(measured.dtype).tiny), 1.0).sqrt()


def project(field: Tensor, amplitude: Tensor, probe: Tensor, steps: int) -> Tensor:
    """Move an object towards a measured pattern by projections; no parameter.

    Each step replaces the modulus of the far field by the measured one (all modes by one factor, as for
    incoherent modes) and moves the object by the change of the exit wave, divided by the probe where the
    probe is bright (regularised with a tenth of the greatest illumination). Where no light falls the object
    stays as it is.

    Args:
        field: complex object (B, 1, side, side), the central window; the light outside it is neglected.
        amplitude: measured diffraction amplitude (B, 1, N, N), zero frequency at N/2.
        probe: complex (B, M, N, N).
        steps: number of projections.

    Returns:
        complex (B, 1, side, side).
    """
    n, side = amplitude.shape[-1], field.shape[-1]
    cut = (n - side) // 2
    lit = probe[..., cut : cut + side, cut : cut + side]
    brightness = illumination(lit)
    floor = 0.1 * brightness.amax((-2, -1), keepdim=True)
    gain = lit.conj() / (brightness + floor).clamp_min(torch.finfo(brightness.dtype).tiny)
    measured = torch.fft.ifftshift(amplitude, dim=(-2, -1))
    dark = 1e-6 * measured.amax((-2, -1), keepdim=True) + torch.finfo(measured.dtype).tiny
    for _ in range(steps):
        exit_waves = field * lit
        far_field = torch.fft.fft2(exit_waves, s=(n, n))
        modulus = (far_field.real.square() + far_field.imag.square()).sum(1, keepdim=True).sqrt()
        projected = torch.fft.ifft2(far_field * (measured / (modulus + dark)))[..., :side, :side]
        field = field + (gain * (projected - exit_waves)).sum(1, keepdim=True)
    return field
