"""Promises about where and what an item's object patch is: axes, frame, layer, sub-pixel shifts, the canvas' edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_runners.conformance.items import CENTRE, Items, crop, read_items
from ptycho_runners.conformance.promise import Judged, NotTestableError, Promise, at_most

if TYPE_CHECKING:
    from ptycho_runners.conformance.examination import Examination

_POSITION_PX, _WHOLE, _SUBPIXEL, _OFF = 1e-3, 1e-4, 1e-2, 1e-3

_AXES = {
    f"({first}, {second})": (swap, signs)
    for swap, names in ((False, "yx"), (True, "xy"))
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    for first, second in [["-" * (sign < 0) + name for sign, name in zip(signs, names, strict=True)]]
}
"""Ways to order and sign the two coordinates, by what they give."""

_Maps = Mapping[str, Callable[[NDArray[np.complex128], NDArray[np.complex128]], NDArray[np.float64]]]

# What a patch of the first and one of the last layer can be taken for; the right reading comes first.
_AMPLITUDES: _Maps = {
    "the modulus of layer 0": lambda first, _: np.abs(first),
    "the squared modulus of layer 0": lambda first, _: np.abs(first) ** 2,
    "the real part of layer 0": lambda first, _: first.real,
    "the modulus of the last layer": lambda _, last: np.abs(last),
    "the modulus of the layers' product": lambda first, last: np.abs(first * last),
}
_PHASES: _Maps = {
    "the angle of layer 0": lambda first, _: np.angle(first),
    "the negative angle of layer 0": lambda first, _: -np.angle(first),
    "the angle of layer 0 over π": lambda first, _: np.angle(first) / np.pi,
    "the imaginary part of layer 0": lambda first, _: first.imag,
    "the angle of the last layer": lambda _, last: np.angle(last),
    "the angle of the layers' product": lambda first, last: np.angle(first * last),
}


def _axes(examination: Examination) -> Judged:
    rms = dict.fromkeys(_AXES, 0.0)
    for items in read_items(examination):
        found, wanted = (values - values.mean(axis=0) for values in (_centres(items), items.truth.centre_px))
        for name, (swap, signs) in _AXES.items():
            candidate = (wanted[:, ::-1] if swap else wanted) * signs
            rms[name] = max(rms[name], float(np.sqrt(((found - candidate) ** 2).mean())))
    best = min(rms, key=lambda name: rms[name])
    text = f"positions relative to each other fit {best} best, rms {rms[best]:.2g} px (at most {_POSITION_PX:g})"
    return Judged(best == "(y, x)" and rms[best] <= _POSITION_PX, text, rms[best])


def _frame(examination: Examination) -> Judged:
    offsets = {}
    for items in read_items(examination):
        shape = items.truth.layers.shape[1:]
        offsets[shape] = (_centres(items) - items.truth.centre_px).mean(axis=0)
    shown = ", ".join(f"({y:+.3g}, {x:+.3g}) px on {h} × {w}" for (h, w), (y, x) in offsets.items())
    worst = max(float(np.abs(offset).max()) for offset in offsets.values())
    return Judged(worst <= _POSITION_PX, f"offset (y, x): {shown} (at most {_POSITION_PX:g})", worst)


def _centres(items: Items) -> NDArray[np.float64]:
    return items.quiet["centre_px"].astype(np.float64)


def _object(examination: Examination) -> Judged:
    amplitudes, phases = dict.fromkeys(_AMPLITUDES, 0.0), dict.fromkeys(_PHASES, 0.0)
    for items, index in _chosen(read_items(examination), lambda items: items.inside):
        layers = [crop(items.truth.layers[k], items.starts[index])[CENTRE, CENTRE] for k in (0, -1)]
        _add(amplitudes, items.quiet["object_amplitude"][index, 0, CENTRE, CENTRE], _AMPLITUDES, layers)
        _add(phases, items.quiet["object_phase"][index, 0, CENTRE, CENTRE], _PHASES, layers)
    best = [min(errors.items(), key=itemgetter(1))[0] for errors in (amplitudes, phases)]
    kept = best == [next(iter(_AMPLITUDES)), next(iter(_PHASES))]
    return Judged(kept, f"the amplitude is nearest to {best[0]}, the phase to {best[1]}")


def _add(errors: dict[str, float], shown: NDArray[Any], readings: _Maps, layers: list[NDArray[np.complex128]]) -> None:
    """Add the squared difference from each reading to its sum."""
    for name, read in readings.items():
        errors[name] += float(((shown - read(*layers)) ** 2).sum())


def _chosen(pairs: tuple[Items, ...], which: Callable[[Items], NDArray[np.bool_]]) -> Iterator[tuple[Items, int]]:
    """The items that a mask takes, of all pairs.

    Raises:
        NotTestableError: by the positions that the items state, it takes none.
    """
    chosen = [(items, int(index)) for items in pairs for index in np.flatnonzero(which(items))]
    if not chosen:
        raise NotTestableError("the items state no position of the kind that this needs")
    yield from chosen


def _whole(examination: Examination) -> Judged:
    worst = 0.0
    for items, index in _chosen(read_items(examination), lambda items: items.whole & items.inside):
        wanted = crop(items.truth.layers[0], items.starts[index])
        worst = max(worst, float(np.abs(items.patches[index] - wanted).max() / np.abs(wanted).max()))
    return at_most(worst, _WHOLE, "largest difference from the canvas there: {} of the greatest modulus")


def _subpixel(examination: Examination) -> Judged:
    shifted = unshifted = 0.0
    for items, index in _chosen(read_items(examination), lambda items: ~items.whole & items.inside):
        start = items.starts[index]
        shifted = max(shifted, _difference(items, index, start))
        unshifted = max(unshifted, _difference(items, index, np.floor(start)))
    text = f"relative rms difference from the shifted canvas {shifted:.2g} (at most {_SUBPIXEL:g}), "
    return Judged(shifted <= _SUBPIXEL, f"{text}from the unshifted one {unshifted:.2g}", shifted)


def _difference(items: Items, index: int, start: NDArray[np.float64]) -> float:
    """Relative rms difference of the middle of a patch from the canvas at a start."""
    wanted = crop(items.truth.layers[0], start)[CENTRE, CENTRE]
    return float(np.linalg.norm(items.patches[index][CENTRE, CENTRE] - wanted) / np.linalg.norm(wanted))


def _off_canvas(examination: Examination) -> Judged:
    worst, pixels = 0.0, 0
    for items, index in _chosen(read_items(examination), lambda items: items.whole & ~items.inside):
        there = crop(np.ones_like(items.truth.layers[0]), items.starts[index]) == 0
        pixels += int(there.sum())
        worst = max(worst, float(np.abs(items.quiet["object_amplitude"][index, 0][there]).max()))
    return at_most(worst, _OFF, f"greatest amplitude on {pixels} pixels outside the canvas: {{}}")


PROMISES = (
    Promise(
        "axes",
        "reading pairs",
        "y is the row and grows downwards, x is the column and grows to the right.",
        "An item's position is (y, x) in pixels: probe_position_y_m and probe_position_x_m over pixel_height_m.",
        "run",
        f"Positions relative to each other against eight ways to order and sign them; rms at most {_POSITION_PX:g} px.",
        _axes,
        ("item-shapes",),
    ),
    Promise(
        "frame",
        "reading pairs",
        "Positions are counted from PtychoViT's origin.",
        "position / pixel + round(side/2) + 0.5, rounded half to even, is the array coordinate of patch index (n−1)/2; "
        "so 0 is at 200.5 on 400 and 401 pixels and at 201.5 on 402, one pixel off the geometric centre of an even "
        "side.",
        "run",
        f"Mean offset of the items' positions on canvases of five different sides, at most {_POSITION_PX:g} px.",
        _frame,
        ("axes",),
    ),
    Promise(
        "object",
        "reading pairs",
        "Amplitude and phase are modulus and angle of layer 0 of the object.",
        "`object` is (layer, y, x) complex; only layer 0 is used.",
        "run",
        "Of five readings of the amplitude and six of the phase, this one differs least, at the stated positions.",
        _object,
        ("item-shapes",),
    ),
    Promise(
        "patch-whole",
        "reading pairs",
        "On whole pixels the patch is the canvas there, to the pixel.",
        "The patch starts at position − (n−1)/2.",
        "run",
        f"Every pixel of the patches at the positions that the items state, to {_WHOLE:g} of the greatest modulus.",
        _whole,
        ("object",),
    ),
    Promise(
        "patch-subpixel",
        "reading pairs",
        "Between pixels the patch is shifted, not rounded.",
        "The start is floored, the rest is a Fourier shift.",
        "run",
        f"Middle 128 pixels against our own shift of the canvas, relative rms at most {_SUBPIXEL:g}.",
        _subpixel,
        ("patch-whole",),
    ),
    Promise(
        "off-canvas",
        "reading pairs",
        "Outside the canvas the object is 0.",
        "A patch that hangs over the edge is filled with zeros, without a word.",
        "run",
        f"Amplitude there, at most {_OFF:g}.",
        _off_canvas,
        ("patch-whole",),
    ),
)
