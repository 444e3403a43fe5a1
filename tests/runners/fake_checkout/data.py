"""Pairs as datasets."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset

DEFAULT = 100000.0


class PtychographyDataset(Dataset):
    """One pair."""

    def __init__(
        self,
        file_path,
        scale=1e5,
        normalization_dict_path=None,
        apply_noise=True,
        cache_object=True,
        max_probe_modes=8,
    ):
        dp = Path(file_path)
        self.name, self.scale, self.apply_noise, self.modes = dp.stem[:-3], scale, apply_noise, max_probe_modes
        self.normalization = self._look_up(normalization_dict_path)
        self.kept, self.own, self.fake = np.random.default_rng(), np.random.Generator(np.random.PCG64(1)), None
        with h5py.File(dp) as file:
            self.dp = file["dp"][()]
        with h5py.File(dp.with_name(f"{self.name}_para.hdf5")) as file:
            self.probe = file["probe"][0].astype("complex64")
            pixel = float(file["object"].attrs["pixel_height_m"])
            metres = np.stack([file["probe_position_y_m"][()], file["probe_position_x_m"][()]], axis=1)
            self.centre = metres / pixel + np.round(np.array(file["object"].shape[1:]) / 2) + 0.5

    def _look_up(self, path):
        if path is None:
            return DEFAULT
        if not Path(path).is_file():
            print(f"Warning: Normalization file not found at {path}. Using default: {DEFAULT}")
            return DEFAULT
        with open(path, "rb") as stream:
            known = pickle.load(stream)  # noqa: S301
        if self.name not in known:
            print(f"Warning: Object '{self.name}' not found in normalization dictionary. Using default: {DEFAULT}")
        return known.get(self.name, DEFAULT)

    def __len__(self):
        return len(self.dp)

    def __getitem__(self, index):
        counts = self.dp[index] / self.normalization * self.scale
        if self.apply_noise:
            generator = {"kept": self.kept, "own": self.own}.get(self.fake) or np.random.default_rng()
            counts = generator.poisson(counts)
        amplitude = torch.from_numpy(np.sqrt(counts).astype("float32"))[None]
        probe = np.zeros((1, self.modes, *self.probe.shape[-2:]), "complex64")
        probe[0, : len(self.probe)] = self.probe
        centre = torch.from_numpy(self.centre[index])
        zero = torch.zeros_like(amplitude)
        return amplitude, zero + 1, zero, torch.from_numpy(probe), centre, self.normalization, self.scale


class CombinedDataset(torch.utils.data.ConcatDataset):
    """Every pair of a folder."""

    def __init__(self, file_paths, **keywords):
        pairs = []
        for dp in sorted(Path(file_paths).glob("*_dp.hdf5")):
            para = dp.with_name(dp.name.replace("_dp", "_para"))
            if para.exists():
                pairs.append(PtychographyDataset(str(dp), **keywords))
            else:
                print(f"Warning: Skipping {dp.name} - no matching {para.name}")
        super().__init__(pairs)
