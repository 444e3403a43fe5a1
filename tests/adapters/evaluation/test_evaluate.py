"""The whole way: what must score as perfect, what must not, and what is recorded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.evaluate import Evaluation, Reconstruction, Region, evaluate
from ptycho_adapters.evaluation.harmonize import region_of_scan

LineObject = Callable[..., NDArray[np.complex128]]
ORIGIN = (0.0, 0.0)


def numbers(result: Evaluation, name: str) -> NDArray[np.float64]:
    return np.array(result.metrics[name], dtype=np.float64)


def assert_perfect(result: Evaluation) -> None:
    json.dumps(result.to_dict(), allow_nan=False)
    assert (numbers(result, "pearson") > 0.9999).all()
    assert (numbers(result, "ssim") > 0.999).all()
    assert (numbers(result, "mae") < 2e-3).all()
    # 0.4 cycles per pixel of the object, or all that the grid can hold.
    assert result.evaluation.resolution_object_px is not None
    resolution = np.array(result.evaluation.resolution_object_px["frc50"], dtype=np.float64)
    assert (resolution < max(2.5, 2.1 * max(result.evaluation.object_px_per_grid_px))).all()


class TestPerfect:
    """Of the truth, but for what ptychography cannot know or an arm need not cover."""

    @pytest.mark.parametrize("origin", [(6.0, 11.0), None])
    @pytest.mark.parametrize("grid", ["256", "native"])
    def test_a_crop_of_240_px(self, lines: LineObject, origin: tuple[float, float] | None, grid: Any) -> None:
        truth = lines()
        result = evaluate(Reconstruction(truth[6:246, 11:251], origin), Reconstruction(truth), grid=grid)
        assert_perfect(result)
        record = result.evaluation
        assert record.origin_source == ("registered" if origin is None else "given")
        assert record.uncovered_share == pytest.approx(1 - (240 / 256) ** 2, abs=0.001)
        assert (numbers(result, "ms_ssim") > 0.999).all()

    @pytest.mark.parametrize("size", [180, 256, 340])
    @pytest.mark.parametrize("grid", ["256", "native"])
    def test_grids_finer_and_coarser_than_the_region(
        self, real_lines: NDArray[np.complex64], size: int, grid: Any
    ) -> None:
        recon = Reconstruction(real_lines * np.complex64(0.2j), ORIGIN)
        result = evaluate(recon, Reconstruction(real_lines), Region(9, 11, size, size), grid=grid)
        assert_perfect(result)
        assert result.reference_shape == (size, size)
        side = 256 if grid == "256" else size
        assert result.valid.all()
        assert result.evaluation.grid_shape == result.recon.shape == result.truth.shape == (side, side)

    @settings(max_examples=4, deadline=None)
    @given(
        phase=st.floats(-np.pi, np.pi),
        modulus=st.floats(0.01, 100),
        ramp=st.tuples(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9)),
        shift=st.tuples(st.sampled_from([0.0, 0.5, -1.5]), st.sampled_from([0.0, 0.5, 2.0])),
    )
    def test_gauge_and_translation(
        self,
        lines: LineObject,
        phase: float,
        modulus: float,
        ramp: tuple[float, float],
        shift: tuple[float, float],
    ) -> None:
        y, x = np.indices((280, 270))
        wave = modulus * np.exp(1j * (phase + ramp[0] * y + ramp[1] * x))
        recon = Reconstruction(lines((280, 270), shift=shift) * wave, ORIGIN)
        result = evaluate(recon, Reconstruction(lines((280, 270))), Region(30, 20, 220, 230))
        assert_perfect(result)
        alignment = result.evaluation.alignment
        assert alignment is not None
        assert alignment.shift_px == pytest.approx(shift, abs=0.01)
        assert alignment.ramp_rad_per_px == pytest.approx(ramp, abs=1e-4)

    def test_half_a_pixel_of_a_real_object(self, real_lines: NDArray[np.complex64]) -> None:
        frequency = np.fft.fftfreq(360)
        wave = np.exp(-1j * np.pi * (frequency[:, None] + frequency))
        moved = np.fft.ifft2(np.fft.fft2(real_lines) * wave)
        assert_perfect(evaluate(Reconstruction(moved, ORIGIN), Reconstruction(real_lines), Region(64, 64, 228, 228)))

    def test_holes_are_left_out(self, lines: LineObject) -> None:
        truth = lines()
        occupancy = np.ones(truth.shape)
        occupancy[100:130, 60:150] = 0
        holed = np.where(occupancy > 0, truth, np.nan)
        result = evaluate(Reconstruction(holed, ORIGIN, occupancy), Reconstruction(truth))
        assert_perfect(result)
        assert result.evaluation.uncovered_share == pytest.approx(30 * 90 / 256**2)

    def test_phase_objects(self, lines: LineObject) -> None:
        truth = np.exp(1j * np.angle(lines()))
        result = evaluate(Reconstruction(3j * truth), Reconstruction(truth))
        assert numbers(result, "ssim")[1] > 0.999
        assert result.metrics["pearson"][0] is None
        assert result.reasons["pearson.amplitude"] == "the truth is flat in the compared region"


class TestBad:
    def test_a_conjugate(self, lines: LineObject, real_lines: NDArray[np.complex64]) -> None:
        for truth in (lines(), real_lines[52:308, 52:308]):
            result = evaluate(Reconstruction(truth.conj()), Reconstruction(truth))
            assert numbers(result, "pearson")[1] < -0.5
            assert numbers(result, "ssim")[1] < 0.5
            assert numbers(result, "frc50")[1] < 0.01
            assert numbers(result, "mae")[1] > 0.2

    def test_a_flat_field(self, real_lines: NDArray[np.complex64]) -> None:
        truth = Reconstruction(real_lines[52:308, 52:308])
        result = evaluate(Reconstruction(np.full(truth.shape, 2 - 1j)), truth)
        assert result.metrics["pearson"][0] is None
        assert numbers(result, "pearson")[1] < 0.5
        assert (numbers(result, "ssim") < 0.5).all()
        assert (numbers(result, "frc50") < 0.01).all()

    def test_more_noise_scores_worse(self, lines: LineObject) -> None:
        truth = lines()
        noise = np.random.default_rng(0).normal(size=(2, *truth.shape))
        results = [
            evaluate(Reconstruction(truth + level * (noise[0] + 1j * noise[1])), Reconstruction(truth))
            for level in (0.02, 0.1, 0.5)
        ]
        for name, sign in {"mae": 1, "mse": 1, "psnr": -1, "ssim": -1, "pearson": -1, "frc50": -1}.items():
            series = sign * np.array([numbers(result, name) for result in results])
            assert (np.diff(series, axis=0) >= 0).all(), name
            assert (series[-1] > series[0]).all(), name

    def test_a_net_that_learnt_little(self, shared: Path) -> None:
        """PtychoPINN's own run: 53 dB in `ptychopinn-1`, plainly bad here; docs/evaluation.md quotes it."""
        with np.load(shared / "evaluation" / "ptychopinn_run_pinn.npz") as archive:
            recon, truth = Reconstruction(archive["recon"]), Reconstruction(archive["gt"])
        result = evaluate(recon, truth)
        assert numbers(result, "psnr") == pytest.approx([14.2, 14.2], abs=0.05)
        assert numbers(result, "pearson")[1] == pytest.approx(0.17, abs=0.005)
        assert (numbers(result, "ssim") < 0.3).all()
        assert (numbers(result, "pearson") < 0.3).all()
        assert (numbers(result, "frc50") < 0.05).all()
        assert result.evaluation.origin_source == "equal shapes"
        assert result.evaluation.alignment is not None
        assert not result.evaluation.alignment.shift_removed
        same = evaluate(truth, truth)
        assert_perfect(same)


