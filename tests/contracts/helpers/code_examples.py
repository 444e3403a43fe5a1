"""For every code that this package reports on a file, the smallest file that yields it."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from measured_files import DISTANCE_M, ROW_STEP_PX, Members, cxi_members, write
from numpy.typing import NDArray
from simulated import structured_object
from simulated_pair import FRAME, PIXEL_M, Pair, simulate_pair, write_pair
from simulated_split import simulate_split

from ptycho_contracts.finding import Depth

Build = Callable[[Path], Path]
# A filter number of nobody; HDF5 accepts a filter that it lacks if it is optional.
NOBODYS_FILTER = 444
RAW_DATA_SCALE = 0.01
TOO_LARGE = {"pixel_height_m": 1.1 * PIXEL_M, "pixel_width_m": 1.1 * PIXEL_M}


@dataclass(frozen=True)
class Example:
    """A file, and how it is validated."""

    build: Build
    depth: Depth = "header"
    contract: str | None = None


def pair_with(change: Callable[[Pair], Pair]) -> Build:
    return lambda folder: write_pair(change(simulate_pair()), folder)


def value_at(pair: Pair, value: float) -> Pair:
    dp = pair.dp.copy()
    dp[3, 2, 1] = value
    return replace(pair, dp=dp)


def truncated(folder: Path) -> Path:
    path = simulate_split().write(folder / "split.npz")
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def lfs_pointer(folder: Path) -> Path:
    path = folder / "train.npz"
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 4096\n")
    return path


def half_a_pair(folder: Path) -> Path:
    path = write_pair(simulate_pair(), folder)
    (folder / "scan_para.hdf5").unlink()
    return path


def unknown_members(folder: Path) -> Path:
    np.savez(folder / "unknown.npz", voltage=np.ones(3))
    return folder / "unknown.npz"


class Program:
    """What a pickle that runs a program holds."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.getpid, ()


def running_pickle(folder: Path) -> Path:
    (folder / "normalization.pkl").write_bytes(pickle.dumps({"scan": Program()}))
    return folder / "normalization.pkl"


def endless_dataset(folder: Path) -> Path:
    """Four billion patterns, none of them stored."""
    with h5py.File(folder / "big_dp.hdf5", "w") as file:
        file.create_dataset("dp", (2**32, 256, 256), "f4", chunks=(1, 256, 256))
    return folder / "big_dp.hdf5"


def external_link(folder: Path) -> Path:
    path = write_pair(simulate_pair(), folder)
    with h5py.File(path, "a") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/other.hdf5", "/data")
    return path


