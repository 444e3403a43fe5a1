"""Losses of the supervised and the diffraction mode."""

from __future__ import annotations

from typing import Any

import torch
from model.physics import illumination
from torch import Tensor
from torch.nn import functional as F

CORE_PX = 72
"""Side of the central square that stitching places (64 px) with a small margin."""

CORE_SHARE = 0.1
"""Weight of that square where no light falls, relative to the brightest pixel."""


def illumination_weight(probe: Tensor) -> Tensor:
    """Weights of a patch's pixels: the pixel's light, and a little for the rest of the stitched core.

    A pattern knows nothing of an object where the probe is dark. The core's corners get some weight all
    the same, for stitching places them and the best guess there is better than none.

    Args:
        probe: complex (B, M, N, N).

    Returns:
        float (B, 1, N, N) with a mean of 1 per item.
    """
    light = illumination(probe)
    light = light / light.amax((-2, -1), keepdim=True).clamp_min(torch.finfo(light.dtype).tiny)
    edge = (light.shape[-1] - CORE_PX) // 2
    core = F.pad(torch.full((1, 1, CORE_PX, CORE_PX), CORE_SHARE, device=light.device), [edge] * 4)
    weight = light + core
    return weight / weight.mean((-2, -1), keepdim=True)


def pointwise_loss(name: str, predicted: Tensor, target: Tensor, weighted: dict[str, Any]) -> Tensor:
    """Loss per pixel.

    Args:
        name: ``training.loss_function``: smooth_l1, mse, l1, poisson_nll or weighted.
        predicted: prediction.
        target: truth of the same shape.
        weighted: the section ``training.weighted_loss``, for the last one: pixels whose target exceeds
            ``threshold`` count ``alpha`` times.

    Returns:
        tensor of the same shape.

    Raises:
        ValueError: for an unknown name.
    """
    if name == "smooth_l1":
        return F.smooth_l1_loss(predicted, target, reduction="none")
    if name == "mse":
        return F.mse_loss(predicted, target, reduction="none")
    if name == "l1":
        return F.l1_loss(predicted, target, reduction="none")
    if name == "poisson_nll":
        return F.poisson_nll_loss(predicted.square(), target.square(), log_input=False, reduction="none")
    if name == "weighted":
        kind = {"mse": "mse", "mae": "l1"}.get(str(weighted.get("loss_type", "mse")))
        if kind is None:
            raise ValueError("training.weighted_loss.loss_type must be mse or mae")
        bright = target > float(weighted.get("threshold", 0.0))
        return pointwise_loss(kind, predicted, target, {}) * torch.where(bright, float(weighted.get("alpha", 1.0)), 1.0)
    raise ValueError(f"training.loss_function {name!r}: expected smooth_l1, mse, l1, poisson_nll or weighted")
