"""Part two's material: a good pair, written without our adapters, and the ways in which it is broken."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.finding import Depth

if TYPE_CHECKING:
    import h5py

_N, _ROWS, _STEP_PX, _PHOTONS, _PIXEL_M = 64, 6, 12, 1e6, 1e-8
# So large that the scan, which begins at its corner, stays on it under every reading of the positions.
_OBJECT_PX = 260
# Where PtychoViT's positions count from, seen from the corner.
_ORIGIN_M = (round(_OBJECT_PX / 2) + 0.5) * _PIXEL_M
# Of the amplitude; PtychoViT's amplitude head reaches a narrow range around 1.
_CONTRAST = 0.02
_DP, _PARA = "scan_dp.hdf5", "scan_para.hdf5"
RAN = "a_pickle_was_run"
"""Name of the folder that the programs among the breakages would make."""
Y, X = "probe_position_y_m", "probe_position_x_m"


def write_good_pair(folder: Path, seed: int) -> Path:
    """A pair of 36 patterns of 64², in PtychoViT's frame and with Poisson noise; returns its dp half."""
    import h5py  # noqa: PLC0415

    from ptycho_adapters.simulate.objects import random_lines_object  # noqa: PLC0415
    from ptycho_adapters.simulate.probes import zone_plate_probe  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    obj = _object(random_lines_object(_OBJECT_PX, rng))
    probe, start = zone_plate_probe(_N), _scan(rng)
    waves = np.stack([obj[y : y + _N, x : x + _N] * probe for y, x in start])
    clean = np.abs(np.fft.fftshift(np.fft.fft2(waves), axes=(1, 2))) ** 2
    factor = _PHOTONS / clean.sum(axis=(1, 2)).mean()
    metres = (start + (_N - 1) / 2) * _PIXEL_M - _ORIGIN_M
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / _DP, "w") as file:
        file["dp"] = rng.poisson(clean * factor).astype(np.float32)
    with h5py.File(folder / _PARA, "w") as file:
        file.attrs["ptycho_contracts_frame"] = "ptychovit"
        file["object"], file["probe"] = obj[None], (probe * np.sqrt(factor))[None, None].astype(np.complex64)
        file["object"].attrs["pixel_height_m"] = file["object"].attrs["pixel_width_m"] = _PIXEL_M
        file[Y], file[X] = metres.T
    return folder / _DP


def _object(lines: NDArray[np.complexfloating[Any, Any]]) -> NDArray[np.complex64]:
    """The same structure with an amplitude near 1."""
    contrast = np.abs(lines) / np.median(np.abs(lines)) - 1
    return np.asarray((1 + _CONTRAST * contrast) * np.exp(1j * np.angle(lines)), np.complex64)


