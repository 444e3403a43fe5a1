"""Grid-lines splits with a known truth: `train.npz` and `test.npz` as PtychoPINN 2.0.0 writes them.

By default the files are honest: patterns in the order of the coordinates. The known defects of the real
files can be asked for by name, so that a repair can be tested against a known order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import fft2, fftshift

from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.physics.grid_lines_orders import known_shuffle

from .objects import LineStatistics, random_lines_object
from .probes import zone_plate_probe

Split = dict[str, NDArray[Any]]
"""The members of one npz file by key."""

_MAX_SEED = 2**32

# What `write_grid_lines` writes into a folder.
FILES = ("train.npz", "test.npz")


@dataclass(frozen=True, slots=True)
class Defects:
    """Known defects of real grid-lines files, reproduced on request.

    Attributes:
        shuffle: permute the patterns of the train split by PtychoPINN's known shuffle, not the coordinates.
        repeat_coordinates: with several objects, repeat each position (p0, p0, p1, p1, …) while patterns
            lie object by object.
        axes: axis 2 of ``coords_offsets``: "yx" as synthetic lines, "xy" as external files write it.

    """

    shuffle: bool = False
    repeat_coordinates: bool = False
    axes: Literal["yx", "xy"] = "yx"


@dataclass(frozen=True, slots=True)
class GridLinesSettings:
    """What to simulate.

    Attributes:
        N: detector size in pixels, even.
        size: side of the objects in pixels, at least N.
        step_px: distance between neighbouring scan positions (of groups for gridsize 2).
        n_train_objects: objects in the train split.
        n_test_objects: objects in the test split.
        photons: mean count per pattern of the train split; the test split has the same scale.
        seed: 0 … 2³²-1; the same settings and seed give the same files.
        gridsize: 1, or 2 for four patterns per group in the last axis.
        group_offset_px: distance of the patterns inside a group, for gridsize 2.
        statistics: what the objects look like.
        defects: what is wrong with the files, see `Defects`.

    """

    N: int = 64
    size: int = 160
    step_px: int = 10
    n_train_objects: int = 1
    n_test_objects: int = 1
    photons: float = 1e6
    seed: int = 0
    gridsize: Literal[1, 2] = 1
    group_offset_px: int = 4
    statistics: LineStatistics = field(default_factory=LineStatistics)
    defects: Defects = field(default_factory=Defects)

    def __post_init__(self) -> None:
        """Refuse settings that leave no room for a scan.

        Raises:
            ValueError: naming the first setting that cannot be met.

        """
        group_px = self.N + self.group_offset_px * (self.gridsize - 1)
        problems = {
            f"N must be even and at least 16, got {self.N}": self.N < 16 or self.N % 2,
            f"size {self.size} has no room for one position of {group_px} px": self.size < group_px,
            f"step_px must be positive, got {self.step_px}": self.step_px < 1,
            "each split needs at least one object": min(self.n_train_objects, self.n_test_objects) < 1,
            f"photons must be positive and finite, got {self.photons}": not 0 < self.photons < np.inf,
            f"seed must be in 0 … 2³²-1, got {self.seed}": not 0 <= self.seed < _MAX_SEED,
            f"gridsize must be 1 or 2, got {self.gridsize}": self.gridsize not in (1, 2),
        }
        for problem, is_met in problems.items():
            if is_met:
                raise ValueError(problem)


class GridLines(NamedTuple):
    """Both splits in memory."""

    train: Split
    test: Split


def simulate_grid_lines(
    settings: GridLinesSettings | None = None, probe: NDArray[np.complexfloating[Any, Any]] | None = None
) -> GridLines:
    """Simulate a train and a test split.

    The exit wave is object patch times probe, the detector sees the unitary Fourier transform of it with
    zero frequency at index N/2, Poisson noise acts on the counts, and ``diffraction`` is the square root of
    the counts over the intensity scale (the ``diffraction`` of the real files is made so).

    Args:
        settings: sizes, dose and seed; the defaults (N=64) when None.
        probe: complex (N, N); the zone plate's default probe when None.

    Returns:
        Both splits with the keys, shapes and dtypes of the real files. ``_metadata`` is a plain JSON
        string, not a pickled object. ``coords_offsets`` has [y, x] on axis 2, the absolute pixel of each
        patch's centre (index (N-1)/2), and several objects lie one after the other.

    Raises:
        ValueError: when the probe's shape is not (N, N) or it is empty.

    """
    settings = settings or GridLinesSettings()
    probe = _scaled_probe(settings.N, probe)
    object_seed, noise_seed = np.random.SeedSequence(settings.seed).spawn(2)
    rng = np.random.default_rng(object_seed)
    objects = [
        random_lines_object(settings.size, rng, settings.statistics)
        for _ in range(settings.n_train_objects + settings.n_test_objects)
    ]
    train, test = objects[: settings.n_train_objects], objects[settings.n_train_objects :]
    patterns = np.random.default_rng(noise_seed)
    scale = _intensity_scale(settings, train, probe)
    train_split = _split(settings, train, probe, scale, patterns)
    test_split = _split(settings, test, probe, scale, patterns)
    test_split |= _truth(settings, test)
    if settings.defects.shuffle:
        order = known_shuffle(len(train_split["diffraction"]))
        for key in ("diffraction", "Y_I", "Y_phi"):
            train_split[key] = train_split[key][order]
    return GridLines(train_split, test_split)


def write_grid_lines(
    folder: Path,
    settings: GridLinesSettings | None = None,
    probe: NDArray[np.complexfloating[Any, Any]] | None = None,
) -> tuple[Path, Path]:
    """Simulate and write ``train.npz`` and ``test.npz`` into a folder, each whole or not at all.

    Args:
        folder: created when absent.
        settings: see `simulate_grid_lines`.
        probe: see `simulate_grid_lines`.

    Returns:
        Paths of the train and the test file.

    Raises:
        ValueError: see `simulate_grid_lines`.
        OSError: when the folder cannot be written.

    """
    splits = simulate_grid_lines(settings, probe)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / FILES[0], folder / FILES[1]
    for path, split in zip(paths, splits, strict=True):
        with atomic_path(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **split)
    return paths


def _scaled_probe(N: int, probe: NDArray[np.complexfloating[Any, Any]] | None) -> NDArray[np.complex64]:
    """The probe scaled to an energy of (N/2)², or the default one."""
    probe = zone_plate_probe(N) if probe is None else np.asarray(probe)
    if probe.shape != (N, N):
        raise ValueError(f"the probe must have the shape {(N, N)}, got {probe.shape}")
    norm = float(np.linalg.norm(probe))
    if not 0 < norm < np.inf:
        raise ValueError("the probe is empty or not finite")
    return np.asarray(probe * (N / 2 / norm), dtype=np.complex64)


def _starts(settings: GridLinesSettings) -> NDArray[np.int64]:
    """First row and column of each patch, (positions, 2, C), row-major over the scan, [y, x]."""
    inner = settings.group_offset_px * np.arange(settings.gridsize)
    line = np.arange(0, settings.size - settings.N - inner[-1] + 1, settings.step_px)
    group = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2, 1)
    return np.asarray(group + np.stack(np.meshgrid(inner, inner, indexing="ij")).reshape(1, 2, -1))


def _patches(settings: GridLinesSettings, objects: list[NDArray[np.complex64]]) -> NDArray[np.complex64]:
    """Object patches (n, C, N, N), object by object in the order of the positions."""
    starts = _starts(settings)
    windows = (sliding_window_view(whole, (settings.N, settings.N)) for whole in objects)
    return np.concatenate([window[starts[:, 0], starts[:, 1]] for window in windows])


def _far_field(exit_waves: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Unitary Fourier transform over the last two axes, zero frequency at N/2."""
    return np.asarray(fftshift(fft2(exit_waves, norm="ortho"), axes=(-2, -1)))


