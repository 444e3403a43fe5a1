"""One object of a file that holds several, as the diagnosis tells of it.

How the patterns lie among the objects is a matter of the whole file: `order.decide_order` proves it on every pattern.
"""

from __future__ import annotations

from ptycho_adapters.codec import Loaded
from ptycho_contracts.physics.diagnosis.changes import Change, in_order, in_words
from ptycho_contracts.physics.diagnosis.result import Candidate, Diagnosis
from ptycho_contracts.physics.grid_lines_orders import AS_STORED, OFFSETS_ARE_XY

ORDER = "order"  # the decision of a codec whose patterns may lie in any order
_SWAPPED = Change("swapped-axes")


def proven_order(loaded: Loaded) -> tuple[Change, ...]:
    """The mistakes of the file's own order that its codec has proven; () where it has none, or proves nothing."""
    said = _reading(loaded)
    if said is None or said == AS_STORED:
        return ()
    found = [_SWAPPED if part == OFFSETS_ARE_XY else Change("order", "shuffled") for part in said.split(" + ")]
    return in_order(set(found))


def one_of_several(diagnosis: Diagnosis, number: int, loaded: Loaded) -> Diagnosis:
    """What was found of one object, with the mistakes of the file's order.

    Args:
        diagnosis: Of the Scan with this number, in the order of `loaded`.
        number: From 0.
        loaded: The whole file.
    """
    order = proven_order(loaded)
    others = f"the file holds {len(loaded.scans)} objects and this is about object {number}; --object picks another"
    return diagnosis.model_copy(
        update={
            "verdict": "mistaken" if order and diagnosis.verdict == "as stated" else diagnosis.verdict,
            "ranked": tuple(_beside(order, candidate) for candidate in diagnosis.ranked),
            "notes": (others, *_how_ordered(loaded), *diagnosis.notes),
        }
    )


def _how_ordered(loaded: Loaded) -> list[str]:
    if ORDER not in loaded.decisions:
        return []
    said = _reading(loaded)
    if said is None:
        return ["no known order of the patterns across its objects is proven, so they are taken as they lie"]
    count = sum(scan.sizes["scan"] for scan in loaded.scans)
    return [f"the order of all {count} patterns across its objects is proven: {said}"]


def _reading(loaded: Loaded) -> str | None:
    said = loaded.decisions.get(ORDER, {}).get("reading")
    return None if said is None else str(said)


def _beside(order: tuple[Change, ...], candidate: Candidate) -> Candidate:
    """A reading of the patterns in the proven order, as a reading of the file; axes exchanged twice are not."""
    own = {Change.parse(slug) for slug in candidate.changes}
    twice = {_SWAPPED} & own & set(order)
    changes = in_order(own.union(order) - twice)
    return candidate.model_copy(update={"changes": tuple(c.slug for c in changes), "meaning": in_words(changes)})
