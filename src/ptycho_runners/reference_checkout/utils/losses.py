"""Losses of the supervised and the diffraction mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from model.physics import illumination
from torch import Tensor, nn
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


def _poisson_nll(predicted: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood of counts whose square roots are given."""
    return F.poisson_nll_loss(predicted.square(), target.square(), log_input=False, reduction="none")


POINTWISE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "smooth_l1": partial(F.smooth_l1_loss, reduction="none"),
    "mse": partial(F.mse_loss, reduction="none"),
    "l1": partial(F.l1_loss, reduction="none"),
    "poisson_nll": _poisson_nll,
}
"""The values of `training.loss_function`, but for `weighted`."""

WEIGHTED_KINDS = {"mse": "mse", "mae": "l1"}
"""The values of `training.weighted_loss.loss_type` as names of the table above."""


class PixelLoss(nn.Module):
    """Loss per pixel: the criterion of the training.

    Args:
        name: ``training.loss_function``: smooth_l1, mse, l1, poisson_nll or weighted.
        weighted: the section ``training.weighted_loss``, for the last one: ``loss_type`` mse or mae; pixels
            whose target exceeds ``threshold`` count ``alpha`` times.

    Raises:
        ValueError: for an unknown name.

    """

    def __init__(self, name: str, weighted: dict[str, Any] | None = None) -> None:
        super().__init__()
        section = (weighted or {}) if name == "weighted" else {}
        kind = WEIGHTED_KINDS.get(section.get("loss_type", "mse")) if name == "weighted" else name
        if kind is None:
            raise ValueError("training.weighted_loss.loss_type must be mse or mae")
        if kind not in POINTWISE:
            raise ValueError(f"training.loss_function {name!r}: expected {', '.join(POINTWISE)} or weighted")
        self.pointwise = POINTWISE[kind]
        self.threshold, self.alpha = float(section.get("threshold", 0.0)), float(section.get("alpha", 1.0))

    def forward(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a tensor of the shape of both arguments."""
        loss = self.pointwise(predicted, target)
        return loss if self.alpha == 1.0 else loss * torch.where(target > self.threshold, self.alpha, 1.0)
