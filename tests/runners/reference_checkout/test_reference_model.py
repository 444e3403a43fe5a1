import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

TINY: dict[str, Any] = {
    "encoder": {"patch_size": 32, "embed_dim": 16, "depth": 1, "num_heads": 2},
    "decoder": {"base_channels": 4, "num_stages": 5},
}
ONE = torch.ones(1)


@pytest.fixture
def model(checkout: SimpleNamespace) -> Any:
    torch.manual_seed(0)
    return checkout.model.PtychoViT(TINY).eval()


@pytest.fixture
def inputs(scene: SimpleNamespace) -> tuple[Any, Any]:
    """Diffraction amplitude (1, 1, N, N) and probe as real (1, 1, 1, N, N, 2)."""
    x = torch.from_numpy(np.sqrt(scene.intensity[:1]))[None]
    return x, torch.view_as_real(torch.from_numpy(scene.probe))[None, None, None]


def test_state_dict_has_the_component_prefixes(model: Any) -> None:
    keys = list(model.state_dict())
    shape = (
        r"log_scale_(amp|ph)|encoder\.(pos_embed|patch_embed\.proj\..+|norm\..+|guess_embed\.proj\..+|blocks\.0\..+)"
    )
    decoder = r"(amp|ph)_decoder\.(stages\.\d\.[01]\.block\.[01]\..+|output\.(weight|bias))"
    assert [key for key in keys if not re.fullmatch(f"{shape}|{decoder}", key)] == []
    blocks = {key.split(".")[3] for key in keys if key.startswith("encoder.blocks.0.")}
    assert blocks == {"norm1", "norm2", "attn", "mlp"}
    assert model.state_dict()["log_scale_amp"].ndim == 0


def test_weights_of_another_model_load_strictly(checkout: SimpleNamespace, model: Any, inputs: Any) -> None:
    other = checkout.model.PtychoViT(TINY).eval()
    other.load_state_dict(model.state_dict(), strict=True)
    with torch.no_grad():
        for one, two in zip(model(*inputs, ONE, ONE), other(*inputs, ONE, ONE), strict=True):
            torch.testing.assert_close(one, two)
    deeper = checkout.model.PtychoViT(TINY | {"encoder": TINY["encoder"] | {"depth": 2}})
    with pytest.raises(RuntimeError, match=r"blocks\.1"):
        deeper.load_state_dict(model.state_dict(), strict=True)


def test_outputs_window_and_range(checkout: SimpleNamespace, model: Any, inputs: Any) -> None:
    model.refine_steps = 0
    with torch.no_grad():
        for decoder in (model.amp_decoder, model.ph_decoder):
            decoder.output.weight.mul_(1e4)
        predicted, amplitude, phase = model(*inputs, ONE, ONE)
    for image in (predicted, amplitude, phase):
        assert (image.shape, image.dtype) == ((1, 1, 256, 256), torch.float32)
    outside = torch.ones(256, 256, dtype=torch.bool)
    outside[64:192, 64:192] = False
    assert (amplitude[0, 0, outside] == 1).all()
    assert (phase[0, 0, outside] == 0).all()
    half = checkout.model.AMPLITUDE_HALF_RANGE
    centre = checkout.model.AMPLITUDE_CENTRE
    inside = amplitude[..., 64:192, 64:192]
    assert centre - half - 1e-4 <= inside.min() < centre - 0.9 * half
    assert centre + 0.9 * half < inside.max() <= centre + half + 1e-4
    assert phase.abs().max() <= np.pi + 1e-4


