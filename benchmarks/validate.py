"""Time and memory of `ptycho validate` over a folder of small pairs, one of them broken.

    python benchmarks/validate.py --pairs 1000 4000 --jobs auto 1 2

makes the pairs in a temporary folder and runs the whole command on each number of them, start of the interpreter
included. Memory is the peak over all its processes, pages that they share counted once (Linux only, `/proc`). Each run
must find the broken pair and nothing else; otherwise the benchmark fails.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import h5py

PATTERNS, N = 36, 32
POLL_S = 0.02


class Run(NamedTuple):
    """One command: wall seconds, peak MB of all its processes together, and the codes that it found by file."""

    seconds: float
    megabytes: float
    found: dict[str, list[str]]


def make_pairs(folder: Path, count: int) -> str:
    """Small pairs with all attributes; returns the name of the one whose positions are one too few."""
    import h5py  # noqa: PLC0415

    folder.mkdir()
    broken = count // 2
    for number in range(count):
        with h5py.File(folder / f"scan_{number:05d}_dp.hdf5", "w") as file:
            file.create_dataset("dp", (PATTERNS, N, N), "f4")
        with h5py.File(folder / f"scan_{number:05d}_para.hdf5", "w") as file:
            write_para(file, PATTERNS - (number == broken))
    return f"scan_{broken:05d}_dp.hdf5"


def write_para(file: h5py.File, positions: int) -> None:
    """The parameter half as `ptycho convert` writes it, with that many positions."""
    file.attrs["ptycho_contracts_frame"] = "ptychovit"
    pixel = {"pixel_height_m": 1e-8, "pixel_width_m": 1e-8}
    file.create_dataset("object", (1, 66, 71), "c8").attrs.update(pixel)
    file.create_dataset("probe", (1, 1, N, N), "c8").attrs.update(pixel)
    for axis in "xy":
        file.create_dataset(f"probe_position_{axis}_m", (positions,), "f8")


def measure(folder: Path, jobs: str) -> Run:
    """Run the command on the folder, watching its memory."""
    command = [Path(sys.executable).with_name("ptycho"), "validate", folder, "--isolated", "--format", "json"]
    command += [] if jobs == "auto" else ["--jobs", jobs]
    start, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            while process.poll() is None:
                peak = max(peak, megabytes_of_group(process.pid))
                time.sleep(POLL_S)
        seconds = time.perf_counter() - start
        output.seek(0)
        reports = json.load(output)["reports"]
    found = {Path(r["source"][0]).name: sorted({f["code"] for f in r["findings"]}) for r in reports if r["findings"]}
    return Run(seconds, peak, found)


def megabytes_of_group(group: int) -> float:
    """Proportional memory of every process of a process group; one that ends meanwhile counts nothing."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                rollup = (entry / "smaps_rollup").read_text()
                total += int(rollup.split("\nPss:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total / 1024


def main() -> int:
    """Parse the command line and run; 1 where a run did not find exactly what is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--jobs", nargs="+", default=["auto", "1"], help="numbers of processes, or auto")
    parser.add_argument("--runs", type=int, default=3, help="how often; the fastest counts")
    given = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        print(f"{'pairs':>6} {'jobs':>5} {'seconds':>8} {'ms/pair':>8} {'MB':>6}  found")
        for count in given.pairs:
            broken = make_pairs(folder := Path(temporary) / str(count), count)
            for jobs in given.jobs:
                runs = [measure(folder, jobs) for _ in range(given.runs)]
                seconds, megabytes = min(r.seconds for r in runs), max(r.megabytes for r in runs)
                found = ", ".join(f"{name}: {' '.join(codes)}" for name, codes in runs[0].found.items())
                wrong += any(run.found != {broken: ["PTY201"]} for run in runs)
                print(f"{count:6} {jobs:>5} {seconds:8.2f} {1e3 * seconds / count:8.2f} {megabytes:6.0f}  {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
