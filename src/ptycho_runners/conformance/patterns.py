"""Promises about the patterns in the dataset's items: intensity, normalization, noise, zero frequency."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ptycho_runners.conformance.data import N
from ptycho_runners.conformance.examination import MAX_PROBE_MODES, SCALE
from ptycho_runners.conformance.items import Items, read_items
from ptycho_runners.conformance.promise import Judged, Promise, at_most

if TYPE_CHECKING:
    from ptycho_runners.conformance.examination import Examination

_SLOPE, _QUIET, _ENERGY, _ENTRY, _NOISE = 0.02, 1e-4, 1e-3, 1e-6, 0.05
_BRIGHT = 0.01  # of the brightest pixel: there, noise changes no exponent

_IMAGE = (1, N, N)
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "diffraction_amplitude": _IMAGE,
    "object_amplitude": _IMAGE,
    "object_phase": _IMAGE,
    "probe": (None, None, N, N),
    "centre_px": (2,),
    "normalization": (),
    "scale": (),
}


def _shapes(examination: Examination) -> Judged:
    ran = examination.examined
    if not ran.finished:
        return Judged(False, ran.trouble)
    wrong = [text for items in read_items(examination) for text in _wrong_shapes(items)]
    return Judged(not wrong, "; ".join(wrong) or f"{len(_SHAPES)} arrays an item, as stated")


def _wrong_shapes(items: Items) -> Iterator[str]:
    for name, wanted in _SHAPES.items():
        found = items.quiet[name]
        sizes = found.shape[1:]
        fits = len(sizes) == len(wanted) and all(w in (None, s) for w, s in zip(wanted, sizes, strict=True))
        if not fits or len(found) != len(items.truth.dp):
            shown = " × ".join("any" if size is None else str(size) for size in wanted) or "a number"
            yield f"{name} of {items.truth.paths.name} is {found.shape}, not {len(items.truth.dp)} items of {shown}"
        elif np.iscomplexobj(found) != (name == "probe"):
            yield f"{name} is {found.dtype}"


def _measured(items: Items) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(item, n·n) quiet amplitudes and stored intensities, each in ascending order: any place of a pixel will do."""
    amplitudes = items.quiet["diffraction_amplitude"].astype(np.float64).reshape(len(items.truth.dp), -1)
    intensities = items.truth.dp.astype(np.float64).reshape(len(items.truth.dp), -1)
    return np.sort(amplitudes, axis=1), np.sort(intensities, axis=1)


def _intensity(examination: Examination) -> Judged:
    amplitude, intensity = (np.concatenate(each) for each in zip(*map(_measured, read_items(examination)), strict=True))
    bright = (intensity > _BRIGHT * intensity.max(axis=1, keepdims=True)) & (amplitude > 0)
    if not bright.any():
        return Judged(False, "the items are empty")
    # One factor for each pattern, so that only the power is left to compare.
    x, y = (_without_mean(np.log(np.where(bright, values, 1.0)), bright) for values in (intensity, amplitude))
    slope = float((x * y).sum() / (x * x).sum())
    return Judged(abs(slope - 0.5) <= _SLOPE, f"item ∝ dp^{slope:.3f} (0.5 ± {_SLOPE:g})", slope)


