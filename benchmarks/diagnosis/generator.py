"""Makes one file of the benchmark: draws an experiment, measures it with noise, makes the mistakes, writes the pair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from .illumination import PROBES, illumination
from .mistakes import Mistake, Orders, Subject, corrupt, frame_in_use, variants
from .optics import CORNER_FRAMES, NAMED_FRAMES, Complex, Real, intensities, near_field, origin_of, patches
from .plan import Spec
from .scans import SCANS, draw_scan
from .specimens import SPECIMENS

DOSES = (3e3, 1e4, 3e4, 1e5, 3e5, 1e6)
WINDOWS = {32: 0.3, 48: 0.3, 64: 0.3, 96: 0.1}
MODES = {1: 0.5, 2: 0.3, 3: 0.2}
DEFAULT_FRAME = "ptychovit"
DOSE_KEPT = 12  # attempts at the dose that is a file's turn; after them any
MARGINS_PX = (9.0, 17.0)  # no sub-pixel sample reaches beyond the canvas
SHIFT_FROM_FRAMES_PX = 0.4  # a shift that a frame could be taken for is no shift


@dataclass(frozen=True)
class Experiment:
    """The truth: what was there, where the beam was, and the expected counts (k, N, N)."""

    object: Complex
    probe: Complex
    centres: Real
    expected: Real
    pixel_m: float
    raster: tuple[int, int] | None
    traits: dict[str, str | int | float]


@dataclass(frozen=True)
class Case:
    """An experiment as it lies in a file with mistakes."""

    spec: Spec
    experiment: Experiment
    mistakes: tuple[Mistake, ...]
    stated_frame: str
    names_frame: bool
    orders: Orders
    stored: Subject

    @property
    def slugs(self) -> tuple[str, ...]:
        """The truth in words."""
        return tuple(mistake.slug for mistake in self.mistakes)


class Tuning(NamedTuple):
    """What makes a file undecidable; `contrast` is how much is left of what would decide, the dose in counts."""

    dose: float | None = None
    flatten: bool = False
    symmetric_under: Mistake | None = None
    contrast: float = 0.0
    corrupted: bool = True


def random_stream(seed: int, spec: Spec, attempt: int) -> np.random.Generator:
    """The generator of an attempt at a case; the same for the same numbers."""
    return np.random.default_rng([seed, 1 + spec.number, attempt])


def draw_case(seed: int, spec: Spec, attempt: int, tuning: Tuning | None = None) -> Case:
    """The case that belongs to a seed, a specification and the number of the attempt."""
    rng = random_stream(seed, spec, attempt)
    slugs = [str(rng.choice(choices)) for choices in spec.wanted]
    experiment = _experiment(spec, slugs, attempt, tuning or Tuning(), rng)
    stated = _stated_frame(slugs, rng)
    corrupted = tuning is None or tuning.corrupted
    mistakes = tuple(_chosen(slug, experiment, stated, rng) for slug in slugs if corrupted)
    orders = Orders(experiment.raster, rng.permutation(len(experiment.centres)))
    counts = rng.poisson(experiment.expected).astype(np.float64)
    origin = origin_of(frame_in_use(mistakes, stated), experiment.object.shape, experiment.probe.shape[-1])
    right = Subject(
        experiment.centres - origin, experiment.pixel_m, experiment.object, experiment.probe, patterns=counts
    )
    names_frame = stated != DEFAULT_FRAME or rng.random() < 0.2
    return Case(spec, experiment, mistakes, stated, names_frame, orders, corrupt(right, mistakes, orders))


def _experiment(spec: Spec, slugs: list[str], attempt: int, tuning: Tuning, rng: np.random.Generator) -> Experiment:
    window = int(rng.choice(list(WINDOWS), p=list(WINDOWS.values())))
    rastered = any(slug in ("order:columns-first", "order:snake") for slug in slugs)
    scan_kind = str(rng.choice(SCANS[:2] if rastered else SCANS))
    scan = draw_scan(scan_kind, window, rng)
    shape, centres = _canvas(spec, scan.positions, window, rng)
    kind, probe_kind = str(rng.choice(list(SPECIMENS))), str(rng.choice(list(PROBES)))
    modes = int(rng.choice(list(MODES), p=list(MODES.values())))
    specimen = SPECIMENS[kind](shape, rng)
    object_, probe = _weakened(specimen, illumination(probe_kind, window, modes, rng), tuning)
    dose = tuning.dose or DOSES[(spec.number if attempt < DOSE_KEPT else int(rng.integers(len(DOSES)))) % len(DOSES)]
    pixel = float(10 ** rng.uniform(-8.3, -7.2))
    unscaled = _measured(spec, object_, probe, centres, rng)
    factor = dose / unscaled.sum(axis=(1, 2)).mean()
    traits: dict[str, str | int | float] = {"N": window, "patterns": len(centres), "scan": scan_kind, "object": kind}
    traits |= {"probe": probe_kind, "modes": modes, "dose": dose, "canvas": f"{shape[0]}x{shape[1]}"}
    stored_object = object_.astype(np.complex64).astype(complex)
    stored_probe = (probe * np.sqrt(factor)).astype(np.complex64).astype(complex)
    return Experiment(stored_object, stored_probe, centres, unscaled * factor, pixel, scan.raster, traits)


def _canvas(spec: Spec, positions: Real, window: int, rng: np.random.Generator) -> tuple[tuple[int, int], Real]:
    """A canvas (H, W) around a scan, and the patch centres on it; the scan is never quite in its middle."""
    margin = rng.uniform(*MARGINS_PX, (2, 2))
    low, high = positions.min(axis=0), positions.max(axis=0)
    sizes = np.ceil(high - low + window + margin.sum(axis=0)).astype(int)
    if spec.parity is not None:
        sizes += (sizes + spec.parity) % 2
    if spec.group == "near symmetric":  # a transposed canvas has the same shape
        sizes[:] = sizes.max()
    return (int(sizes[0]), int(sizes[1])), positions - low + (window - 1) / 2 + margin[0]


def _measured(spec: Spec, object_: Complex, probe: Complex, centres: Real, rng: np.random.Generator) -> Real:
    if spec.group != "near field":
        return intensities(object_, probe, centres)
    fresnel_number = rng.uniform(0.03, 0.15)
    at = patches(object_, centres, probe.shape[-1])
    return np.asarray(sum(near_field(at * mode, fresnel_number) for mode in probe))


def _weakened(object_: Complex, probe: Complex, tuning: Tuning) -> tuple[Complex, Complex]:
    """Object and probe with the flatness or symmetry of the tuning, but for its contrast."""
    if tuning.flatten:
        return 1 + tuning.contrast * (object_ - object_.mean()), probe
    if tuning.symmetric_under is None:
        return object_, probe
    subject = Subject(np.zeros((0, 2)), 1.0, object_, probe)
    twin = corrupt(subject, [tuning.symmetric_under], Orders(None, np.zeros(0, np.intp)))

    def halves(field: Complex, other: Complex) -> Complex:
        return np.asarray((field + other) / 2 + tuning.contrast * (field - other) / 2)

    return halves(object_, twin.object), halves(probe, twin.probe)


def _stated_frame(slugs: list[str], rng: np.random.Generator) -> str:
    """Mostly the default; never the frame that the mistake consists of."""
    mistaken = {slug.removeprefix("frame:") for slug in slugs}
    possible = [name for name in NAMED_FRAMES if name not in mistaken]
    if DEFAULT_FRAME in possible and rng.random() < 0.65:
        return DEFAULT_FRAME
    return str(rng.choice(possible))


def _chosen(slug: str, experiment: Experiment, stated: str, rng: np.random.Generator) -> Mistake:
    """One of the variants of a slug; numbers where it has some to draw."""
    if slug == "shift":
        return Mistake(_shift(experiment, stated, rng))
    choices = variants(slug)
    flips = ("patterns:flipped-y", "patterns:flipped-x")  # a rotation is NumPy's, of the array
    possible = choices if slug in flips or slug.startswith("order") else choices[:1]
    return possible[int(rng.integers(len(possible)))]


def _shift(experiment: Experiment, stated: str, rng: np.random.Generator) -> str:
    shape, window = experiment.object.shape, experiment.probe.shape[-1]
    origin = origin_of(stated, shape, window)
    named = [origin - origin_of(name, shape, window) for name in (*NAMED_FRAMES, *CORNER_FRAMES)]
    while True:
        shift = np.round(rng.uniform(0.6, 5.0, 2) * rng.choice([-1, 1], 2), 2)
        if min(np.hypot(*(shift - other)) for other in named) > SHIFT_FROM_FRAMES_PX:
            return f"shift:{shift[0]:g},{shift[1]:g}"


def write_pair(case: Case, folder: Path, stem: str) -> Path:
    """Writes `<stem>_dp.hdf5` and `<stem>_para.hdf5`; returns the path of the former."""
    stored, rng = case.stored, np.random.default_rng(case.spec.number)
    if stored.patterns is None:
        raise ValueError("a case without patterns has nothing to store")
    counts = "patterns:amplitude" not in case.slugs
    fits = counts and stored.patterns.max() < 2**16
    dtype = rng.choice(["f4", "f4", "u4" if counts else "f8", "u2" if fits else "f4"])
    with h5py.File(folder / f"{stem}_dp.hdf5", "w") as file:
        file["dp"] = stored.patterns.astype(str(dtype))
    with h5py.File(folder / f"{stem}_para.hdf5", "w") as file:
        if case.names_frame:
            file.attrs["ptycho_contracts_frame"] = case.stated_frame
        file["object"] = stored.object[None].astype(np.complex64)
        file["probe"] = stored.probe[None].astype(np.complex64)
        for axis, name in enumerate("yx"):
            file[f"probe_position_{name}_m"] = stored.positions[:, axis] * stored.pixel_m
        for name in ("pixel_height_m", "pixel_width_m"):
            file["object"].attrs[name] = stored.pixel_m
    return folder / f"{stem}_dp.hdf5"