class TestProfilePtychopinn1:
    def test_fields_as_they_are(self, shared: Path) -> None:
        expected = json.loads((shared / "evaluation" / "expected.json").read_text())["noise_0.05"]["mean"]
        with np.load(shared / "evaluation" / "noise_0.05.npz") as archive:
            recon, truth = Reconstruction(archive["recon"]), Reconstruction(archive["gt"])
        result = evaluate(recon, truth, profile="ptychopinn-1", phase_align="mean")
        assert result.metrics["ms_ssim"] == pytest.approx(expected["ms_ssim"], rel=1e-5)
        assert (result.evaluation.alignment, result.evaluation.phase_align) == (None, "mean")
        cut_out = evaluate(recon, truth, Region(0, 0, 256, 256), profile="ptychopinn-1", phase_align="mean")
        assert cut_out.metrics["mae"] == pytest.approx(expected["mae"], rel=1e-5)

    def test_a_region_makes_shapes_equal(self, lines: LineObject) -> None:
        truth = lines()
        crop, whole = Reconstruction(truth[6:246, 11:251], (6.0, 11.0)), Reconstruction(truth)
        result = evaluate(crop, whole, Region(20, 20, 200, 200), profile="ptychopinn-1")
        assert numbers(result, "mae") == pytest.approx([0, 0], abs=1e-6)
        with pytest.raises(EvaluationError, match="name a region"):
            evaluate(crop, whole, profile="ptychopinn-1")
        with pytest.raises(EvaluationError, match="knows no mask"):
            evaluate(crop, whole, Region(0, 0, 200, 200), profile="ptychopinn-1")


