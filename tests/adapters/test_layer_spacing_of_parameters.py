"""Distances between layers are read for an object that has layers, whatever else lies in the file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_adapters.codec import ReadOptions
from ptycho_adapters.parameters import read_parameters
from ptycho_contracts.sources.hdf5 import Hdf5Source


@pytest.mark.parametrize(
    ("object_shape", "spacing", "expected"),
    [((8, 8), [0.0], None), ((1, 8, 8), [0.0], None), ((2, 8, 8), [1e-6], [1e-6])],
)
def test_only_an_object_of_several_layers_has_distances(
    tmp_path: Path, object_shape: tuple[int, ...], spacing: list[float], expected: list[float] | None
) -> None:
    with h5py.File(tmp_path / "product.h5", "w") as file:
        file["object"] = np.ones(object_shape, np.complex64)
        file["object"].attrs.update({"pixel_height_m": 1e-8, "pixel_width_m": 1e-8})
        file["probe"] = np.ones((1, 1, 4, 4), np.complex64)
        file["probe_position_y_m"] = file["probe_position_x_m"] = np.zeros(3)
        file["object_layer_spacing_m"] = spacing
    with Hdf5Source(tmp_path / "product.h5", "product") as source:
        read = read_parameters(source, ReadOptions()).layer_spacing_m
    assert (None if read is None else read.tolist()) == expected
