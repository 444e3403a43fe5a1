"""Time and memory of converting a stored grid-lines split to a pair, against the script that people write instead.

    python benchmarks/convert.py --patterns 2000 --runs 5

makes a split of that many patterns of 256² in a temporary folder, shuffled against its coordinates as PtychoPINN's
are, and converts it in fresh processes, the ways taking turns: `as-stored` trusts the order, `auto` verifies every
pattern and repairs, `usual` loads all, squares and writes, checking nothing. Wall time is that of the whole process,
start of the interpreter included; memory is its peak above that of a bare interpreter. Linux only (`/proc`).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

N = 256
STEP_PX = 5
PHOTONS = 1e6
BLOCK = 64
WAYS = ("as-stored", "auto", "usual")


class Run(NamedTuple):
    """One process: wall seconds and peak MB above a bare interpreter."""

    seconds: float
    megabytes: float


def make_split(path: Path, patterns: int) -> None:
    """A split with one object, streamed; amplitudes of Poisson counts in the order of PtychoPINN's train files."""
    import numpy as np  # noqa: PLC0415

    from ptycho_adapters.npz_writer import NpzWriter  # noqa: PLC0415
    from ptycho_adapters.simulate.objects import random_lines_object  # noqa: PLC0415
    from ptycho_adapters.simulate.probes import zone_plate_probe  # noqa: PLC0415
    from ptycho_contracts.physics.forward import ForwardModel, Places  # noqa: PLC0415
    from ptycho_contracts.physics.grid_lines_orders import known_shuffle  # noqa: PLC0415

    rng = np.random.default_rng(0)
    side = int(np.ceil(patterns**0.5))
    object_ = random_lines_object(N + STEP_PX * side, rng).astype(np.complex64)
    probe = zone_plate_probe(N).astype(np.complex64)
    centres = (N - 1) / 2 + STEP_PX * np.stack(np.divmod(np.arange(patterns), side), axis=1).astype(np.float64)
    model = ForwardModel(object_[None], probe[None])
    taken_at = Places(np.zeros(patterns, np.intp), centres[known_shuffle(patterns)])
    with NpzWriter(path) as archive:
        with archive.stream("diffraction", (patterns, N, N, 1), np.dtype(np.float32)) as stream:
            for start in range(0, patterns, BLOCK):
                amplitudes = model.amplitudes(taken_at.take(slice(start, start + BLOCK)))
                stream.write(_noisy(amplitudes, rng)[..., None])
        archive.array("coords_offsets", centres.astype(np.float32)[:, None, :, None])
        archive.array("YY_full", object_[None, :, :, None])
        archive.array("probeGuess", probe)


def _noisy(amplitudes: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Square roots of Poisson counts, `PHOTONS` in each pattern."""
    import numpy as np  # noqa: PLC0415

    intensity = amplitudes.astype(np.float64) ** 2
    counts = rng.poisson(intensity * (PHOTONS / intensity.sum(axis=(1, 2), keepdims=True)))
    noisy: NDArray[np.float32] = np.sqrt(counts).astype(np.float32)
    return noisy


def usual(source: Path, folder: Path) -> None:
    """Load all, square, write: correct only if the file's order is, which it is not."""
    import h5py  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    folder.mkdir()
    data = np.load(source)
    offsets = data["coords_offsets"][:, 0, :, 0]
    with h5py.File(folder / "split_dp.hdf5", "w") as file:
        file["dp"] = data["diffraction"][..., 0] ** 2
    with h5py.File(folder / "split_para.hdf5", "w") as file:
        file["object"] = data["YY_full"][..., 0]
        file["object"].attrs["pixel_height_m"] = 1.0
        file["probe"] = data["probeGuess"][None, None]
        file["probe_position_y_m"], file["probe_position_x_m"] = offsets.T - offsets.mean()


def ours(source: Path, folder: Path, order: str) -> None:
    """What `ptycho convert` does."""
    from ptycho_adapters import ReadOptions, convert  # noqa: PLC0415

    options = ReadOptions(order="auto" if order == "auto" else "as-stored")
    convert(source, folder, "ptychovit-pair", options=options)


def child(way: str, source: Path, folder: Path) -> None:
    """Convert, then print this process's peak memory in MB; the way `bare` does nothing."""
    if way == "usual":
        usual(source, folder)
    elif way != "bare":
        ours(source, folder, way)
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def measure(way: str, source: Path, folder: Path) -> Run:
    """One fresh process; its outputs are removed."""
    command = [sys.executable, __file__, "--child", way, str(source), str(folder)]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder, ignore_errors=True)
    return Run(seconds, float(done.stdout))


def report(results: dict[str, list[Run]], bare_mb: float) -> None:
    """Medians, and times relative to the usual script: the median of the ratios within a round."""
    print(f"{'way':>10} {'seconds':>9} {'x usual':>8} {'MB above interpreter':>21}")
    for way, runs in results.items():
        seconds = statistics.median(run.seconds for run in runs)
        ratio = statistics.median(
            mine.seconds / usual.seconds for mine, usual in zip(runs, results["usual"], strict=True)
        )
        memory = max(run.megabytes for run in runs) - bare_mb
        print(f"{way:>10} {seconds:9.2f} {ratio:8.2f} {memory:21.0f}")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--patterns", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made; by default the system's")
    parser.add_argument("--child", nargs=3, metavar=("WAY", "SOURCE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]), Path(given.child[2]))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        source, out = Path(temporary) / "split.npz", Path(temporary) / "out"
        print(f"making {given.patterns} patterns of {N}x{N} …", flush=True)
        make_split(source, given.patterns)
        bare = measure("bare", source, out)
        results: dict[str, list[Run]] = {way: [] for way in WAYS}
        for number in range(given.runs):
            for way in WAYS:
                results[way].append(measure(way, source, out))
            print(f"round {number + 1} of {given.runs}", flush=True)
        report(results, bare.megabytes)


if __name__ == "__main__":
    main()
