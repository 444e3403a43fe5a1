"""Items simulated while training, with the probes of the pairs (reference-only section `data.augment`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from data import CombinedDataset, Item
from model.model import N
from model.physics import detector_intensity
from torch.utils.data import Dataset

from utils.lines import LineWorld
from utils.randomness import fresh_generator


@dataclass(frozen=True)
class AugmentOptions:
    """The section ``data.augment``.

    Attributes:
        fraction: share of the items that are simulated, 0 … 1; the others are the pair's own.
        items_per_epoch: length of an epoch; the number of training patterns when None.
        photons: mean count per simulated pattern. When None, the noise is that of the pair's own items:
            the counts are intensity / normalization · scale.
        stock: number of random objects kept at a time; one is renewed every four items.

    """

    fraction: float = 1.0
    items_per_epoch: int | None = None
    photons: float | None = None
    stock: int = 16

    def __post_init__(self) -> None:
        """Refuse values without a meaning.

        Raises:
            ValueError: naming the key.

        """
        if not 0.0 <= self.fraction <= 1.0:
            raise ValueError(f"data.augment.fraction must be in 0 … 1, got {self.fraction}")
        if self.photons is not None and not 0 < self.photons < np.inf:
            raise ValueError(f"data.augment.photons must be positive, got {self.photons}")
        if (self.items_per_epoch is not None and self.items_per_epoch < 1) or self.stock < 1:
            raise ValueError("data.augment.items_per_epoch and stock must be at least 1")


def augment_options(section: dict[str, Any] | None) -> AugmentOptions | None:
    """Read the section; None when it is absent.

    Raises:
        ValueError: for an unknown key or an impossible value.

    """
    if not section:
        return None
    unknown = set(section) - set(AugmentOptions.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown keys in data.augment: {sorted(unknown)}")
    return AugmentOptions(**section)


class AugmentedDataset(Dataset[Item]):
    """Training items of a dataset mixed with simulated ones.

    Args:
        dataset: the pairs; their probes, normalizations and scales make the simulated patterns.
        indices: the patterns of the dataset that belong to training.
        options: see `AugmentOptions`.

    """

    def __init__(self, dataset: CombinedDataset, indices: Sequence[int], options: AugmentOptions) -> None:
        self.dataset, self.indices, self.options = dataset, list(indices), options
        self._worlds: dict[int, LineWorld] = {}
        self._drawn = 0

    def __len__(self) -> int:
        """Items per epoch."""
        return self.options.items_per_epoch or len(self.indices)

    def __getitem__(self, index: int) -> Item:
        """Return a stored or a simulated item.

        Raises:
            IndexError: beyond the last item.

        """
        if not 0 <= index < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        source = self.indices[index % len(self.indices)]
        if fresh_generator().random() >= self.options.fraction:
            return self.dataset[source]
        return self._simulate(self.dataset.number_of(source))

    def _simulate(self, number: int) -> Item:
        """An item of a fresh object with the probe of a pair."""
        source, world = self.dataset.datasets[number], self._world(number)
        self._drawn += 1
        if self._drawn % 4 == 0:
            world.renew()
        patch, probe = world.draw()
        intensity = detector_intensity(patch * probe[None])[0, 0].double().numpy()
        unit = source.scale / source.normalization
        dose = unit if self.options.photons is None else self.options.photons / intensity.sum()
        counts = world.rng.poisson(intensity * dose)
        return (
            torch.from_numpy(np.sqrt(counts * (unit / dose)).astype(np.float32))[None],
            patch.abs()[None],
            patch.angle()[None],
            probe[None],
            torch.full((2,), (N - 1) / 2, dtype=torch.float64),
            torch.tensor(source.normalization, dtype=torch.float32),
            torch.tensor(source.scale, dtype=torch.float32),
        )

    def _world(self, number: int) -> LineWorld:
        """The stock of a pair, made at the first use in this process."""
        if number not in self._worlds:
            probe = torch.from_numpy(self.dataset.datasets[number].pair.probe)
            self._worlds[number] = LineWorld(fresh_generator(), [probe], stock=self.options.stock)
        return self._worlds[number]
