"""The vocabulary of mistakes: what each does to a right file, and what undoes it.

A mistake is written as a slug (`swapped-axes`, `frame:half-size`, `pixel-size:0.95` …). Some slugs cover several
things that may have happened (a flip of the array or about the zero frequency; which of the rows are reversed); those
are the mistake's variants. Several mistakes are made in the order in which they are given, and undone in the reverse;
only a frame always stands first: positions are computed in it before anything else goes wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .optics import NAMED_FRAMES, Complex, Real, origin_of

ORIENTATIONS = {
    "patterns:transposed": (True, False, False),
    "patterns:flipped-y": (False, True, False),
    "patterns:flipped-x": (False, False, True),
    "patterns:rotated-180": (False, True, True),
    "patterns:rotated-90": (True, True, False),
    "patterns:rotated-270": (True, False, True),
    "patterns:anti-transposed": (True, True, True),
}
"""Transpose first, then flip y, then flip x."""

AXES = ("swapped-axes", "negated-y", "negated-x")
OBJECT_SLUGS = tuple(f"object:{what}" for what in ("conjugated", "transposed", "flipped-y", "flipped-x", "rotated-180"))
PROBE_SLUGS = ("probe:transposed", "probe:conjugated")
ORDER_SLUGS = ("order:reversed", "order:columns-first", "order:snake", "order:shuffled")
FRAME_SLUGS = (*(f"frame:{name}" for name in NAMED_FRAMES), "frame:array-corner", "frame:patch-corner")
NUMERIC = ("pixel-size", "probe-scale", "shift")


class UnknownMistakeError(ValueError):
    """The slug is not in the vocabulary."""


@dataclass(frozen=True)
class Mistake:
    """One slug, and which of the things that it covers happened."""

    slug: str
    variant: int = 0

    @property
    def name(self) -> str:
        """What stands before the colon."""
        return self.slug.partition(":")[0]

    @property
    def argument(self) -> str:
        """What stands after the colon."""
        return self.slug.partition(":")[2]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers of a numeric mistake, none of any other."""
        return tuple(float(part) for part in self.argument.split(",")) if self.name in NUMERIC else ()

    @property
    def family(self) -> str:
        """Mistakes of one family exclude each other in a file."""
        if self.slug in ORIENTATIONS:
            return "orientation"
        return self.slug if self.name in ("patterns", "negated-y", "negated-x", "swapped-axes") else self.name


@dataclass(frozen=True)
class Orders:
    """What the orders of a scan mean: its raster, where it has one, and the one shuffle that happened to it."""

    raster: tuple[int, int] | None
    shuffle: NDArray[np.intp]

    def permutation(self, mistake: Mistake) -> NDArray[np.intp]:
        """Which position stands at each place of the stored file; the identity where the scan has no such order."""
        index = np.arange(len(self.shuffle))
        if mistake.argument == "shuffled":
            return self.shuffle
        if mistake.argument == "reversed":
            return index[::-1]
        if self.raster is None:
            return index
        rows, columns = self.raster
        if mistake.argument == "columns-first":
            return index.reshape((columns, rows) if mistake.variant else (rows, columns)).T.ravel()
        grid = index.reshape(rows, columns).copy()
        grid[1 - mistake.variant :: 2] = grid[1 - mistake.variant :: 2, ::-1]
        return grid.ravel()


@dataclass(frozen=True)
class Subject:
    """What a pair holds, positions (k, 2) in stated pixels from the stated origin; patterns may be absent."""

    positions: Real
    pixel_m: float
    object: Complex
    probe: Complex
    patterns: Real | None = None


def variants(slug: str) -> tuple[Mistake, ...]:
    """Everything that a slug may mean.

    Raises:
        UnknownMistakeError: the slug is not in the vocabulary.
    """
    two = (slug in ORIENTATIONS and slug != "patterns:transposed") or slug in ("order:columns-first", "order:snake")
    mistake = Mistake(slug)
    plain = (*AXES, "patterns:corner", "patterns:amplitude", "patterns:intensity")
    words = (*plain, *ORIENTATIONS, *OBJECT_SLUGS, *PROBE_SLUGS, *ORDER_SLUGS, *FRAME_SLUGS)
    if slug not in words and mistake.name not in NUMERIC:
        raise UnknownMistakeError(slug)
    try:
        counted = len(mistake.numbers)
    except ValueError as error:
        raise UnknownMistakeError(slug) from error
    if mistake.name in NUMERIC and counted != (2 if mistake.name == "shift" else 1):
        raise UnknownMistakeError(slug)
    return (mistake, Mistake(slug, 1)) if two else (mistake,)


def frame_in_use(mistakes: Sequence[Mistake], stated: str) -> str:
    """The frame that the positions were computed in."""
    return next((mistake.argument for mistake in mistakes if mistake.name == "frame"), stated)


def corrupt(subject: Subject, mistakes: Sequence[Mistake], orders: Orders) -> Subject:
    """The subject after the mistakes; its positions must already be in the frame that they were computed in."""
    for mistake in mistakes:
        subject = _changed(subject, mistake, orders, undo=False)
    return subject