class TestRecord:
    def test_everything_is_json_and_recorded(self, lines: LineObject) -> None:
        region = region_of_scan(np.array([[70.0, 70.0], [180.0, 190.0]]), 64, (256, 256))
        truth = Reconstruction(lines((230, 240), shift=(-20.0, -10.0)), (20.0, 10.0))
        result = evaluate(Reconstruction(2j * lines(shift=(0.5, 0.0)), ORIGIN), truth, region)
        document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert list(document) == ["reference_shape", "metrics", "reasons", "evaluation"]
        assert document["reference_shape"] == [region.height, region.width]
        assert all(len(values) == 2 for values in document["metrics"].values())
        record = document["evaluation"]
        assert record["region"] == {"y": 54, "x": 54, "height": 143, "width": 153}
        assert record["truth_origin_px"] == [20, 10]
        assert record["object_px_per_grid_px"] == pytest.approx([143 / 256, 153 / 256])
        assert record["alignment"]["shift_px"] == pytest.approx([0.5, 0], abs=0.01)
        assert record["alignment"]["scale_im"] == pytest.approx(-0.5, abs=1e-3)
        assert len(document["metrics"]["frc"][0]) == int(128 * 143 / 256) + 1

    def test_the_same_frame_for_all(self, lines: LineObject) -> None:
        """A reconstruction in its own frame scores as one in the truth's."""
        truth = Reconstruction(lines((260, 260), shift=(3.0, 4.0)), (-3.0, -4.0))
        noisy = lines() + 0.1 * np.random.default_rng(0).normal(size=(256, 256))
        region = Region(10, 10, 220, 220)
        first = evaluate(Reconstruction(noisy, ORIGIN), truth, region)
        second = evaluate(Reconstruction(noisy[5:250, 5:250], (5.0, 5.0)), truth, region)
        for name in ("mae", "ssim", "pearson", "frc50"):
            assert numbers(second, name) == pytest.approx(numbers(first, name), rel=1e-6)

    def test_what_cannot_be_placed_is_refused(self, lines: LineObject) -> None:
        truth = Reconstruction(lines())
        noise = np.random.default_rng(0).normal(size=(2, 200, 200))
        with pytest.raises(EvaluationError, match="cannot be found in the truth"):
            evaluate(Reconstruction(9 + noise[0] + 1j * noise[1]), truth)
        with pytest.raises(EvaluationError, match="no pixel of the region is covered"):
            evaluate(Reconstruction(lines(), (1000.0, 0.0)), truth)