def test_predicted_diffraction_is_the_forward_model_of_the_predicted_patch(model: Any, inputs: Any) -> None:
    x, probe = inputs
    with torch.no_grad():
        predicted, amplitude, phase = model(x, probe, ONE, ONE)
    wave = (amplitude * torch.exp(1j * phase))[0, 0].numpy() * torch.view_as_complex(probe)[0, 0, 0].numpy()
    expected = np.abs(np.fft.fftshift(np.fft.fft2(wave)))
    np.testing.assert_allclose(predicted[0, 0], expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_norm_and_scale_are_only_a_unit(model: Any, inputs: Any) -> None:
    x, probe = inputs
    norm, scale = torch.tensor([50.0]), torch.tensor([1e4])
    with torch.no_grad():
        plain = model(x, probe, ONE, ONE)
        scaled = model(x * (scale / norm).sqrt(), probe, norm, scale)
    torch.testing.assert_close(scaled[1:], plain[1:], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(scaled[0] * (norm / scale).sqrt(), plain[0], rtol=1e-3, atol=1e-3)


def test_the_unit_of_intensity_does_not_matter(model: Any, inputs: Any) -> None:
    x, probe = inputs
    with torch.no_grad():
        for plain, faint in zip(
            model(x, probe, ONE, ONE)[1:], model(x * 1e-6, probe * 1e-6, ONE, ONE)[1:], strict=True
        ):
            torch.testing.assert_close(faint, plain, rtol=1e-3, atol=3e-3)


def test_dark_modes_change_nothing(model: Any, inputs: Any) -> None:
    x, probe = inputs
    padded = torch.cat([probe, torch.zeros_like(probe).expand(-1, -1, 3, -1, -1, -1)], 2)
    with torch.no_grad():
        for one, two in zip(model(x, probe, ONE, ONE), model(x, padded, ONE, ONE), strict=True):
            torch.testing.assert_close(one, two)


def test_incoherent_modes_add_in_intensity(checkout: SimpleNamespace, scene: SimpleNamespace) -> None:
    wave = torch.from_numpy(scene.probe)
    two = torch.stack([wave, wave.T.contiguous()])[None]
    total = checkout.physics.detector_intensity(two)
    parts = [checkout.physics.detector_intensity(two[:, k : k + 1]) for k in (0, 1)]
    torch.testing.assert_close(total, parts[0] + parts[1])


def test_projections_move_the_uniform_object_towards_the_truth(
    checkout: SimpleNamespace, scene: SimpleNamespace
) -> None:
    x = torch.from_numpy(np.sqrt(scene.intensity[:1]))[None]
    probe = torch.from_numpy(scene.probe)[None, None]
    truth = torch.from_numpy(scene.field[64:192, 64:192])
    light = probe[0, 0, 64:192, 64:192].abs().square()
    uniform = torch.ones(1, 1, 128, 128, dtype=torch.complex64)
    guess = checkout.physics.project(uniform, x, probe, 3)
    errors = [float((light * (field[0, 0] - truth).abs().square()).sum()) for field in (uniform, guess)]
    assert errors[1] < 0.75 * errors[0]


def test_projections_leave_the_truth_alone(checkout: SimpleNamespace, scene: SimpleNamespace) -> None:
    """The light outside the window is neglected: the truth moves by little, and by nothing in the dark."""
    truth = torch.from_numpy(scene.field[64:192, 64:192])[None, None]
    x = torch.from_numpy(np.sqrt(scene.intensity[:1]))[None]
    probe = torch.from_numpy(scene.probe)[None, None]
    moved = checkout.physics.project(truth, x, probe, 5)
    light = probe[..., 64:192, 64:192].abs().square()
    change = (light * (moved - truth).abs().square()).sum() / (light * truth.abs().square()).sum()
    assert change < 1e-4
    dark = checkout.physics.project(truth, x, torch.zeros_like(probe), 5)
    torch.testing.assert_close(dark, truth)


def test_refinement_acts_in_evaluation_only_and_explains_the_pattern_better(model: Any, inputs: Any) -> None:
    errors = []
    with torch.no_grad():
        for steps in (0, 5):
            model.refine_steps = steps
            errors.append(float((model(*inputs, ONE, ONE)[0] - inputs[0]).square().sum()))
        trained = model.train()(*inputs, ONE, ONE)[0]
    assert errors[1] < 0.5 * errors[0]
    assert float((trained - inputs[0]).square().sum()) == pytest.approx(errors[0], rel=1e-3)


@pytest.mark.parametrize("empty", ["pattern", "probe"])
def test_an_empty_pattern_or_probe_gives_finite_gradients(model: Any, inputs: Any, empty: str) -> None:
    x, probe = inputs
    parts = (torch.zeros_like(x), probe) if empty == "pattern" else (x, torch.zeros_like(probe))
    predicted, amplitude, phase = model.train()(*parts, ONE, ONE)
    (predicted.mean() + amplitude.mean() + phase.mean()).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_other_sizes_are_refused_with_the_reason(model: Any, inputs: Any) -> None:
    x, probe = inputs
    with pytest.raises(ValueError, match="N = 256 only"):
        model(x[..., :128, :128], probe, ONE, ONE)
    with pytest.raises(ValueError, match="N = 256 only"):
        model(x, probe[..., :128, :128, :], ONE, ONE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_type": "pretrained"}, "'custom' only"),
        ({"encoder": {"img_size": 128}}, "256 px only"),
        ({"encoder": {"patch_size": 48}}, "patch_size 48"),
        ({"encoder": {"in_channels": 2}}, "in_channels"),
        ({"encoder": {"use_cls_token": True}}, "use_cls_token"),
        ({"encoder": {"embed_dim": 131}}, "embed_dim"),
        ({"decoder": {"latent_dim": 64}}, "latent_dim"),
        ({"decoder": {"num_stages": 3}}, "num_stages"),
    ],
)
def test_models_without_a_form_are_refused(checkout: SimpleNamespace, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checkout.model.PtychoViT(change)


def test_batch_norm_is_an_option(checkout: SimpleNamespace) -> None:
    model = checkout.model.PtychoViT(TINY | {"decoder": TINY["decoder"] | {"use_batchnorm": True}})
    assert "amp_decoder.stages.0.0.block.1.running_mean" in model.state_dict()
