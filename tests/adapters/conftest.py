from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters.simulate.grid_lines import GridLinesSettings, simulate_grid_lines

# The small files of measurements that the examples of the codes are made of.
sys.path.insert(0, str(Path(__file__).parents[1] / "contracts" / "helpers"))

SHARED = Path(__file__).parents[2] / "../shared/data"

Split = dict[str, NDArray[Any]]
Simulated = Callable[..., Split]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real sample files."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real sample files beside the checkout")
    return SHARED


@cache
def _simulate(split: str, settings: GridLinesSettings) -> Split:
    simulated: Split = getattr(simulate_grid_lines(settings), split)
    return simulated


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    """Members of a simulated train or test split: N=32, dense enough that every pattern is sure."""

    def make(split: str = "train", **settings: Any) -> Split:
        defaults: dict[str, Any] = {"N": 32, "size": 72, "step_px": 8}
        return dict(_simulate(split, GridLinesSettings(**(defaults | settings))))

    return make


@pytest.fixture(scope="session")
def pair() -> Callable[[Path], dict[str, NDArray[Any]]]:
    """All arrays of a pair by plain h5py, from the path of its para file, with the centres in pixels.

    Written from `upstream-ptychovit.md` §2, using nothing of ours: round half to even, plus a half.
    """

    def load(para: Path) -> dict[str, NDArray[Any]]:
        with h5py.File(para) as file, h5py.File(str(para).replace("_para", "_dp")) as patterns:
            pixel = float(file["object"].attrs["pixel_height_m"])
            origin = np.array([round(size / 2) + 0.5 for size in file["object"].shape[1:]])
            position = np.column_stack([file["probe_position_y_m"][()], file["probe_position_x_m"][()]])
            return {
                "dp": patterns["dp"][()],
                "object": file["object"][()],
                "probe": file["probe"][()],
                "centre": position / pixel + origin,
            }

    return load
