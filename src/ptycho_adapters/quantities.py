"""The physical quantities of a Scan: what the source states, what the caller adds, what follows from both.

In the far field the object pixel is `dx = λ·z / (n·detector pixel)` (pty-chi, Ptychodus, PtyPy and cdtools agree), so
of energy, distance, detector pixel and object pixel any three give the fourth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ptycho_adapters.codec import ConversionError, ReadOptions
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.constants import HC_EV_M
from ptycho_contracts.finding import finding

_OPTIONS = {
    "pixel_size_y_m": "--pixel-size-m",
    "pixel_size_x_m": "--pixel-size-m",
    "photon_energy_eV": "--energy-ev",
    "detector_object_distance_m": "--distance-m",
}
_GEOMETRY = ("photon_energy_eV", "detector_object_distance_m")


def wavelength_m(energy_eV: float) -> float:
    """Wavelength in metres of a photon of that energy in eV."""
    return HC_EV_M / energy_eV


def energy_of_wavelength_eV(wavelength: float) -> float:
    """Photon energy in eV of a wavelength in metres."""
    return HC_EV_M / wavelength


def conjugate_pixel_m(energy_eV: float, distance_m: float, n: int, pixel_m: float) -> float:
    """Object pixel from detector pixel, or detector pixel from object pixel: λ·z/(n·pixel), all in metres."""
    return wavelength_m(energy_eV) * distance_m / (n * pixel_m)


def known_quantities(stated: Mapping[str, float | None], options: ReadOptions, location: str) -> dict[str, Any]:
    """Root attributes of a Scan: what the file states, then what the caller adds.

    Args:
        stated: By attribute of the Scan; None where the file does not say.
        options: Of the caller.
        location: Place in the source, for the finding.

    Raises:
        ConversionError: an option contradicts the source by more than 1e-6 of its value.
    """
    known: dict[str, Any] = {name: value for name, value in options.physical().items() if value is not None}
    contradictions = []
    for name, value in stated.items():
        if value is None:
            continue
        given = known.get(name)
        if given is not None and not np.isclose(given, value, rtol=1e-6, atol=0):
            contradictions.append((_OPTIONS[name], given, value))
        known[name] = value
    found = [
        finding(
            codes.SOURCE_SAYS_OTHERWISE,
            location,
            f"{option} {given:g} contradicts the source",
            expected=f"{value:g}, as in the source",
            found=f"{given:g}",
        )
        for option, given, value in dict.fromkeys(contradictions)
    ]
    if found:
        raise ConversionError(*found)
    return known


def with_object_pixel(known: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """The quantities with the object pixel that far-field geometry gives, where it is not known and the rest is.

    Args:
        known: Root attributes of a Scan.
        shape: (rows, columns) of the detector.
    """
    complete = dict(known)
    for axis, letter in enumerate("yx"):
        name, detector = f"pixel_size_{letter}_m", f"detector_pixel_size_{letter}_m"
        if name not in complete and all(k in complete for k in (*_GEOMETRY, detector)):
            complete[name] = _conjugate(complete, shape[axis], complete[detector])
    return complete


def with_detector_pixel(known: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """The quantities with the detector pixel that far-field geometry gives, where it is not known and the rest is."""
    complete = dict(known)
    for axis, letter in enumerate("yx"):
        name, pixel = f"detector_pixel_size_{letter}_m", f"pixel_size_{letter}_m"
        if name not in complete and all(k in complete for k in (*_GEOMETRY, pixel)):
            complete[name] = _conjugate(complete, shape[axis], complete[pixel])
    return complete


def _conjugate(known: Mapping[str, Any], n: int, pixel_m: float) -> float:
    return conjugate_pixel_m(float(known[_GEOMETRY[0]]), float(known[_GEOMETRY[1]]), n, pixel_m)