def _amplitude_norm(patches: NDArray[np.complex64]) -> float:
    """Mean over the patches of their greatest modulus: the ``norm_Y_I`` of the real files."""
    return float(np.abs(patches).max(axis=(-2, -1)).mean())


def _intensity_scale(
    settings: GridLinesSettings, objects: list[NDArray[np.complex64]], probe: NDArray[np.complex64]
) -> float:
    """Square root of counts per unit intensity, so that the mean pattern of these objects has the dose."""
    patches = _patches(settings, objects)
    # The transform is unitary: the energy on the detector is that of the exit wave.
    energy = np.mean(np.sum(np.abs(patches * probe) ** 2, axis=(-2, -1), dtype=np.float64))
    return float(np.sqrt(settings.photons / energy) * _amplitude_norm(patches))


def _split(
    settings: GridLinesSettings,
    objects: list[NDArray[np.complex64]],
    probe: NDArray[np.complex64],
    scale: float,
    rng: np.random.Generator,
) -> Split:
    """Every member that both splits have."""
    patches = _patches(settings, objects)
    norm = _amplitude_norm(patches)
    mean_counts = np.abs(_far_field(patches * probe)).astype(np.float64) ** 2 * (scale / norm) ** 2
    amplitude = np.sqrt(rng.poisson(mean_counts)) / scale
    return {
        "diffraction": _channels_last(amplitude),
        "Y_I": _channels_last(np.abs(patches * probe) / norm),
        "Y_phi": _channels_last(np.angle(patches)),
        **_coordinates(settings, len(objects)),
        "YY_full": np.stack(objects)[..., None],
        "probeGuess": probe,
        "probe_simulated": probe,
        "_metadata": np.array(json.dumps(_metadata(settings), sort_keys=True)),
    }


