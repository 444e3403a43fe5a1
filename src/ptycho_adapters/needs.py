"""What a writer needs of a Scan, and how the user can say what the source does not know."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ptycho_adapters.codec import Codec, ConversionError
from ptycho_contracts import engine_codes as codes
from ptycho_contracts.finding import Finding, finding

if TYPE_CHECKING:
    import xarray as xr

Part = Literal["patterns", "positions", "probe", "object"]
PARTS: tuple[Part, ...] = ("patterns", "positions", "probe", "object")

# The variables of a Scan that make a part.
VARIABLES: dict[Part, tuple[str, ...]] = {
    "patterns": ("intensity",),
    "positions": ("position_y", "position_x"),
    "probe": ("probe",),
    "object": ("object",),
}


@dataclass(frozen=True)
class Quantity:
    """A number that a format may need.

    Attributes:
        name: What a user calls it.
        attributes: Root attributes of the Scan that hold it.
        option: How it is said at the terminal.
    """

    name: str
    attributes: tuple[str, ...]
    option: str


QUANTITIES: dict[str, Quantity] = {
    "pixel_size_m": Quantity("object pixel size", ("pixel_size_y_m", "pixel_size_x_m"), "--pixel-size-m"),
    "energy_eV": Quantity("photon energy", ("photon_energy_eV",), "--energy-ev"),
    "distance_m": Quantity("detector distance", ("detector_object_distance_m",), "--distance-m"),
}


def holds(scan: xr.Dataset, part: Part) -> bool:
    """Whether the scan has that part."""
    return all(name in scan for name in VARIABLES[part])


def check_needs(codec: Codec, scan: xr.Dataset, name: str) -> None:
    """Refuse a scan that lacks what the format cannot be without; every lack at once.

    Raises:
        ConversionError: naming each missing part and quantity, and the option that gives it.
    """
    lacking = list(_lacking(codec.id, codec.needs, scan, name))
    if lacking:
        raise ConversionError(*lacking)


def _lacking(target: str, needs: Collection[str], scan: xr.Dataset, name: str) -> Iterator[Finding]:
    for part in PARTS:
        if part in needs and not holds(scan, part):
            article = {"probe": "a probe", "object": "an object"}.get(part, part)
            yield _missing(target, name, article, f"`--{part}-from FILE` takes it from another artifact.")
    for key, quantity in QUANTITIES.items():
        if key in needs and not all(attribute in scan.attrs for attribute in quantity.attributes):
            fix = f"`{quantity.option} VALUE` says it."
            yield _missing(target, name, f"the {quantity.name}", fix)
    if "far-field" in needs and scan.attrs.get("propagation") == "near-field":
        yield finding(
            codes.NOT_REPRESENTABLE,
            f"{target}:/",
            f"{name} cannot be written: {target} stands for far-field patterns, and these are near-field ones",
            expected="far-field diffraction",
            found="near-field propagation, by the source or by its geometry",
        )


def _missing(target: str, name: str, what: str, fix: str) -> Finding:
    return finding(
        codes.QUANTITY_MISSING,
        f"{target}:/",
        f"{name} cannot be written: {target} needs {what}, which the source does not hold",
        expected=what,
        found="nothing of it in the source",
        fix=fix,
    )
