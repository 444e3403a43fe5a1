"""One way in which a file may be mistaken, and what it makes of the stored arrays.

The truth is predicted in the object *as it is stored*: an object that is stored turned by G is the same as a probe, a
position and a pattern turned by G, and one that is stored conjugated the same as a conjugated probe whose patterns are
turned by 180° about the zero frequency. So few forward models (`relative_probe`) serve all hypotheses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.diagnosis.changes import Change, in_order
from ptycho_contracts.physics.diagnosis.predict import every_frequency
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.diagnosis.turns import AS_IT_IS, NAMES, ROTATED_180, TRANSPOSED, Turn
from ptycho_contracts.physics.readings import Stored


@dataclass(frozen=True)
class Op:
    """What was done to a stored complex array: turned, and then conjugated or not."""

    turn: Turn = AS_IT_IS
    conjugated: bool = False

    def changes(self, kind: str) -> list[Change]:
        """Its mistakes."""
        turned = [Change(kind, NAMES[self.turn])] if self.turn != AS_IT_IS else []
        return turned + ([Change(kind, "conjugated")] if self.conjugated else [])


@dataclass(frozen=True)
class Order:
    """How the positions are permuted against the patterns.

    Attributes:
        name: Of the vocabulary; "" for as they are.
        columns: Of the raster, where the order has to do with one; the last row of a snake may be shorter.
        first: Of a snake, the first row that is reversed.
        take: For `shuffled`: position of each pattern in the stored positions.
    """

    name: str = ""
    columns: int = 0
    first: int = 1
    take: tuple[int, ...] = ()

    def rows(self, count: int) -> NDArray[np.intp]:
        """Which stored position belongs to each pattern."""
        rows = np.arange(count, dtype=np.intp)
        if self.name == "shuffled":
            return np.array(self.take, np.intp)
        if self.name == "reversed":
            return rows[::-1]
        if self.name == "columns-first":
            return rows.reshape(self.columns, -1).T.reshape(-1)
        if self.name == "snake":
            row, column = np.divmod(rows, self.columns)
            length = np.minimum(self.columns, count - row * self.columns)
            back = row * self.columns + length - 1 - column
            return np.where(row % 2 == self.first, back, rows)
        return rows


@dataclass(frozen=True)
class Geometry:
    """Where the patterns were taken, and in what object and probe.

    Attributes:
        object: What was done to the object.
        probe: What was done to the probe.
        turn: Turns stored positions into true ones: first negated by member, then exchanged.
        order: Which position belongs to which pattern.
        frame: The frame in which the positions were computed; "" for the stated one.
        frame_first: Whether they were turned after that, about the stated frame's origin.
        scale: Stored pixel size / true one.
        shift: Stored − true position (y, x) in true pixels, along the axes of the true object: what a writer adds
            before a sign or the order of the axes goes wrong.
    """

    object: Op = Op()
    probe: Op = Op()
    turn: Turn = AS_IT_IS
    order: Order = Order()
    frame: str = ""
    frame_first: bool = False
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Its mistakes."""
        swapped = self.turn.exchanges_axes
        signs = (TRANSPOSED @ self.turn if swapped else self.turn).signs
        return in_order(
            [
                *([Change("swapped-axes")] if swapped else []),
                *([Change("negated-y")] if signs[0] < 0 else []),
                *([Change("negated-x")] if signs[1] < 0 else []),
                *self.object.changes("object"),
                *self.probe.changes("probe"),
                *([Change("order", self.order.name)] if self.order.name else []),
                *([Change("frame", self.frame)] if self.frame else []),
                *([Change("pixel-size", numbers=(self.scale,))] if self.scale != 1.0 else []),
                *([Change("shift", numbers=self.shift)] if self.shift != (0.0, 0.0) else []),
            ]
        )

    @property
    def relative(self) -> Op:
        """What the stored probe must become to be used with the stored object."""
        return Op(self.object.turn @ self.probe.turn.inverse, self.object.conjugated != self.probe.conjugated)

    def centres_px(self, subject: Subject, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """(k, 2) patch centres of some patterns, in array coordinates of the stored object."""
        order = self.order.rows(len(subject.centred_px)) if self.order.name else None
        stored = subject.centred_px[rows if order is None else order[rows]]
        return self.place(subject, stored)

    def place(self, subject: Subject, centred_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """(…, 2) array coordinates in the stored object, of stored positions (…, 2)."""
        turned, offset = self.affine(subject)
        placed: NDArray[np.float64] = centred_px @ turned.T + offset
        return placed

    def affine(self, subject: Subject) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(2, 2) matrix and (2,) offset that take a stored position to an array coordinate of the stored object."""
        stored = subject.canvas
        true = stored[::-1] if self.object.turn.exchanges_axes else stored
        file = true[::-1] if self.turn.exchanges_axes else true
        matrix = self.turn.array * self.scale
        offset = subject.origin_px(self.frame or subject.frame, true) - np.array(self.shift)
        if self.frame_first:
            moved = subject.origin_px(self.frame, file) - subject.origin_px(subject.frame, file)
            offset = self.turn.array @ moved + subject.origin_px(subject.frame, true) - np.array(self.shift)
        turn = self.object.turn.array
        centre, stored_centre = (np.array(true) - 1) / 2, (np.array(stored) - 1) / 2
        return turn @ matrix, turn @ (offset - centre) + stored_centre

    def moved(self, by_px: NDArray[np.float64]) -> Geometry:
        """The geometry whose places are moved by (y, x) pixels of the stored object, by a change of its shift."""
        y, x = np.array(self.shift) - self.object.turn.inverse.array @ by_px
        return replace(self, shift=(float(y), float(x)))


@dataclass(frozen=True)
class Values:
    """What the stored patterns are.

    Attributes:
        turn: What was done to every pattern.
        about_array: Whether it was done about the middle of the array, or about the zero frequency.
        corner: Whether the zero frequency is at [0, 0].
        unit: What the values are.
    """

    unit: Stored
    turn: Turn = AS_IT_IS
    about_array: bool = False
    corner: bool = False

    def changes(self, stated: Stored) -> tuple[Change, ...]:
        """Its mistakes in a file that states this unit."""
        return in_order(
            [
                *([Change("patterns", NAMES[self.turn])] if self.turn != AS_IT_IS else []),
                *([Change("patterns", "corner")] if self.corner else []),
                *([Change("patterns", self.unit)] if self.unit != stated else []),
            ]
        )

    def zero(self, n: int) -> tuple[int, int]:
        """Index of the zero frequency in a stored pattern."""
        middle = 0 if self.corner else n // 2
        y, x = (n - 1 - middle if sign < 0 and self.about_array else middle for sign in self.turn.signs)
        return y, x

    def every_pixel(self, n: int, object_: Op) -> NDArray[np.intp]:
        """Flat pixels (n²,) of the stored pattern in the order of the stored object's prediction, zero at n/2."""
        return self.pixels(every_frequency(n), n, object_)

    def pixels(self, frequencies: NDArray[np.intp], n: int, object_: Op) -> NDArray[np.intp]:
        """Flat pixels of the stored pattern that hold these frequencies (k, 2) of the stored object's prediction."""
        turn = self.turn @ object_.turn.inverse
        if object_.conjugated:
            turn = turn @ ROTATED_180
        at = (frequencies @ turn.array.T + np.array(self.zero(n))) % n
        flat: NDArray[np.intp] = at[:, 0] * n + at[:, 1]
        return flat


@dataclass(frozen=True)
class Hypothesis:
    """A geometry, and what the values are."""

    geometry: Geometry
    values: Values

    def changes(self, stated: Stored) -> tuple[Change, ...]:
        """Its mistakes in a file that states this unit."""
        return in_order([*self.geometry.changes, *self.values.changes(stated)])

    @property
    def numbers(self) -> int:
        """How many numbers in it were fitted."""
        return sum(len(change.numbers) for change in self.geometry.changes)

    def simplified(self, n: int) -> Hypothesis:
        """The same without conjugates that cancel: of object and probe together they turn patterns by 180°."""
        geometry = self.geometry
        if not (geometry.object.conjugated and geometry.probe.conjugated):
            return self
        plain = replace(
            geometry,
            object=replace(geometry.object, conjugated=False),
            probe=replace(geometry.probe, conjugated=False),
        )
        turned = replace(self.values, turn=self.values.turn @ ROTATED_180)
        for values in (replace(turned, about_array=False), replace(turned, about_array=True)):
            if values.zero(n) == self.values.zero(n):
                return Hypothesis(plain, values)
        return self


def relative_probe(probe: NDArray[np.complexfloating], op: Op) -> NDArray[np.complex64]:
    """The probe (M, N, N) to be used with the stored object."""
    turned: NDArray[Any] = op.turn.of(probe)
    return np.ascontiguousarray(turned.conj() if op.conjugated else turned, np.complex64)
