"""Attributes that follow from others of the same file, by contract; nothing here is a guess."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Derived:
    """One attribute and where its value may be taken from.

    Attributes:
        location: `role:/path@name`, or `role:/@name` for an attribute of the file.
        sources: Locations of equal value, the first that is there is taken.
        why: Why they are equal.
    """

    location: str
    sources: tuple[str, ...]
    why: str


_SQUARE = "readers of the format assume square pixels where only one side is stored"
_SAME_GRID = "probe and object share their pixel grid: a patch of the object is multiplied with the probe"
_OLD_NAME = "two names of one quantity: Ptychodus up to 1.6 reads probe_energy_eV, 1.7 reads photon_energy_eV"


def _pixels(role: str) -> tuple[Derived, ...]:
    """Pixel sizes of object and probe, which follow from each other."""
    found = []
    for side, other in (("height", "width"), ("width", "height")):
        this, across = f"pixel_{side}_m", f"pixel_{other}_m"
        object_, probe = f"{role}:/object@", f"{role}:/probe@"
        found.append(Derived(object_ + this, (probe + this,), _SAME_GRID))
        found.append(Derived(object_ + this, (object_ + across, probe + across), _SQUARE))
        found.append(Derived(probe + this, (object_ + this,), _SAME_GRID))
        found.append(Derived(probe + this, (probe + across, object_ + across), _SQUARE))
    return tuple(found)


def _energies(role: str) -> tuple[Derived, ...]:
    names = ("photon_energy_eV", "probe_energy_eV")
    pairs = (names, names[::-1])
    return tuple(Derived(f"{role}:/@{new}", (f"{role}:/@{old}",), _OLD_NAME) for new, old in pairs)


DERIVED: dict[str, tuple[Derived, ...]] = {
    "ptychovit-para": _pixels("para"),
    "ptychovit-pair": _pixels("para"),
    "ptychodus-product": (*_pixels("product"), *_energies("product")),
}
