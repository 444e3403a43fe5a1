"""Which 500 files the benchmark consists of: every single mistake several times, 200 pairs, none, undecidable ones."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from .mistakes import FRAME_SLUGS, OBJECT_SLUGS, ORDER_SLUGS, ORIENTATIONS, PROBE_SLUGS

PIXEL_FACTORS = (0.5, 0.8, 0.95, 1.02, 1.05, 1.25, 2.0)
PROBE_FACTORS = (0.1, 0.3, 0.7, 1.5, 3.0, 10.0)
TOTAL = 500
DOUBLES = 200

FAMILIES: dict[str, tuple[str, ...]] = {
    "swapped-axes": ("swapped-axes",),
    "negated-y": ("negated-y",),
    "negated-x": ("negated-x",),
    "frame": FRAME_SLUGS,
    "order": ORDER_SLUGS,
    "orientation": tuple(ORIENTATIONS),
    "patterns:corner": ("patterns:corner",),
    "patterns:amplitude": ("patterns:amplitude",),
    "object": OBJECT_SLUGS,
    "probe": PROBE_SLUGS,
    "pixel-size": tuple(f"pixel-size:{factor:g}" for factor in PIXEL_FACTORS),
    "probe-scale": tuple(f"probe-scale:{factor:g}" for factor in PROBE_FACTORS),
    "shift": ("shift",),  # its numbers are drawn with the file
}
INCOMPATIBLE = {("frame", "shift")}  # together they are another shift

UNDECIDABLE: dict[str, tuple[str | None, ...]] = {
    "flat object": (None, "order:reversed", None, "order:shuffled", "frame:half-size"),
    "near field": (None, "swapped-axes", "patterns:transposed", None, "object:conjugated"),
    "low dose": (None, "swapped-axes", "negated-y", "order:reversed", "object:transposed"),
    "near symmetric": (*OBJECT_SLUGS[1:], "probe:transposed"),
}
"""Kinds of files that decide nothing, with the mistakes in them (`near symmetric`: symmetric under these)."""
REPEATS = 2


Row = tuple[str, tuple[tuple[str, ...], ...], int | None]


class Spec(NamedTuple):
    """One file to be made: the mistakes to choose from, one of each tuple, and the canvas' parity where it matters."""

    number: int
    group: str
    wanted: tuple[tuple[str, ...], ...]
    parity: int | None = None


def full_plan(seed: int) -> list[Spec]:
    """All 500 specifications, like ones side by side, so that every n-th of them is a fair sample."""
    rng = np.random.default_rng([seed, 0])
    rows = [*_singles(), *_doubles(rng)]
    undecidable = [
        (group, ((slug,),) if slug else (), None)
        for group, slugs in UNDECIDABLE.items()
        for slug in slugs
        for _ in range(REPEATS)
    ]
    none = [("none", (), None)] * (TOTAL - len(rows) - len(undecidable))
    return [Spec(number, *row) for number, row in enumerate([*none, *rows, *undecidable])]


def subset(plan: list[Spec], files: int) -> list[Spec]:
    """`files` specifications spread evenly over the plan."""
    files = min(files, len(plan))
    return [plan[int((place + 0.5) * len(plan) / files)] for place in range(files)]


def _singles() -> list[Row]:
    repeats = {"swapped-axes": 6, "negated-y": 6, "negated-x": 6, "frame": 6, "order": 6, "object": 5, "shift": 9}
    repeats |= {"pixel-size": 3, "probe-scale": 2}
    return [
        ("single", ((slug,),), times % 2 if slug.startswith("frame") else None)
        for family, slugs in FAMILIES.items()
        for slug in slugs
        for times in range(repeats.get(family, 5))
    ]


def _doubles(rng: np.random.Generator) -> list[Row]:
    """Every compatible pair of families as often as every other, which of its mistakes stands first by chance."""
    pairs = [pair for pair in combinations(FAMILIES, 2) if pair not in INCOMPATIBLE]
    repeats = [pairs[place % len(pairs)] for place in range(DOUBLES)]
    ordered = [pair if rng.random() < 0.5 else pair[::-1] for pair in sorted(repeats)]
    return [("double", (FAMILIES[first], FAMILIES[second]), None) for first, second in ordered]
