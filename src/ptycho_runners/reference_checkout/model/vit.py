"""The encoder: tokens of the pattern and of the object guess, attended to by a small transformer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchEmbed(nn.Module):
    """Cut an image (B, C, H, W) into square patches and map each to a token (B, tokens, dim)."""

    def __init__(self, channels: int, patch: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, kernel_size=patch, stride=patch)

    def forward(self, image: Tensor) -> Tensor:
        """Return tokens in row-major order."""
        tokens: Tensor = self.proj(image)
        return tokens.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head self-attention over (B, tokens, dim)."""

    def __init__(self, dim: int, heads: int, attn_dropout: float, dropout: float) -> None:
        super().__init__()
        self.heads, self.attn_dropout = heads, attn_dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        batch, count, dim = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, count, 3, self.heads, dim // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        dropout = self.attn_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        out: Tensor = self.drop(self.proj(mixed.transpose(1, 2).reshape(batch, count, dim)))
        return out


class Mlp(nn.Module):
    """Two-layer perceptron of a transformer block."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        out: Tensor = self.drop(self.fc2(F.gelu(self.fc1(tokens))))
        return out


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, dim: int, heads: int, mlp_ratio: float, attn_dropout: float, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, heads, attn_dropout, dropout)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        tokens = tokens + self.attn(self.norm1(tokens))
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out


class Encoder(nn.Module):
    """Vision transformer over two aligned images of the same scene.

    The pattern (256 px, patches of 16) and the guess in the object plane (the central 128 px, patches of
    8) give the same grid of tokens. A defocused probe throws a magnified shadow of the object on the
    detector, so a token of the one looks at about the same place as the token of the other; their
    embeddings are added.

    Args:
        config: the section ``model.encoder`` of config.yaml.
        guess_channels: channels of the guess.
    """

    def __init__(self, config: dict[str, Any], guess_channels: int) -> None:
        super().__init__()
        dim, patch = int(config["embed_dim"]), int(config["patch_size"])
        dropout, attn_dropout = float(config["dropout"]), float(config["attn_dropout"])
        self.grid = int(config["img_size"]) // patch
        self.patch_embed = PatchEmbed(int(config["in_channels"]), patch, dim)
        self.guess_embed = PatchEmbed(guess_channels, patch // 2, dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, self.grid**2, dim))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        shape = (dim, int(config["num_heads"]), float(config["mlp_ratio"]), attn_dropout, dropout)
        self.blocks = nn.ModuleList(Block(*shape) for _ in range(int(config["depth"])))
        self.norm = nn.LayerNorm(dim)

    def forward(self, pattern: Tensor, guess: Tensor) -> Tensor:
        """Encode.

        Args:
            pattern: (B, in_channels, img_size, img_size).
            guess: (B, guess_channels, img_size/2, img_size/2).

        Returns:
            feature map (B, embed_dim, grid, grid).
        """
        tokens = self.patch_embed(pattern) + self.guess_embed(guess) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens).transpose(1, 2)
        return tokens.reshape(tokens.shape[0], -1, self.grid, self.grid)
