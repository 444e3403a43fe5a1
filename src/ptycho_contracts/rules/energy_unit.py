"""An energy that cannot be in the unit of its format."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.constants import ELECTRONVOLT_J
from ptycho_contracts.contracts.cxi import ENERGY_J, CxiFile
from ptycho_contracts.contracts.ptypy_ptyd import ENERGY_KEV, PtydFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.measured.geometry import HIGHEST_EV, LOWEST_EV, number, possible_energy_eV
from ptycho_contracts.measured.ptyd import known_number
from ptycho_contracts.rule import rule

CODE = Code(
    "PTY330",
    Severity.ERROR,
    "the energy is in another unit",
    f"Read in the unit of its format, the energy lies outside {LOWEST_EV:g} to {HIGHEST_EV:g} eV.",
    "Wavelength and object pixel come out wrong by orders of magnitude, and with them every position in pixels.",
    "Store the energy in the unit of the format: joules in CXI (1 eV is 1.602176634e-19 J), keV in a ptyd file.",
)


@rule(CODE, on={"cxi": CxiFile}, needs=(), depth="header")
def cxi_energy_unit(artifact: Artifact) -> Iterator[Finding]:
    """The energy is no number of joules; eV and keV are what is usually found."""
    value = number(artifact.source("cxi"), ENERGY_J)
    yield from _found(f"cxi:/{ENERGY_J}", value, "J", 1 / ELECTRONVOLT_J)


@rule(CODE, on={"ptyd": PtydFile}, needs=(), depth="header")
def ptyd_energy_unit(artifact: Artifact) -> Iterator[Finding]:
    """The energy is no number of keV; eV and joules are what is usually found."""
    value = known_number(artifact.source("ptyd"), ENERGY_KEV)
    yield from _found(f"ptyd:/{ENERGY_KEV}", value, "keV", 1e3)


def _found(location: str, value: float | None, unit: str, electronvolts: float) -> Iterator[Finding]:
    if value is None or possible_energy_eV(value * electronvolts) is not None:
        return
    yield finding(
        CODE,
        location,
        f"read in {unit} the energy is {value * electronvolts:.3g} eV",
        expected=f"{LOWEST_EV / electronvolts:.3g} to {HIGHEST_EV / electronvolts:.3g} {unit}",
        found=f"{value:.6g}{_guess(value)}",
    )


def _guess(value: float) -> str:
    """The unit in which the number would be an X-ray energy."""
    if value < 1e-9:
        return ", which looks like J"
    return ", which looks like eV" if value >= 100 else ", which looks like keV"
