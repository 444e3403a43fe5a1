"""What the names and shapes of a state dict say of the config that its model was built from.

The layout is that of the flat generation (February 2026); decoders may be made of transposed convolutions, as
upstream's are, or of plain ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import JsonValue

from ptycho_contracts.checkpoints.weights import WeightsFacts

_PARTS = ("amp_decoder", "ph_decoder")
_FLAT = re.compile(
    r"[^.]+"
    r"|encoder\.(pos_embed|cls_token|(patch_embed\.proj|norm)\.(weight|bias))"
    r"|encoder\.blocks\.\d+\.(norm1|norm2|attn\.qkv|attn\.proj|mlp\.fc1|mlp\.fc2)\.(weight|bias)"
    r"|(amp|ph)_decoder\.output\.(weight|bias)"
    r"|(amp|ph)_decoder\.stages\.\d+\.[01]\.block\.[01]"
    r"\.(weight|bias|running_mean|running_var|num_batches_tracked)"
)


class Reading(NamedTuple):
    """One tensor (or all that begin so, with `*`) says that a config key has a value."""

    key: str
    value: JsonValue
    tensor: str


def readings_by_key(weights: WeightsFacts) -> dict[str, list[Reading]]:
    """What the tensors say of each key of section `model`, in the order of the config."""
    found: dict[str, list[Reading]] = {}
    for reading in (*_encoder(weights), *_decoders(weights)):
        found.setdefault(reading.key, []).append(reading)
    return found


def disagree(readings: list[Reading]) -> bool:
    """Whether the tensors that speak of one key name different values."""
    return any(reading.value != readings[0].value for reading in readings)


def is_flat(weights: WeightsFacts) -> bool:
    """Whether every tensor has a name that the flat checkout gives, with its own encoder."""
    return all(_FLAT.fullmatch(name) for name in weights.tensors)


def _shape(weights: WeightsFacts, name: str, *ranks: int) -> tuple[int, ...] | None:
    """A tensor's shape where it is there, has one of these ranks, and no axis of size 0."""
    tensor = weights.tensors.get(name)
    return tensor.shape if tensor is not None and len(tensor.shape) in ranks and all(tensor.shape) else None


def _encoder(weights: WeightsFacts) -> Iterator[Reading]:
    kernel = _shape(weights, "encoder.patch_embed.proj.weight", 4)
    tokens = _shape(weights, "encoder.pos_embed", 3)
    if kernel is not None:
        yield Reading("encoder_type", "custom", "encoder.patch_embed.proj.weight")
        yield Reading("encoder.embed_dim", kernel[0], "encoder.patch_embed.proj.weight")
        yield Reading("encoder.in_channels", kernel[1], "encoder.patch_embed.proj.weight")
        if kernel[2] == kernel[3]:
            yield Reading("encoder.patch_size", kernel[2], "encoder.patch_embed.proj.weight")
    if tokens is not None:
        yield Reading("encoder.embed_dim", tokens[2], "encoder.pos_embed")
        yield from _token_grid(weights, tokens[1], kernel)
    if weights.depth is not None:
        yield Reading("encoder.depth", weights.depth, "encoder.blocks.*")
        for block in range(weights.depth):
            yield from _block(weights, f"encoder.blocks.{block}")


def _token_grid(weights: WeightsFacts, tokens: int, kernel: tuple[int, ...] | None) -> Iterator[Reading]:
    """The class token, which takes a place in the position embedding, and the side of what the others cover."""
    has_class = "encoder.cls_token" in weights.tensors
    yield Reading("encoder.use_cls_token", has_class, "encoder.cls_token" if has_class else "encoder.pos_embed")
    grid = math.isqrt(tokens - has_class)
    if kernel is not None and kernel[2] == kernel[3] and grid > 0 and grid**2 == tokens - has_class:
        yield Reading("encoder.img_size", grid * kernel[2], "encoder.pos_embed")


def _block(weights: WeightsFacts, block: str) -> Iterator[Reading]:
    name = f"{block}.mlp.fc1.weight"
    if (hidden := _shape(weights, name, 2)) is not None:
        yield Reading("encoder.embed_dim", hidden[1], name)
        yield Reading("encoder.mlp_ratio", _ratio(*hidden), name)


def _ratio(hidden: int, dim: int) -> float:
    """The ratio whose product with `dim`, cut to a whole number as the checkout does, is `hidden`."""
    ratio = hidden / dim
    return ratio if int(dim * ratio) == hidden else math.nextafter(ratio, math.inf)


def _decoders(weights: WeightsFacts) -> Iterator[Reading]:
    for part in _PARTS:
        if (output := _shape(weights, f"{part}.output.weight", 2, 4)) is not None:
            yield Reading("decoder.base_channels", output[1], f"{part}.output.weight")
        numbers = {int(name.split(".")[2]) for name in weights.tensors if re.match(rf"{part}\.stages\.\d+\.", name)}
        if numbers and max(numbers) == len(numbers) - 1:
            yield Reading("decoder.num_stages", len(numbers), f"{part}.stages.*")
            normalised = any(name.startswith(f"{part}.stages.") for name in weights.buffers)
            yield Reading("decoder.use_batchnorm", normalised, f"{part}.stages.*")
        yield from _latent(weights, f"{part}.stages.0.0.block.0")


def _latent(weights: WeightsFacts, convolution: str) -> Iterator[Reading]:
    """Channels that the first convolution takes: the axis that is not the bias's, transposed or not."""
    kernel = _shape(weights, f"{convolution}.weight", 4)
    bias = _shape(weights, f"{convolution}.bias", 1)
    if kernel is not None and bias is not None and bias[0] in kernel[:2]:
        taken = kernel[1] if kernel[0] == bias[0] else kernel[0]
        yield Reading("decoder.latent_dim", taken, f"{convolution}.weight")
