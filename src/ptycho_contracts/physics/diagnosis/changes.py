"""The vocabulary of the diagnosis: what can be wrong with a stored file, one slug for each mistake.

A change says how the *stored* file differs from the truth. Undone in the order of `KINDS` reversed, a set of changes
gives the truth back; `orient.py` says for each what that means for the arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.codes import Code

ARRAY_CORNER = "array-corner"
PATCH_CORNER = "patch-corner"


@dataclass(frozen=True)
class Kind:
    """One kind of mistake.

    Attributes:
        slug: What stands before the colon.
        code: Of the finding.
        numbers: How many numbers stand after the colon.
        names: The names that may stand after the colon, with what each means; None where any name may (frames).
        meaning: In a few words, for a kind without names; `{}` stands for what comes after the colon.
    """

    slug: str
    code: Code
    numbers: int = 0
    names: dict[str, str] | None = None
    meaning: str = ""


_TURNS = {
    "transposed": "transposed",
    "flipped-y": "flipped along y",
    "flipped-x": "flipped along x",
    "rotated-180": "rotated by 180°",
}
_QUARTER_TURNS = {
    "rotated-90": "rotated by 90°",
    "rotated-270": "rotated by 270°",
    "anti-transposed": "transposed and rotated by 180°",
}
_ORDERS = {
    "reversed": "the positions stand in reversed order",
    "columns-first": "the positions run along the other axis of the raster first",
    "snake": "every second row of the raster is reversed in the positions",
    "shuffled": "patterns and positions are permuted against each other",
}


def _told(what: str, names: dict[str, str]) -> dict[str, str]:
    return {name: f"{what} is {told}" for name, told in names.items()}


# From what is said of the values to what is said of the places. Of readings that say the same and have equally many
# changes, the one whose changes come earlier here is preferred: what a reader can undo without touching the positions.
KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind("swapped-axes", codes.SWAPPED_AXES, meaning="x and y positions are exchanged"),
        Kind("negated-y", codes.NEGATED_AXIS, meaning="the y axis points the other way"),
        Kind("negated-x", codes.NEGATED_AXIS, meaning="the x axis points the other way"),
        Kind("patterns", codes.TURNED_PATTERNS, names=_told("every pattern", _TURNS | _QUARTER_TURNS)),
        Kind("object", codes.TURNED_OBJECT, names=_told("the object", _TURNS | {"conjugated": "conjugated"})),
        Kind(
            "probe",
            codes.TURNED_PROBE,
            names=_told("the probe", {"transposed": "transposed", "conjugated": "conjugated"}),
        ),
        Kind("order", codes.WRONG_ORDER, names=_ORDERS),
        Kind("frame", codes.OTHER_FRAME, meaning="positions count from the origin of {}"),
        Kind("pixel-size", codes.WRONG_PIXEL_SIZE, numbers=1, meaning="the pixel size is {} times the right one"),
        Kind("probe-scale", codes.WRONG_PROBE_SCALE, numbers=1, meaning="the probe is {} times what the energies ask"),
        Kind("shift", codes.OTHER_FRAME, numbers=2, meaning="all positions are off by ({}) px (y, x)"),
    )
}
# These three stand under `patterns:` too, but say what the values are, not how they lie.
_VALUES = {
    "corner": (codes.CORNER_ORIGIN, "the zero frequency is at the corner of the patterns"),
    "amplitude": (codes.AMPLITUDE_FOR_INTENSITY, "amplitudes are stored for intensities"),
    "intensity": (codes.INTENSITY_FOR_AMPLITUDE, "intensities are stored for amplitudes"),
}


@dataclass(frozen=True)
class Change:
    """One mistake.

    Attributes:
        kind: A slug of `KINDS`.
        name: What is named after the colon, or "".
        numbers: What is counted after the colon.
    """

    kind: str
    name: str = ""
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no change is called {self.kind!r}; known are {', '.join(KINDS)}")
        known = KINDS[self.kind]
        if len(self.numbers) != known.numbers:
            raise ValueError(f"{self.kind} takes {known.numbers} numbers, not {len(self.numbers)}")
        if known.names is not None and self.name not in known.names and not self._of_values:
            raise ValueError(f"{self.kind} is none of {', '.join(known.names)}: {self.name!r}")
        if (self.kind == "frame") != bool(self.name) and known.names is None:
            raise ValueError(f"{self.kind} needs {'a' if self.kind == 'frame' else 'no'} name")

    @property
    def _of_values(self) -> bool:
        return self.kind == "patterns" and self.name in _VALUES

    @property
    def slug(self) -> str:
        """`kind`, `kind:name` or `kind:number,number`."""
        after = self.name or ",".join(f"{number:.6g}" for number in self.numbers)
        return f"{self.kind}:{after}" if after else self.kind

    @property
    def meaning(self) -> str:
        """In words."""
        if self._of_values:
            return _VALUES[self.name][1]
        kind = KINDS[self.kind]
        if kind.names is not None:
            return kind.names[self.name]
        return kind.meaning.format(self.name or ", ".join(f"{number:.4g}" for number in self.numbers))

    @property
    def code(self) -> Code:
        """Of the finding that reports it."""
        return _VALUES[self.name][0] if self._of_values else KINDS[self.kind].code

    @property
    def rank(self) -> tuple[int, str]:
        """Its place in the vocabulary."""
        return list(KINDS).index(self.kind), self.name

    @classmethod
    def parse(cls, slug: str) -> Change:
        """The change of a slug.

        Raises:
            ValueError: no such change.
        """
        kind, _, after = slug.partition(":")
        if kind in KINDS and KINDS[kind].numbers:
            try:
                return cls(kind, numbers=tuple(float(number) for number in after.split(",")))
            except ValueError:
                raise ValueError(f"{slug!r} is no change: {kind}: is followed by numbers") from None
        return cls(kind, after)


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """In the order of the vocabulary, which is how they are reported."""
    return tuple(sorted(changes, key=lambda change: change.rank))


def in_words(changes: Iterable[Change]) -> str:
    """One sentence part for all; `as stated` for none."""
    return "; ".join(change.meaning for change in changes) or "as stated"