def unknown_filter(folder: Path) -> Path:
    with h5py.File(folder / "scan_dp.hdf5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((1, 8, 8))
        plist.set_filter(NOBODYS_FILTER, h5py.h5z.FLAG_OPTIONAL)
        h5py.h5d.create(file.id, b"dp", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((3, 8, 8)), plist)
    return folder / "scan_dp.hdf5"


def result_document(**changes: Any) -> Build:
    """A bridge result as the bridge writes it, changed."""
    valid = {
        "mode": "infer",
        "status": "ok",
        "reason": "completed",
        "message": "all patterns predicted",
        "device": "cpu",
        "seconds": 1.5,
        "versions": {"python": "3.11.2"},
    }

    def build(folder: Path) -> Path:
        (folder / "result.json").write_text(json.dumps(valid | changes))
        return folder / "result.json"

    return build


def raw_data(folder: Path, values: Callable[[NDArray[Any]], NDArray[Any]]) -> Path:
    """A RawData file from a pair; `values` makes what is stored from the intensities."""
    pair = simulate_pair()
    size = pair.para["object"].shape[1:]
    index_px = pair.positions / PIXEL_M + [round(s / 2) + 0.5 for s in size] + 0.5
    np.savez(
        folder / "raw.npz",
        allow_pickle=True,
        xcoords=index_px[:, 1],
        ycoords=index_px[:, 0],
        diff3d=values(pair.dp).astype(np.float32),
        probeGuess=pair.para["probe"][0, 0],
        objectGuess=pair.para["object"][0],
    )
    return folder / "raw.npz"


def far_object(amplitude_step: float) -> NDArray[np.complex64]:
    """Half of the object is by that much brighter than the other."""
    obj = structured_object((66, 71), 0)
    obj[:, :35] *= 1 + amplitude_step
    return obj


def without_object(folder: Path) -> Path:
    split = simulate_split()
    del split.arrays["YY_full"]
    return split.write(folder / "split.npz")


def other_family(folder: Path) -> Path:
    """A fold_slice pair; the names of its files are those of a PtychoViT pair."""
    pair = simulate_pair()
    path = write_pair(pair, folder)
    with h5py.File(folder / "scan_para.hdf5", "w") as file:
        file["ppY"], file["ppX"] = pair.positions.T
        file["lambda"], file["dx"] = 1.5e-10, PIXEL_M
    return path


def cxi_with(changes: Members) -> Build:
    return lambda folder: write(folder / "scan.cxi", cxi_members(), changes)


CXI_SOURCE, CXI_DETECTOR = "entry_1/instrument_1/source_1", "entry_1/instrument_1/detector_1"
TRANSLATION = "entry_1/sample_1/geometry_1/translation"
# 9 of the 16 pixels of a patch from one row of the scan to the next.
WIDE_STEPS = cxi_members()[TRANSLATION] * 9 / ROW_STEP_PX
# Two pixels in y, of one pattern.
MISSED = PIXEL_M * np.array([[2.0 * (k == 17), 0.0] for k in range(36)])
SHUFFLE = np.random.default_rng(5).permutation(36)

EXAMPLES: dict[str, Example] = {
    "PTY001": Example(lambda folder: folder / "nothing_here.npz"),
    "PTY002": Example(truncated),
    "PTY003": Example(unknown_members),
    "PTY004": Example(running_pickle),
    "PTY005": Example(endless_dataset, contract="ptychovit-dp"),
    "PTY006": Example(external_link),
    "PTY007": Example(unknown_filter, contract="ptychovit-dp"),
    "PTY008": Example(half_a_pair),
    "PTY009": Example(result_document(seconds=float("inf")), contract="bridge-result"),
    "PTY014": Example(other_family, contract="ptychovit-pair"),
    "PTY016": Example(lfs_pointer),
    "PTY101": Example(pair_with(lambda p: p.without("probe"))),
    "PTY102": Example(pair_with(lambda p: p.with_para(probe=abs(p.para["probe"])))),
    "PTY103": Example(pair_with(lambda p: p.with_para(probe=p.para["probe"][0]))),
    "PTY104": Example(pair_with(lambda p: p.with_attributes("object", pixel_height_m=None))),
    "PTY105": Example(pair_with(lambda p: p.with_attributes("object", pixel_height_m=0.0))),
    "PTY106": Example(without_object),
    "PTY107": Example(pair_with(lambda p: p.with_attributes("object", pixel_width_m=None))),
    "PTY110": Example(result_document(mode="train again")),
    "PTY111": Example(result_document(secnds=3)),
    "PTY112": Example(result_document(contract_version="1.0.0")),
    "PTY201": Example(pair_with(lambda p: replace(p, dp=p.dp[:-1]))),
    "PTY301": Example(pair_with(lambda p: p.at(p.positions / PIXEL_M)), "data"),
    "PTY302": Example(pair_with(lambda p: p.at(p.positions + 9 * PIXEL_M)), "data"),
    "PTY304": Example(pair_with(lambda p: p.with_para(object=far_object(0.5)[None])), "data"),
    "PTY305": Example(pair_with(lambda p: p.with_para(probe=p.para["probe"] / 32)), "data"),
    "PTY306": Example(pair_with(lambda p: p.with_attributes("object", pixel_width_m=2 * PIXEL_M))),
    "PTY310": Example(pair_with(lambda p: replace(p, dp=p.dp[SHUFFLE])), "physics"),
    "PTY311": Example(pair_with(lambda p: replace(p, dp=np.sqrt(p.dp))), "physics"),
    "PTY312": Example(pair_with(lambda p: p.at(p.positions[:, ::-1])), "physics"),
    "PTY313": Example(pair_with(lambda p: p.at(p.positions + PIXEL_M)), "physics"),
    "PTY314": Example(pair_with(lambda p: p.at(p.positions * [-1, 1])), "physics"),
    "PTY315": Example(pair_with(lambda p: p.with_para(object=structured_object((66, 71), 99)[None])), "physics"),
    "PTY316": Example(lambda folder: write_pair(simulate_pair(np.ones((66, 71), complex)), folder), "physics"),
    "PTY318": Example(pair_with(lambda p: replace(p, dp=np.fft.ifftshift(p.dp, axes=(1, 2)))), "physics"),
    "PTY317": Example(lambda folder: raw_data(folder, lambda counts: counts * RAW_DATA_SCALE), "physics"),
    "PTY319": Example(pair_with(lambda p: replace(p, dp=np.swapaxes(p.dp, 1, 2))), "physics"),
    "PTY320": Example(pair_with(lambda p: replace(p, root={}))),
    "PTY321": Example(pair_with(lambda p: replace(p, root={FRAME: "somewhere"}))),
    "PTY322": Example(pair_with(lambda p: p.with_para(object=p.para["object"].conj())), "physics"),
    "PTY323": Example(pair_with(lambda p: p.with_para(probe=p.para["probe"].conj())), "physics"),
    "PTY324": Example(pair_with(lambda p: p.with_attributes("object", **TOO_LARGE)), "physics"),
    "PTY325": Example(pair_with(lambda p: p.at(p.positions + MISSED)), "physics"),
    "PTY330": Example(cxi_with({f"{CXI_SOURCE}/energy": 8000.0})),
    "PTY331": Example(cxi_with({f"{CXI_SOURCE}/wavelength": 1.24e-10})),
    "PTY332": Example(cxi_with({f"{CXI_DETECTOR}/distance": DISTANCE_M * 1e3})),
    "PTY333": Example(cxi_with({TRANSLATION: WIDE_STEPS}), "data"),
    "PTY334": Example(cxi_with({f"{CXI_DETECTOR}/basis_vectors": np.array([[0.0, 0.0], [-75e-6, 0.0], [0.0, 0.0]])})),
    "PTY401": Example(pair_with(lambda p: value_at(p, np.nan)), "data"),
    "PTY402": Example(pair_with(lambda p: value_at(p, -1.0)), "data"),
    "PTY404": Example(pair_with(lambda p: replace(p, dp=np.zeros_like(p.dp))), "data"),
    "PTY403": Example(pair_with(lambda p: p.at(np.zeros_like(p.positions))), "data"),
}