def _without_mean(values: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    mean = np.sum(values, axis=1, where=mask, keepdims=True) / mask.sum(axis=1, keepdims=True).clip(1)
    return np.where(mask, values - mean, 0.0)


def _quiet(examination: Examination) -> Judged:
    worst = 0.0
    for amplitude, intensity in map(_measured, read_items(examination)):
        expected = np.sqrt(intensity)
        factor = np.linalg.norm(amplitude, axis=1, keepdims=True) / np.linalg.norm(expected, axis=1, keepdims=True)
        worst = max(worst, float((np.abs(amplitude / factor - expected).max(axis=1) / expected.max(axis=1)).max()))
    return at_most(worst, _QUIET, "largest difference from a multiple of sqrt(dp): {} of the brightest amplitude")


def _entry(examination: Examination) -> Judged:
    worst, shown = 0.0, ""
    for items in read_items(examination):
        wanted = {"normalization": items.truth.normalization, "scale": SCALE}
        for name, value in wanted.items():
            used = float(items.quiet[name].astype(np.float64).reshape(-1)[0])
            if abs(used / value - 1) > worst:
                worst, shown = abs(used / value - 1), f"; {name} of {items.truth.paths.name}: {used:g}, not {value:g}"
    judged = at_most(worst, _ENTRY, "largest relative difference from the entries and the scale: {}")
    return judged if judged.kept else Judged(False, judged.measured + shown, worst)


def _used(examination: Examination) -> Judged:
    worst = 0.0
    for items in read_items(examination):
        counts = items.quiet["diffraction_amplitude"].astype(np.float64) ** 2
        norm, scale = (items.quiet[name].astype(np.float64).reshape(-1) for name in ("normalization", "scale"))
        expected = items.truth.dp.astype(np.float64).sum(axis=(1, 2)) / norm * scale
        worst = max(worst, float(np.abs(counts.sum(axis=(1, 2, 3)) / expected - 1).max()))
    return at_most(worst, _ENERGY, "largest relative difference of Σ item² from Σ dp/normalization·scale: {}")


def _orientation(examination: Examination) -> Judged:
    found: dict[str, list[float]] = {}
    for items in read_items(examination):
        shown = items.quiet["diffraction_amplitude"].ravel()
        for name, stored in _orientations(np.sqrt(items.truth.dp.astype(np.float64))).items():
            found.setdefault(name, []).append(float(np.corrcoef(shown, stored.ravel())[0, 1]))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    best = max(means, key=lambda name: means[name])
    second = max(value for name, value in means.items() if name != best)
    text = f"the items look most like dp {best}: correlation {means[best]:.4f}, the next {second:.4f}"
    return Judged(best == "as stored", text, means[best])


def _orientations(stored: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The patterns as they could be turned, by name."""
    turned = {
        "as stored": stored,
        "transposed": stored.swapaxes(1, 2),
        "upside down": stored[:, ::-1],
        "left to right": stored[:, :, ::-1],
        "turned by 180°": stored[:, ::-1, ::-1],
    }
    shifted = {"with the zero frequency in the corner": np.fft.fftshift(stored, axes=(1, 2))}
    return turned | shifted


def _noise(examination: Examination) -> Judged:
    deviation = energy = 0.0
    for items in read_items(examination):
        expected = items.quiet["diffraction_amplitude"].astype(np.float64) ** 2
        deviation += float(((items.noisy["diffraction_amplitude"].astype(np.float64) ** 2 - expected) ** 2).sum())
        energy += float(expected.sum())
    ratio = deviation / energy
    text = f"variance of the counts over their mean: {ratio:.3f} (1 ± {_NOISE:g})"
    return Judged(abs(ratio - 1) <= _NOISE, text, ratio)


def _probe_row(examination: Examination) -> Judged:
    worst = 0.0
    for items in read_items(examination):
        row = items.truth.probe[0]
        shown = items.quiet["probe"][:, 0, : len(row)]
        if shown.shape[1] < len(row):
            return Judged(False, f"{shown.shape[1]} modes of {len(row)} are left")
        worst = max(worst, float(np.abs(shown - row).max() / np.abs(row).max()))
    return at_most(worst, 1e-5, "largest difference from OPR row 0: {} of the brightest point")


def _probe_padding(examination: Examination) -> Judged:
    for items in read_items(examination):
        probe, given = items.quiet["probe"][:, 0], items.truth.probe.shape[1]
        if probe.shape[1] != MAX_PROBE_MODES:
            return Judged(False, f"{probe.shape[1]} modes, not {MAX_PROBE_MODES}", probe.shape[1])
        if np.any(probe[:, given:] != 0):
            return Judged(False, f"the modes from number {given} on are not dark")
    return Judged(True, f"{MAX_PROBE_MODES} modes, those after the file's are 0", MAX_PROBE_MODES)


PROMISES = (
    Promise(
        "item-shapes",
        "reading pairs",
        "The dataset opens a pair and gives items of the known shapes.",
        "An item is diffraction amplitude, object amplitude, object phase (1, 256, 256); probe (OPR rows, modes, 256, "
        "256), complex, at least row 0; position (2,); normalization; scale. Integer and real intensities, several "
        "layers and several OPR rows are allowed.",
        "run",
        "Every item of three generated pairs.",
        _shapes,
    ),
    Promise(
        "intensity",
        "reading pairs",
        "What is stored as `dp` is taken for intensity.",
        "The diffraction amplitude of an item is sqrt(dp / normalization · scale).",
        "run",
        f"Exponent in item ∝ dp^k over all pixels brighter than {_BRIGHT:g} of the maximum: 0.5 ± {_SLOPE:g}.",
        _intensity,
        ("item-shapes",),
    ),
    Promise(
        "quiet",
        "reading pairs",
        "With `apply_noise=False` an item has no noise.",
        "Test items never get noise; with it, a measured pattern would have it twice.",
        "run",
        f"Quiet items are a multiple of sqrt(dp), to {_QUIET:g} of the brightest amplitude.",
        _quiet,
        ("intensity",),
    ),
    Promise(
        "noise",
        "reading pairs",
        "With `apply_noise=True` an item has Poisson noise.",
        "sqrt(Poisson(dp / normalization · scale)), fresh for every item; `main.py` asks for it in training and "
        "validation.",
        "run",
        f"Variance of the counts over their mean, over all pixels: 1 ± {_NOISE:g}.",
        _noise,
        ("quiet",),
    ),
    Promise(
        "normalization-entry",
        "reading pairs",
        "Each pair gets the entry of its own name, and the configured scale.",
        "The entry is looked up by the stem of the dp file without `_dp`. Where none is found the flat checkout goes "
        "on with 100000.0, silently or after a printed line.",
        "run",
        f"The item's normalization and scale, to {_ENTRY:g}; the entries differ from each other and from the maxima.",
        _entry,
        ("item-shapes",),
    ),
    Promise(
        "normalization-used",
        "reading pairs",
        "The pattern is divided by the normalization that the item states, and multiplied by its scale.",
        "counts = dp / normalization · scale.",
        "run",
        f"Energy of an item against that of its pattern, to {_ENERGY:g}.",
        _used,
        ("intensity",),
    ),
    Promise(
        "zero-frequency",
        "reading pairs",
        "Patterns are neither shifted nor turned.",
        "The zero frequency is at index n/2 in the file and in the item.",
        "run",
        "Of six ways to turn or shift the patterns, `as stored` correlates best with the items.",
        _orientation,
        ("item-shapes",),
    ),
    Promise(
        "probe-row",
        "reading pairs",
        "OPR row 0 of the probe enters the physics, its modes in the order of the file.",
        "The stored probe is (OPR, mode, y, x); only row 0 is used.",
        "read",
        "First modes of the item against row 0, to 1e-5 of the brightest point; row 1 is another probe.",
        _probe_row,
        ("item-shapes",),
    ),
    Promise(
        "probe-padding",
        "reading pairs",
        "The mode axis is filled up with dark modes to `max_probe_modes`, at its end.",
        "Pairs of different mode counts share a batch only so; a count above `max_probe_modes` is never cut.",
        "run",
        f"Two modes in the file give {MAX_PROBE_MODES} in the item, the others exactly 0.",
        _probe_padding,
        ("probe-row",),
    ),
)
