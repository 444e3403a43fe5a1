"""Wavelength and energy of one file that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.constants import ELECTRONVOLT_J, HC_EV_M
from ptycho_contracts.contracts.cxi import ENERGY_J, WAVELENGTH_M, CxiFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.measured.geometry import number, possible_energy_eV
from ptycho_contracts.rule import rule

_TOLERANCE = 0.01

CODE = Code(
    "PTY331",
    Severity.ERROR,
    "wavelength and energy contradict each other",
    f"Wavelength times photon energy differs from h·c by more than {_TOLERANCE:.0%}.",
    "cdtools takes the wavelength and Ptychodus the energy: the same file gets two object pixels.",
    "Correct one of the two: the wavelength in metres is 1.239841984e-6 divided by the energy in eV.",
)


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="header")
def wavelength_of_energy(artifact: Artifact) -> Iterator[Finding]:
    """Both are stored, and they are not of one photon."""
    source = artifact.source("cxi")
    energy, wavelength = number(source, ENERGY_J), number(source, WAVELENGTH_M)
    if energy is None or wavelength is None or possible_energy_eV(energy / ELECTRONVOLT_J) is None:
        return
    expected = HC_EV_M * ELECTRONVOLT_J / energy
    if abs(wavelength / expected - 1) > _TOLERANCE:
        yield finding(
            CODE,
            f"cxi:/{WAVELENGTH_M}",
            f"a photon of {energy:.6g} J has a wavelength of {expected:.6g} m",
            expected=f"{expected:.6g}",
            found=f"{wavelength:.6g}",
        )
