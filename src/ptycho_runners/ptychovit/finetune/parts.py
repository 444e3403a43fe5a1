"""Parts of a model by the names of its weights: what stays frozen, and which part has which rate. Pure functions.

Everything follows from the names in the state dict, so that it holds for every checkout of the flat generation:
`encoder.blocks.<i>.…` are the blocks, `encoder.norm.…` is the norm behind the last one, and whatever else lies under
`encoder.` (embeddings, position, what a checkout has more) comes before the blocks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from ptycho_contracts.contracts.finetune_policy import Stage

ENCODER, NORM = "encoder", "encoder.norm"
_BLOCK = re.compile(r"encoder\.blocks\.([0-9]+)\.")


def depth_of(keys: Iterable[str]) -> int:
    """Number of encoder blocks; 0 where no name speaks of one."""
    indices = [int(found[1]) for found in map(_BLOCK.match, keys) if found]
    return max(indices, default=-1) + 1


def frozen_parts(keys: Collection[str], encoder_blocks: int | str) -> tuple[str, ...]:
    """Names of what a stage leaves as it is.

    Args:
        keys: names in the state dict, without `module.`.
        encoder_blocks: how many of the last blocks are trained, with the final norm; or `all`.

    Returns:
        `encoder` where nothing of it is trained; otherwise the lower blocks and all that comes before the blocks.
    """
    if encoder_blocks == "all":
        return ()
    if encoder_blocks == 0:
        return (ENCODER,)
    lower = range(trained_blocks(keys, encoder_blocks).start)
    return (*before_blocks(keys), *(block(index) for index in lower))


def trained_blocks(keys: Iterable[str], encoder_blocks: int | str) -> range:
    """Indices of the blocks that a stage trains; empty where it asks for none, or for more than there are."""
    depth = depth_of(keys)
    count = depth if encoder_blocks == "all" else int(encoder_blocks)
    return range(depth - count, depth) if count <= depth else range(0)


def before_blocks(keys: Iterable[str]) -> tuple[str, ...]:
    """The encoder's parts that are neither a block nor the final norm, such as `encoder.patch_embed`."""
    parts = {".".join(key.split(".")[:2]) for key in keys if key.startswith(f"{ENCODER}.")}
    return tuple(sorted(parts - {NORM, f"{ENCODER}.blocks"}))


def below(part: str, keys: Iterable[str]) -> list[str]:
    """The names of tensors and buffers that belong to a part: itself, or what continues it after a point."""
    return [key for key in keys if key == part or key.startswith(f"{part}.")]


def block(index: int) -> str:
    """The name of an encoder block."""
    return f"{ENCODER}.blocks.{index}"


def rates_by_part(stage: Stage, keys: Collection[str]) -> dict[str, float]:
    """Rates of single parts of the encoder that differ from `encoder_lr` by the stage's own words.

    With `block_lr_decay` γ, the last block has encoder_lr and each one below γ times the rate of the one above;
    where all is trained, the embeddings have γ times the rate of block 0.
    """
    if stage.encoder_lr is None or stage.encoder_blocks == 0:
        return {}
    if stage.block_lr_decay is None:
        return {block(int(index)): rate for index, rate in sorted(stage.block_lrs.items(), key=lambda i: int(i[0]))}
    blocks, factor = trained_blocks(keys, stage.encoder_blocks), stage.block_lr_decay
    rates = {block(index): stage.encoder_lr * factor ** (blocks.stop - 1 - index) for index in blocks}
    embeddings = before_blocks(keys) if stage.encoder_blocks == "all" else ()
    return rates | dict.fromkeys(embeddings, stage.encoder_lr * factor**blocks.stop)
