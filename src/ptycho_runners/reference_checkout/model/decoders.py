"""A convolutional decoder from the encoder's feature map to one real image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    """3×3 convolution, optional batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, batch_norm: bool) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(channels_out) if batch_norm else nn.Identity()
        self.block = nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, padding=1), norm)

    def forward(self, image: Tensor) -> Tensor:
        """Return (B, channels_out, H, W)."""
        return F.relu(self.block(image))


class Decoder(nn.Module):
    """Feature map (B, embed_dim, grid, grid) to an image (B, 1, side, side), side = grid·2^(stages-1).

    Each stage but the first doubles the side between its two convolutions. The second convolution of the
    last two stages also sees the guess, its pixels folded into channels at half the side: nothing of the
    guess is averaged away, and little is computed at full size.

    Args:
        config: the section ``model.decoder`` of config.yaml.
        embed_dim: channels of the feature map.
        guess_channels: channels of the guess.
    """

    def __init__(self, config: dict[str, Any], embed_dim: int, guess_channels: int) -> None:
        super().__init__()
        last, base = int(config["num_stages"]) - 1, int(config["base_channels"])
        batch_norm = bool(config["use_batchnorm"])
        skips = {last: guess_channels, last - 1: 4 * guess_channels}
        stages, channels = [], embed_dim
        for stage in range(last + 1):
            width = base * min(4, 2 ** (last - stage))
            first = ConvBlock(channels, width, batch_norm)
            second = ConvBlock(width + skips.get(stage, 0), width, batch_norm)
            stages.append(nn.ModuleList([first, second]))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.drop = nn.Dropout2d(float(config["dropout"]))
        self.output = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, features: Tensor, guess: Tensor) -> Tensor:
        """Decode.

        Args:
            features: (B, embed_dim, grid, grid).
            guess: (B, guess_channels, side, side).

        Returns:
            (B, 1, side, side), unbounded.
        """
        last = len(self.stages) - 1
        skips = {last: guess, last - 1: F.pixel_unshuffle(guess, 2)}
        image = self.drop(features)
        for stage, (first, second) in enumerate(self.stages):
            image = first(image)
            if stage:
                image = F.interpolate(image, scale_factor=2.0, mode="nearest")
            if stage in skips:
                image = torch.cat([image, skips[stage]], 1)
            image = second(image)
        out: Tensor = self.output(image)
        return out
