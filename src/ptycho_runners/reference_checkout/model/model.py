"""PtychoViT: from one diffraction pattern and its probe to amplitude and phase of the object patch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.decoders import Decoder
from model.physics import detector_intensity, illumination, mean_transmission, project
from model.vit import Encoder

N = 256
"""Detector size. The window, the token grid and the shipped weights are made for this size only."""

WINDOW = N // 2
"""Side of the central window that the decoders fill; outside it amplitude is 1 and phase 0."""

DARK = 1e-20
"""Far below any light, whatever its unit: stands in for a division by nothing."""

GUESS_STEPS = 3
REFINE_STEPS = 5
"""Default of ``model.refine_steps``. More steps fit the light better, but carry its noise into the dark."""

GUESS_CHANNELS = 4

EPSILON = 1e-8
"""Counts added under the square root of the prediction: its slope stays finite where no photon falls."""

AMPLITUDE_CENTRE, AMPLITUDE_HALF_RANGE = 1.3, 1.2
PHASE_HALF_RANGE = math.pi

ENCODER_DEFAULTS = {
    "img_size": N,
    "patch_size": 32,
    "in_channels": 1,
    "embed_dim": 160,
    "depth": 4,
    "num_heads": 5,
    "mlp_ratio": 4,
    "use_cls_token": False,
    "dropout": 0.0,
    "attn_dropout": 0.0,
}
DECODER_DEFAULTS = {
    "base_channels": 12,
    "latent_dim": None,
    "num_stages": 5,
    "use_batchnorm": False,
    "dropout": 0.0,
}


class PtychoViT(nn.Module):
    """Amplitude and phase of an object patch from its diffraction amplitude.

    The heads are a·exp(log_scale)+centre with a = 1.7159·tanh(2x/3), |a| < 1.72. As built, amplitude
    covers 0.1 … 2.5 and phase -π … π; ``log_scale_amp`` and ``log_scale_ph`` are trained with the rest.
    The amplitude's unit is the pair's: objects are expected with a median modulus near 1.

    Args:
        config: the section ``model`` of config.yaml.

    Raises:
        ValueError: for settings that this model has no form for, with the reason.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        encoder = ENCODER_DEFAULTS | dict(config.get("encoder") or {})
        decoder = DECODER_DEFAULTS | dict(config.get("decoder") or {})
        check_config(config.get("encoder_type", "custom"), encoder, decoder)
        self.refine_steps = int(config.get("refine_steps", REFINE_STEPS))
        dim = int(encoder["embed_dim"])
        self.log_scale_amp = nn.Parameter(torch.tensor(math.log(AMPLITUDE_HALF_RANGE / 1.7159)))
        self.log_scale_ph = nn.Parameter(torch.tensor(math.log(PHASE_HALF_RANGE / 1.7159)))
        self.encoder = Encoder(encoder, GUESS_CHANNELS)
        self.amp_decoder = Decoder(decoder, dim, GUESS_CHANNELS)
        self.ph_decoder = Decoder(decoder, dim, GUESS_CHANNELS)

    def forward(self, x: Tensor, probe_as_real: Tensor, norm: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruct a batch of patterns independently of each other.

        In evaluation mode the network's object is moved towards its own pattern by ``refine_steps``
        projections; in training mode it is returned as the network says.

        Args:
            x: diffraction amplitude sqrt(intensity / norm · scale), float32 (B, 1, 256, 256).
            probe_as_real: (B, OPR, M, 256, 256, 2); only OPR row 0 is used.
            norm: (B,) or broadcastable; the object's normalization.
            scale: (B,) or broadcastable; the dataset's scale.

        Returns:
            predicted diffraction amplitude in the unit of x, amplitude, phase (radian);
            each float32 (B, 1, 256, 256).

        Raises:
            ValueError: when a pattern or probe is not 256 × 256.
        """
        check_shapes(x, probe_as_real)
        probe = _lit_modes(torch.view_as_complex(probe_as_real[:, 0].contiguous()))
        unit = (_per_item(norm, x) / _per_item(scale, x)).sqrt()
        amplitude, phase = self.reconstruct(x * unit, probe)
        if self.refine_steps and not self.training:
            field = project(torch.polar(amplitude, phase), x * unit, probe, self.refine_steps)
            amplitude, phase = field.abs(), field.angle()
        margin = [(N - WINDOW) // 2] * 4
        amplitude = F.pad(amplitude, margin, value=1.0)
        phase = F.pad(phase, margin, value=0.0)
        patch = torch.polar(amplitude, phase)
        predicted = (detector_intensity(patch * probe) / unit.square() + EPSILON).sqrt()
        return predicted, amplitude, phase

    def reconstruct(self, diffraction: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
        """Amplitude and phase inside the window.

        Args:
            diffraction: measured amplitude in the unit of the forward model, (B, 1, 256, 256).
            probe: complex (B, M, 256, 256).

        Returns:
            amplitude and phase (radian), float32 (B, 1, 128, 128).
        """
        with torch.no_grad():
            pattern, guess = self.prepare(diffraction, probe)
        features = self.encoder(pattern, guess).contiguous(memory_format=torch.channels_last)
        amplitude = _head(self.amp_decoder(features, guess).float(), self.log_scale_amp) + AMPLITUDE_CENTRE
        phase = _head(self.ph_decoder(features, guess).float(), self.log_scale_ph)
        return amplitude, phase

    @staticmethod
    def prepare(amplitude: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
        """What the network sees: two images without unit.

        Args:
            amplitude: diffraction amplitude in the unit of the forward model, (B, 1, 256, 256).
            probe: complex (B, M, 256, 256).

        Returns:
            pattern (B, 1, 256, 256): decimal logarithm of the measured amplitude over that of a uniform
            object, both raised by a tenth of the latter's maximum;
            guess (B, 4, 128, 128): modulus - 1, phase and relative illumination of the object guess, and
            the uniform object's modulus - 1.
        """
        level = mean_transmission(amplitude, probe)
        flat = level * detector_intensity(probe).sqrt()
        floor = 0.1 * flat.amax((-2, -1), keepdim=True) + DARK
        pattern = torch.log10((amplitude + floor) / (flat + floor))
        uniform = level.to(probe.dtype).expand(-1, -1, WINDOW, WINDOW)
        guess = project(uniform, amplitude, probe, GUESS_STEPS)
        cut = (N - WINDOW) // 2
        light = illumination(probe)[..., cut : cut + WINDOW, cut : cut + WINDOW].sqrt()
        light = light / light.amax((-2, -1), keepdim=True).clamp_min(DARK)
        channels = [guess.abs() - 1.0, guess.angle(), light, (level - 1.0).expand_as(light)]
        return pattern, torch.cat(channels, 1).contiguous(memory_format=torch.channels_last)


def check_config(encoder_type: str, encoder: dict[str, Any], decoder: dict[str, Any]) -> None:
    """Refuse settings that would build a model of another shape than asked for.

    Raises:
        ValueError: naming the key, the value and the reason.
    """
    size, patch = int(encoder["img_size"]), int(encoder["patch_size"])
    grid = size // patch
    problems = {
        f"model.encoder_type {encoder_type!r}: the reference checkout has 'custom' only": (encoder_type != "custom"),
        f"model.encoder.img_size {size}: the reference checkout is made for {N} px only, because its window, "
        "token grid and weights are": size != N,
        f"model.encoder.patch_size {patch} must be even and divide {N}": bool(patch % 2 or size % patch),
        "model.encoder.in_channels must be 1: patterns have one channel": int(encoder["in_channels"]) != 1,
        "model.encoder.use_cls_token is not supported by the reference checkout": encoder["use_cls_token"],
        "model.encoder.embed_dim must be a multiple of num_heads": bool(
            int(encoder["embed_dim"]) % int(encoder["num_heads"])
        ),
        "model.decoder.latent_dim must be null or equal embed_dim": (
            decoder["latent_dim"] not in (None, encoder["embed_dim"])
        ),
        f"model.decoder.num_stages {decoder['num_stages']}: patch grid {grid} · 2^stages must be {N}": (
            grid * 2 ** int(decoder["num_stages"]) != N
        ),
    }
    for problem, is_met in problems.items():
        if is_met:
            raise ValueError(problem)


def check_shapes(x: Tensor, probe_as_real: Tensor) -> None:
    """Refuse arrays of another size than the model's.

    Raises:
        ValueError: naming the array, its shape and the reason.
    """
    reason = f"the reference checkout is made for N = {N} only: its window, token grid and weights are"
    if x.ndim != 4 or x.shape[1:] != (1, N, N):
        raise ValueError(f"patterns have the shape {tuple(x.shape)}, expected (B, 1, {N}, {N}); {reason}")
    if probe_as_real.ndim != 6 or probe_as_real.shape[-3:] != (N, N, 2):
        raise ValueError(
            f"probe has the shape {tuple(probe_as_real.shape)}, expected (B, OPR, M, {N}, {N}, 2); {reason}"
        )


def _per_item(value: Tensor, x: Tensor) -> Tensor:
    """A scalar or (B,) value as (B or 1, 1, 1, 1) of x's dtype and device."""
    return torch.as_tensor(value, dtype=x.dtype, device=x.device).reshape(-1, 1, 1, 1)


def _lit_modes(probe: Tensor) -> Tensor:
    """The probe without the modes that are dark in the whole batch: padding costs transforms."""
    lit = torch.view_as_real(probe).ne(0).flatten(2).any(2).any(0)
    return probe[:, lit] if bool(lit.any()) else probe[:, :1]


def _head(image: Tensor, log_scale: Tensor) -> Tensor:
    """Scaled hyperbolic tangent of LeCun, nearly linear around 0."""
    return 1.7159 * torch.tanh(image * (2.0 / 3.0)) * torch.exp(log_scale)