def _scan(rng: np.random.Generator) -> NDArray[np.intp]:
    """First pixels (scan, 2) of the patches: a jittered grid, so that no order of the axes looks like another."""
    line = np.arange(_ROWS) * _STEP_PX
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(grid + rng.integers(0, _STEP_PX // 2, grid.shape), np.intp)


@dataclass(frozen=True)
class Breakage:
    """One way to break the good pair, and what has to be said of it.

    Attributes:
        name: In a report.
        code: The only error that the validator may report.
        depth: The depth at which it must.
        apply: Breaks the pair in this folder; returns the path to validate.
    """

    name: str
    code: str
    depth: Depth
    apply: Callable[[Path], Path]


@contextmanager
def _member(folder: Path, file: str, name: str) -> Iterator[h5py.Dataset]:
    import h5py  # noqa: PLC0415

    with h5py.File(folder / file, "r+") as opened:
        yield opened[name]


def _values(change: Callable[[NDArray[Any]], NDArray[Any]], name: str = "dp") -> Callable[[Path], Path]:
    """Replace the values of `dp`, or of a member of the para half."""
    file = _DP if name == "dp" else _PARA

    def apply(folder: Path) -> Path:
        import h5py  # noqa: PLC0415

        with h5py.File(folder / file, "r+") as opened:
            attributes, values = dict(opened[name].attrs), opened[name][()]
            del opened[name]
            opened.create_dataset(name, data=change(values)).attrs.update(attributes)
        return folder / _DP

    return apply


def _positions(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Callable[[Path], Path]:
    """Replace the positions, (scan, 2) in metres, (y, x)."""

    def apply(folder: Path) -> Path:
        import h5py  # noqa: PLC0415

        with h5py.File(folder / _PARA, "r+") as file:
            changed = change(np.column_stack([file[Y][:], file[X][:]]))
            file[Y][...], file[X][...] = changed.T
        return folder / _DP

    return apply


def _without_pixel_size(folder: Path) -> Path:
    with _member(folder, _PARA, "object") as member:
        del member.attrs["pixel_height_m"]
    return folder / _DP


def _truncated(folder: Path) -> Path:
    path = folder / _DP
    os.truncate(path, path.stat().st_size // 2)
    return path


def _without_partner(folder: Path) -> Path:
    (folder / _PARA).unlink()
    return folder / _DP


class _Program:
    """What a pickle that runs a program holds; loading it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self._target = str(folder / RAN)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self._target,)


def _running_pickle(folder: Path) -> Path:
    """A normalization file that is a program."""
    path = folder / "normalization.pkl"
    path.write_bytes(pickle.dumps({"scan": _Program(folder)}))
    return path


def _running_npz(folder: Path) -> Path:
    """A grid-lines split with the right shapes, whose patterns are a program."""
    path, programs = folder / "split.npz", np.empty((4, _N, _N, 1), object)
    programs.fill(_Program(folder))
    places, probe = np.zeros((4, 1, 2, 1), np.float32), np.ones((_N, _N), np.complex64)
    np.savez(path, diffraction=programs, coords_offsets=places, probeGuess=probe)
    return path


def _with_nan(dp: NDArray[Any]) -> NDArray[Any]:
    dp[7, 30, 1] = np.nan
    return dp


def _reordered(dp: NDArray[Any]) -> NDArray[Any]:
    """One order of many, in which no pattern keeps its place."""
    return np.roll(dp, 5, axis=0)


BREAKAGES = (
    Breakage("truncated file", "PTY002", "header", _truncated),
    Breakage("normalization that runs a program", "PTY004", "header", _running_pickle),
    Breakage("NPZ with pickled patterns", "PTY102", "header", _running_npz),
    Breakage("partner missing", "PTY008", "header", _without_partner),
    Breakage("probe not complex", "PTY102", "header", _values(np.abs, "probe")),
    Breakage("probe without OPR axis", "PTY103", "header", _values(lambda probe: probe[0], "probe")),
    Breakage("pixel size missing", "PTY104", "header", _without_pixel_size),
    Breakage("a pattern too few", "PTY201", "header", _values(lambda dp: dp[:-1])),
    Breakage("positions in pixels", "PTY301", "data", _positions(lambda metres: metres / _PIXEL_M)),
    Breakage("NaN", "PTY401", "data", _values(_with_nan)),
    Breakage("negative intensity", "PTY402", "data", _values(lambda dp: dp - 1)),
    Breakage("constant positions", "PTY403", "data", _positions(np.zeros_like)),
    Breakage("patterns in another order", "PTY310", "physics", _values(_reordered)),
    Breakage("amplitude for intensity", "PTY311", "physics", _values(np.sqrt)),
    Breakage("x and y swapped", "PTY312", "physics", _positions(lambda metres: metres[:, ::-1])),
    Breakage("one pixel off", "PTY313", "physics", _positions(lambda metres: metres + _PIXEL_M)),
    Breakage("corner-origin positions", "PTY313", "physics", _positions(lambda metres: metres + _ORIGIN_M)),
    Breakage("y reversed", "PTY314", "physics", _positions(lambda metres: metres * [-1, 1])),
    Breakage("zero frequency at the corner", "PTY318", "physics", _values(lambda dp: np.fft.ifftshift(dp, (1, 2)))),
)
