"""Profile `ptychopinn-1` against the numbers that PtychoPINN 2.0.0 returned for the same arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters.evaluation.errors import EvaluationError, ImageTooSmallError
from ptycho_adapters.evaluation.metrics.ptychopinn_1 import PhaseAlign, ptychopinn_1

CASES = (
    "identical",
    "global_phase",
    "amp_scale_2p5",
    "noise_0.05",
    "nonsquare_200x250",
    "odd_201",
    "shift_1px_rows",
    "conjugate",
    "ptychopinn_run_pinn",
    "small_40",
)
# Below this, the expected numbers are rounding noise.
MIN_MSE = 1e-12


def load(shared: Path, case: str) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    with np.load(shared / "evaluation" / f"{case}.npz") as archive:
        return archive["recon"], archive["gt"]


def expected(shared: Path) -> dict[str, Any]:
    return dict(json.loads((shared / "evaluation" / "expected.json").read_text()))


def test_every_case_is_listed(shared: Path) -> None:
    assert set(CASES) == set(expected(shared))


@pytest.mark.parametrize("align", ["plane", "mean"])
@pytest.mark.parametrize("case", CASES)
def test_numbers_of_ptychopinn(shared: Path, case: str, align: PhaseAlign) -> None:
    numbers = expected(shared)[case][align]
    metrics = ptychopinn_1(*load(shared, case), align).metrics
    for channel in (0, 1):
        ruled_by_rounding = numbers["mse"][channel] < MIN_MSE
        curve = np.array(metrics["frc"][channel], dtype=np.float64)
        assert len(curve) == numbers["frc_len"][channel]
        got: dict[str, Any] = {name: values[channel] for name, values in metrics.items() if name != "frc"}
        got |= {"frc_first8": curve[:8], "frc_last3": curve[-3:]}
        for name, value in got.items():
            if ruled_by_rounding and (name == "psnr" or name.startswith("frc")):
                continue
            floor = 1e-7 if ruled_by_rounding and name in ("mae", "mse") else 0.0
            np.testing.assert_allclose(
                np.array(value, dtype=np.float64), numbers[name][channel], rtol=1e-5, atol=floor, err_msg=name
            )


def test_stored_table_of_a_real_run(shared: Path) -> None:
    stored = json.loads((shared / "ptychopinn" / "metrics_by_model.json").read_text())["pinn"]["metrics"]
    folder = shared / "ptychopinn"
    with np.load(folder / "recon_pinn.npz") as recon, np.load(folder / "recon_gt.npz") as truth:
        metrics = ptychopinn_1(recon["YY_pred"], truth["YY_pred"]).metrics
    assert list(metrics) == list(stored)
    for name in stored:
        for got, wanted in zip(metrics[name], stored[name], strict=True):
            np.testing.assert_allclose(np.array(got, dtype=np.float64), wanted, rtol=1e-5, err_msg=name)


def test_first_image_and_channel_of_four_axes(shared: Path) -> None:
    recon, truth = load(shared, "small_40")
    stacks = [np.stack([image, 2 * image])[..., None] for image in (recon, truth)]
    assert ptychopinn_1(stacks[0], stacks[1]).metrics == ptychopinn_1(recon, truth).metrics


def test_weaknesses_told_in_the_docs(shared: Path) -> None:
    """The figures that docs/evaluation.md quotes."""
    truth = load(shared, "identical")[1]
    turned = ptychopinn_1((truth * np.exp(3j)).astype(np.complex64), truth).metrics
    assert turned["mae"][1] == pytest.approx(2.35, abs=0.01)
    twin = ptychopinn_1(truth.conj(), truth).metrics
    assert twin["frc"][1] == pytest.approx(np.ones(179))
    same = ptychopinn_1(truth, truth).metrics
    assert same["psnr"] == pytest.approx([361.2, 361.2], abs=0.01)
    net = ptychopinn_1(*load(shared, "ptychopinn_run_pinn")).metrics
    assert net["ssim"][0] == pytest.approx(0.09, abs=0.005)
    assert net["psnr"][0] == pytest.approx(53, abs=0.5)


def test_no_nan_leaves(shared: Path) -> None:
    truth = load(shared, "small_40")[1]
    table = ptychopinn_1(np.zeros_like(truth), truth)
    json.dumps(table.metrics, allow_nan=False)
    assert table.metrics["mae"][0] is None
    assert "mae.amplitude" in table.reasons


def test_refusals() -> None:
    field = np.ones((20, 20), np.complex64)
    with pytest.raises(EvaluationError, match="equal shapes"):
        ptychopinn_1(field, field[:-1])
    with pytest.raises(ImageTooSmallError, match="11 px"):
        ptychopinn_1(field[:10], field[:10])
    with pytest.raises(EvaluationError, match="complex images"):
        ptychopinn_1(field[0], field[0])