def repaired(subject: Subject, mistakes: Sequence[Mistake], orders: Orders) -> Subject:
    """The subject with the mistakes undone, its positions in the frame that they were computed in."""
    for mistake in reversed(mistakes):
        subject = _changed(subject, mistake, orders, undo=True)
    return subject


def centres_of(subject: Subject, mistakes: Sequence[Mistake], stated: str) -> Real:
    """Patch centres (k, 2) in canvas px of a repaired subject."""
    window = subject.probe.shape[-1]
    return subject.positions + origin_of(frame_in_use(mistakes, stated), subject.object.shape, window)


def as_stored(intensity: Real, mistakes: Sequence[Mistake]) -> Real:
    """Patterns (k, N, N) as a file with these mistakes stores them, from right intensities."""
    for mistake in mistakes:
        intensity = changed_patterns(intensity, mistake, undo=False)
    return intensity


def _changed(subject: Subject, mistake: Mistake, orders: Orders, *, undo: bool) -> Subject:
    if mistake.name == "object":
        return replace(subject, object=_mirrored(subject.object, mistake.argument))
    if mistake.name == "probe":
        return replace(subject, probe=_mirrored(subject.probe, mistake.argument))
    if mistake.name == "probe-scale":
        return replace(subject, probe=subject.probe * mistake.numbers[0] ** (-1 if undo else 1))
    if mistake.name == "pixel-size":
        factor = mistake.numbers[0] ** (-1 if undo else 1)
        return replace(subject, pixel_m=subject.pixel_m * factor, positions=subject.positions / factor)
    if mistake.name == "patterns":
        stored = subject.patterns
        return subject if stored is None else replace(subject, patterns=changed_patterns(stored, mistake, undo=undo))
    return replace(subject, positions=_moved(subject.positions, mistake, orders, undo=undo))


def _moved(positions: Real, mistake: Mistake, orders: Orders, *, undo: bool) -> Real:
    """Positions after a mistake of axes, signs, shift or order; a frame is no movement of its own."""
    if mistake.slug in AXES:
        return along_axes(positions, mistake)
    if mistake.name == "shift":
        return np.asarray(positions + np.array(mistake.numbers) * (-1 if undo else 1))
    if mistake.name == "order":
        permutation = orders.permutation(mistake)
        return positions[np.argsort(permutation)] if undo else positions[permutation]
    return positions


def along_axes(positions: Real, mistake: Mistake) -> Real:
    """Positions or shifts (…, 2) after a mistake of `AXES`, which is its own inverse."""
    if mistake.slug == "swapped-axes":
        return positions[..., ::-1]
    return np.asarray(positions * (np.array([-1.0, 1.0]) if mistake.slug == "negated-y" else np.array([1.0, -1.0])))


def beside(shift: Mistake, other: Mistake) -> Iterator[Mistake]:
    """The shifts that, made on the other side of another mistake, move a scan as this one does; none if it matters not.

    A shift is along the axes, and in the pixels, of the moment at which it is made.
    """
    if other.slug in AXES:
        told = [along_axes(np.array(shift.numbers), other)]
    elif other.name == "pixel-size":
        told = [np.array(shift.numbers) * factor for factor in (other.numbers[0], 1 / other.numbers[0])]
    else:
        return
    for y, x in told:
        yield Mistake(f"shift:{y:.6g},{x:.6g}")


def _mirrored(field: Complex, how: str) -> Complex:
    """An object or probe after one of the changes that are their own inverse."""
    if how == "conjugated":
        return field.conj()
    if how == "transposed":
        return field.swapaxes(-2, -1)
    axes = {"flipped-y": (-2,), "flipped-x": (-1,), "rotated-180": (-2, -1)}[how]
    return np.flip(field, axes)


def changed_patterns(patterns: Real, mistake: Mistake, *, undo: bool) -> Real:
    """Patterns (k, N, N) after a mistake of theirs (any other changes nothing), or before it."""
    if mistake.slug in ORIENTATIONS:
        return _turned(patterns, mistake, undo=undo)
    if mistake.slug == "patterns:corner":
        half = patterns.shape[-1] // 2 * (1 if undo else -1)
        return np.roll(patterns, (half, half), axis=(-2, -1))
    if mistake.slug in ("patterns:amplitude", "patterns:intensity"):
        return np.asarray(np.sqrt(patterns) if (mistake.argument == "amplitude") != undo else np.square(patterns))
    return patterns


def _turned(patterns: Real, mistake: Mistake, *, undo: bool) -> Real:
    transpose, flip_y, flip_x = ORIENTATIONS[mistake.slug]
    if transpose and not undo:
        patterns = patterns.swapaxes(-2, -1)
    for axis, flip in ((-2, flip_y), (-1, flip_x)):
        if flip:
            flipped = np.flip(patterns, axis)
            patterns = np.roll(flipped, 1, axis) if mistake.variant else flipped  # variant 1 keeps the zero frequency
    return patterns.swapaxes(-2, -1) if transpose and undo else patterns
