"""A small PtychoViT pair, and every way in which the tests break one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from simulated import Complex, gaussian_probe, intensity, scan_corners, structured_object

PIXEL_M = 1e-8
N = 32
PHOTONS = 3e5
FRAME = "ptycho_contracts_frame"


@dataclass(frozen=True)
class Pair:
    """What is written: arrays by member, attributes by member, attributes of the para file."""

    dp: NDArray[Any]
    para: dict[str, NDArray[Any]]
    attributes: dict[str, dict[str, Any]]
    root: dict[str, Any] = field(default_factory=dict)

    def with_para(self, **members: NDArray[Any]) -> Pair:
        return replace(self, para=self.para | members)

    def with_attributes(self, member: str, **attributes: Any) -> Pair:
        """Attributes changed; None removes one."""
        changed = {k: v for k, v in (self.attributes[member] | attributes).items() if v is not None}
        return replace(self, attributes=self.attributes | {member: changed})

    def without(self, member: str) -> Pair:
        return replace(self, para={k: v for k, v in self.para.items() if k != member})

    @property
    def positions(self) -> NDArray[np.float64]:
        """(scan, 2) metres, (y, x)."""
        return np.column_stack([self.para["probe_position_y_m"], self.para["probe_position_x_m"]])

    def at(self, positions: NDArray[np.float64]) -> Pair:
        """The same with other positions (scan, 2), (y, x)."""
        return self.with_para(probe_position_y_m=positions[:, 0], probe_position_x_m=positions[:, 1])


def simulate_pair(obj: Complex | None = None, seed: int = 0) -> Pair:
    """36 patterns of 32², Poisson noise, positions in PtychoViT's frame, which the file names."""
    obj = structured_object((66, 71), seed) if obj is None else obj
    corners = scan_corners(6, 6, 6, seed + 1)
    probe = gaussian_probe(N)
    clean = np.stack([intensity(obj[y : y + N, x : x + N], probe) for y, x in corners])
    factor = PHOTONS / clean.sum(axis=(1, 2)).mean()
    dp = np.random.default_rng(seed + 2).poisson(clean * factor).astype(np.float32)
    origin = np.array([round(size / 2) + 0.5 for size in obj.shape])
    positions = (corners + (N - 1) / 2 - origin) * PIXEL_M
    pixel = {"pixel_height_m": PIXEL_M, "pixel_width_m": PIXEL_M}
    para = {
        "object": obj[None].astype(np.complex64),
        "probe": (probe * factor**0.5)[None, None].astype(np.complex64),
        "probe_position_x_m": positions[:, 1],
        "probe_position_y_m": positions[:, 0],
    }
    return Pair(dp, para, {"object": pixel, "probe": {}}, {FRAME: "ptychovit"})


def write_pair(pair: Pair, folder: Path, name: str = "scan", chunks: bool | None = None) -> Path:
    """Both halves; returns the path of the dp half."""
    path = folder / f"{name}_dp.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("dp", data=pair.dp, chunks=chunks)
    with h5py.File(folder / f"{name}_para.hdf5", "w") as file:
        file.attrs.update(pair.root)
        for member, array in pair.para.items():
            file.create_dataset(member, data=array).attrs.update(pair.attributes.get(member, {}))
    return path
