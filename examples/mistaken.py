"""A pair with two of the usual mistakes, to try `ptycho diagnose` and `ptycho fix` on: `python mistaken.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

from ptycho_adapters import convert
from ptycho_adapters.simulate.grid_lines import GridLinesSettings, simulate_grid_lines


def main(folder: Path) -> None:
    """Write a right pair, then exchange its axes and move the zero frequency to the corner."""
    folder.mkdir(parents=True, exist_ok=True)
    split = simulate_grid_lines(GridLinesSettings(N=64, size=190, step_px=12, seed=3)).test
    np.savez(folder / "split.npz", **split)
    done = convert(folder / "split.npz", folder, "ptychovit-pair", name="scan", overwrite=True)
    (folder / "split.npz").unlink()
    done.manifest_path.unlink()  # it would vouch for what is broken now
    files = done.files[0]
    with h5py.File(files["dp"], "r+") as dp, h5py.File(files["para"], "r+") as para:
        count = len(dp["dp"]) - round(len(dp["dp"]) ** 0.5)  # without the last row: no square looks the same turned
        patterns = np.fft.ifftshift(dp["dp"][:count], axes=(1, 2))
        y, x = para["probe_position_y_m"][:count], para["probe_position_x_m"][:count]
        del dp["dp"], para["probe_position_y_m"], para["probe_position_x_m"], para["probe_position_indexes"]
        dp["dp"], para["probe_position_y_m"], para["probe_position_x_m"] = patterns, x, y
    print(f"wrote {files['dp']}, {files['para']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
