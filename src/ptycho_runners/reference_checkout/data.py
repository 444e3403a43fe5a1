"""Pairs of HDF5 files as a dataset: one item per diffraction pattern."""

from __future__ import annotations

import bisect
import os
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from model.model import N
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset
from utils.frame import extract_patch, positions_px
from utils.normalization import normalization_of
from utils.randomness import fresh_generator

REQUIRED = ("object", "probe", "probe_position_x_m", "probe_position_y_m")
Item = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


class Pair:
    """One open pair: `<name>_dp.hdf5` and `<name>_para.hdf5`.

    Attributes:
        name: file name without `_dp`.
        n_patterns: number of patterns.
        centres_px: float64 (n, 2), [y, x], see `utils.frame.positions_px`.
        probe: complex64 (M, N, N), OPR row 0, M padded with dark modes up to ``max_probe_modes``.

    """

    def __init__(self, dp_path: Path, cache_object: bool, max_probe_modes: int) -> None:
        self.name = dp_path.stem.removesuffix("_dp")
        self.dp_path, self.para_path = dp_path, para_path_of(dp_path)
        self._dp_file = _open(self.dp_path)
        self._para_file = _open(self.para_path)
        if "dp" not in self._dp_file:
            raise KeyError(f"Missing diffraction patterns 'dp' in {self.dp_path}")
        missing = [key for key in REQUIRED if key not in self._para_file]
        if missing:
            raise KeyError(f"Missing required keys in {self.para_path}: {missing}")
        self._dp = self._dp_file["dp"]
        self._object = self._para_file["object"]
        self._check_patterns()
        self.n_patterns = int(self._dp.shape[0])
        self.probe = self._read_probe(max_probe_modes)
        self.centres_px = self._read_positions()
        self._cached: NDArray[np.complex64] | None = self._read_object() if cache_object else None

    def pattern(self, index: int) -> NDArray[np.float64]:
        """Intensity (N, N) of one pattern."""
        return np.asarray(self._dp[index], dtype=np.float64)

    def patch(self, index: int) -> NDArray[np.complex64]:
        """Object patch (N, N) under one pattern; 0 outside the object.

        Raises:
            ValueError: when the patch does not touch the object at all.

        """
        field = self._read_object() if self._cached is None else self._cached
        return extract_patch(field, self.centres_px[index], N)

    def amplitude_range(self) -> tuple[float, float]:
        """1st and 99th percentile of the object's modulus."""
        modulus = np.abs(self._read_object() if self._cached is None else self._cached)
        low, high = np.percentile(modulus, [1, 99])
        return float(low), float(high)

    def _check_patterns(self) -> None:
        """Refuse counts and shapes that do not fit.

        Raises:
            ValueError: naming both numbers or the shape.

        """
        positions = self._para_file["probe_position_x_m"].shape[0]
        if self._dp.shape[0] != positions:
            raise ValueError(
                f"Mismatch in number of patterns: {self._dp.shape[0]} diffraction patterns vs "
                f"{positions} probe positions"
            )
        if self._dp.shape[1:] != (N, N):
            raise ValueError(
                f"dp in {self.dp_path} has the shape {self._dp.shape}, expected (n, {N}, {N}): the reference "
                "checkout is made for this size only, because its window, token grid and weights are"
            )

    def _read_probe(self, max_probe_modes: int) -> NDArray[np.complex64]:
        """OPR row 0 with dark modes appended, never truncated."""
        stored = self._para_file["probe"]
        if stored.ndim != 4:
            raise ValueError(f"Expected probe shape (1, N, H, W), got {stored.shape}")
        if stored.dtype.kind != "c":
            raise ValueError(f"probe in {self.para_path} must be complex, it is {stored.dtype}")
        if stored.shape[-2:] != (N, N):
            raise ValueError(f"probe in {self.para_path} has the shape {stored.shape}, expected {N} × {N} pixels")
        modes = np.asarray(stored[0], dtype=np.complex64)
        dark = max(0, max_probe_modes - len(modes))
        return np.pad(modes, ((0, dark), (0, 0), (0, 0)))

    def _read_positions(self) -> NDArray[np.float64]:
        """Positions in pixels of the object array."""
        pixel_m = float(np.asarray(self._object.attrs["pixel_height_m"]).reshape(-1)[0])
        y_m, x_m = (self._para_file[f"probe_position_{axis}_m"][()].reshape(-1) for axis in "yx")
        return positions_px(y_m, x_m, pixel_m, self._object.shape[-2:])

    def _read_object(self) -> NDArray[np.complex64]:
        """Layer 0 of the object (H, W)."""
        return np.asarray(self._object[0], dtype=np.complex64)