def _channels_last(patterns: NDArray[Any]) -> NDArray[np.float32]:
    """(n, C, N, N) of any real dtype as contiguous float32 (n, N, N, C)."""
    return np.ascontiguousarray(np.moveaxis(patterns, 1, -1), dtype=np.float32)


def _coordinates(settings: GridLinesSettings, n_objects: int) -> Split:
    """Absolute and local coordinates (n, 1, 2, C) of every pattern.

    The local ones are the group's centre minus the pattern's, with [x, y] on axis 2, as in the real files.
    """
    centres = _starts(settings) + (settings.N - 1) / 2
    spread = np.repeat if settings.defects.repeat_coordinates else _tile
    centres = spread(centres, n_objects, axis=0)[:, None].astype(np.float32)
    local = (centres.mean(axis=-1, keepdims=True) - centres)[:, :, ::-1]
    return {
        "coords_nominal": np.ascontiguousarray(local),
        "coords_true": np.ascontiguousarray(local),
        "coords_offsets": np.ascontiguousarray(centres if settings.defects.axes == "yx" else centres[:, :, ::-1]),
    }


def _tile(positions: NDArray[Any], times: int, axis: int) -> NDArray[Any]:
    """The positions once per object, object by object."""
    return np.concatenate([positions] * times, axis=axis)


def _truth(settings: GridLinesSettings, objects: list[NDArray[np.complex64]]) -> Split:
    """The two members that only the test split has.

    The ground truth is one tile of a step around the centre of each group, of the first object: it begins
    inside the object, so it is not in the frame of the coordinates.
    """
    starts = _starts(settings)
    side = settings.step_px * round(np.sqrt(len(starts)))
    group_centre = float(starts[0, 0].mean()) + (settings.N - 1) / 2
    first = max(0, int(np.ceil(group_centre - settings.step_px / 2)))
    return {
        "YY_ground_truth": objects[0][first : first + side, first : first + side, None],
        "norm_Y_I": np.array(_amplitude_norm(_patches(settings, objects))),
    }


def _metadata(settings: GridLinesSettings) -> dict[str, Any]:
    """What the real files say about themselves, without a time or a host: the files are reproducible."""
    return {
        "schema_version": "1.0.0",
        "creation_info": {"script": "ptycho_adapters.simulate.grid_lines"},
        "physics_parameters": {
            "N": settings.N,
            "gridsize": settings.gridsize,
            "nphotons": settings.photons,
        },
        "additional_parameters": {
            "size": settings.size,
            "offset": settings.group_offset_px,
            "step_px": settings.step_px,
            "nimgs_train": settings.n_train_objects,
            "nimgs_test": settings.n_test_objects,
            "seed": settings.seed,
        },
    }
