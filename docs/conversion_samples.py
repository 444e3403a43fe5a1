"""The sample files of the conversion matrix, and what their owner would answer when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "../shared/data"

# The simulated scan behind most samples: 8 keV, 2 m, 75 µm pixels; its object pixel follows.
_S64 = {"--energy-ev": 8000.0, "--distance-m": 2.0, "--pixel-size-m": 6.457510335062514e-08}
_PARTS = {
    "--probe-from": "pairs/s64_dp.hdf5",
    "--object-from": "pairs/s64_dp.hdf5",
    "--patterns-from": "pairs/s64_dp.hdf5",
}
_SIMULATED = {"--energy-ev": 8000.0, "--distance-m": 2.0, "--pixel-size-m": 1e-8}

# cdtools' own example script for this file puts the sample 3.65 mm behind the focus: 55 µm / magnification 308.
_PETRA_PIXEL_M = 55e-6 * 3.65e-3 / (1.12 + 3.65e-3)

ANSWERS: dict[str, dict[str, Any]] = {
    "cxi/petra3_p25_near_field.cxi": {"--propagation": "near-field", "--pixel-size-m": _PETRA_PIXEL_M},
    "cxi/ptychodus_product.cxi": {**_S64, **_PARTS},
    "cxi/s64_cdtools.cxi": {**_S64, **_PARTS},
    "pairs/s64_dp.hdf5": _S64,
    "ptychodus/product_1.7.h5": {**_S64, **_PARTS},
    "ptychodus/ptychofm_dp.hdf5": {"--energy-ev": 8000.0, "--distance-m": 2.0},
    "ptychodus/ptychopinn_training.npz": _S64,
    "ptychopinn/grid_lines_N256_test.npz": _SIMULATED,
    "ptychopinn/grid_lines_N256_train.npz": _SIMULATED,
    "ptychopinn/grid_lines_N64_gridsize2_test.npz": _SIMULATED,
    "ptychopinn/grid_lines_N64_two_objects_test.npz": _SIMULATED,
    "ptychopinn/rawdata.npz": {**_SIMULATED, "--values": "amplitude"},
    # Of the scan behind these two nothing else is among the samples: every refusal stands.
    "ptychopinn/recon_gt.npz": {},
    "ptychopinn/recon_pinn.npz": {},
    "ptylab/s64_ptylab.hdf5": {**_S64, **_PARTS},
    "ptypy/pair.ptyd": {**_S64, **_PARTS},
}


def answers(sample: str) -> dict[str, Any]:
    """What is answered for a sample; files as paths."""
    given = ANSWERS[sample]
    return {k: SAMPLES / v if k.endswith("-from") else v for k, v in given.items()}