class PtychographyDataset(Dataset[Item]):
    """The patterns of one pair.

    An item is (diffraction amplitude, amplitude patch, phase patch: float32 (1, N, N); probe: complex64
    (1, M, N, N); position: float64 (2,), [y, x] in pixels; normalization, scale: float32 scalars). The
    diffraction amplitude is sqrt(Poisson(dp / normalization · scale)), or without the Poisson step.

    Args:
        file_path: the `_dp.hdf5` or the `_para.hdf5` file.
        scale: counts that an intensity of `normalization` stands for.
        normalization_dict_path: pickle of object name to maximum; see `utils.normalization`.
        apply_noise: draw fresh Poisson noise for every item.
        cache_object: keep the object in memory.
        max_probe_modes: dark modes are appended up to this number.
        noise_seed: reference only. With a seed an item has the same noise every time; without one the noise
            is fresh and follows torch's seed.

    Attributes:
        object_name: file name without `_dp`.
        normalization: number that the patterns are divided by.
        pair: the open files.

    Raises:
        FileNotFoundError: when the file or its partner is absent.
        ValueError: for names, shapes, units or positions that cannot be used.
        KeyError: when members are missing.

    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        scale: float = 1e5,
        normalization_dict_path: str | os.PathLike[str] | None = None,
        apply_noise: bool = True,
        cache_object: bool = True,
        max_probe_modes: int = 8,
        noise_seed: int | None = None,
    ) -> None:
        self.pair = Pair(dp_path_of(Path(file_path)), cache_object, max_probe_modes)
        self.object_name = self.pair.name
        normalization_path = None if normalization_dict_path is None else Path(normalization_dict_path)
        self.normalization = normalization_of(self.object_name, normalization_path)
        self.scale, self.apply_noise, self.noise_seed = float(scale), apply_noise, noise_seed

    def __len__(self) -> int:
        """Number of patterns."""
        return self.pair.n_patterns

    def __getitem__(self, index: int) -> Item:
        """Return one item, see the class.

        Raises:
            IndexError: beyond the last pattern.

        """
        if not 0 <= index < len(self):
            raise IndexError(f"pattern {index} of {len(self)}")
        counts = self.pair.pattern(index) / self.normalization * self.scale
        if self.apply_noise:
            counts = self._generator(index).poisson(counts)
        patch = self.pair.patch(index)
        return (
            torch.from_numpy(np.sqrt(counts).astype(np.float32))[None],
            torch.from_numpy(np.abs(patch))[None],
            torch.from_numpy(np.angle(patch))[None],
            torch.from_numpy(self.pair.probe)[None],
            torch.from_numpy(self.pair.centres_px[index]),
            torch.tensor(self.normalization, dtype=torch.float32),
            torch.tensor(self.scale, dtype=torch.float32),
        )

    def _generator(self, index: int) -> np.random.Generator:
        """Source of an item's noise; with a seed, another one for each pattern of each object."""
        if self.noise_seed is None:
            return fresh_generator()
        return np.random.default_rng([self.noise_seed, zlib.crc32(self.object_name.encode()), index])


class CombinedDataset(ConcatDataset[Item]):
    """The patterns of every pair in a directory (not its subdirectories), by name, or of one pair.

    Args:
        file_paths: a directory, or a `_dp.hdf5` or `_para.hdf5` file.
        keywords: those of `PtychographyDataset`, for each pair.

    Raises:
        FileNotFoundError: when the directory has no pair; see also `PtychographyDataset`.

    """

    datasets: list[PtychographyDataset]

    def __init__(self, file_paths: str | os.PathLike[str], **keywords: Any) -> None:
        path = Path(file_paths)
        found = pairs_in(path) if path.is_dir() else [path]
        super().__init__([PtychographyDataset(file_path=str(one), **keywords) for one in found])

    def number_of(self, index: int) -> int:
        """Number of the pair, in ``datasets``, that a pattern belongs to."""
        return bisect.bisect_right(self.cumulative_sizes, index)


def pairs_in(folder: Path) -> list[Path]:
    """Every `_dp.hdf5` in a directory that has its partner, by name; the others are named on stdout.

    Raises:
        FileNotFoundError: when there is none.

    """
    found = []
    for dp_path in sorted(folder.glob("*_dp.hdf5")):
        if para_path_of(dp_path).is_file():
            found.append(dp_path)
        else:
            print(f"Warning: Skipping {dp_path}: {para_path_of(dp_path).name} not found", flush=True)
    if not found:
        raise FileNotFoundError(f"no pair *_dp.hdf5, *_para.hdf5 in {folder}")
    return found


def dp_path_of(path: Path) -> Path:
    """The `_dp` file of the pair that a path names.

    Raises:
        ValueError: when the name is not of a pair.
        FileNotFoundError: when a half is absent.

    """
    if path.suffix != ".hdf5":
        raise ValueError(f"expected a file *.hdf5, got {path}")
    if not path.stem.endswith(("_dp", "_para")):
        raise ValueError(f"expected a name *_dp.hdf5 or *_para.hdf5, got {path}")
    stem = path.stem.removesuffix("_dp").removesuffix("_para")
    dp_path = path.with_name(f"{stem}_dp.hdf5")
    for half in (dp_path, para_path_of(dp_path)):
        if not half.is_file():
            raise FileNotFoundError(f"File not found: {half}")
    return dp_path


def para_path_of(dp_path: Path) -> Path:
    """The partner of a `_dp` file."""
    return dp_path.with_name(f"{dp_path.stem.removesuffix('_dp')}_para.hdf5")


def _open(path: Path) -> Any:
    """Open for reading beside a writer, and keep open."""
    return h5py.File(path, "r", libver="latest", swmr=True)
