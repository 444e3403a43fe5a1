"""The section `model` that a conformance run trains: the checkout's own, made small by documented keys."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

DEPTH, CHANNELS_PER_HEAD, BASE_CHANNELS = 2, 8, 8
_HEADS = 8  # upstream's default where the key is absent


def model_section(section: Mapping[str, Any], *, small: bool) -> dict[str, Any]:
    """A copy of the section, with fewer blocks and channels where `small`.

    Only keys that the section has are changed, and none that decides the relation between patch grid and image.
    `embed_dim` stays a multiple of `num_heads`, and a `latent_dim` that repeats it follows it.
    """
    changed = deepcopy(dict(section))
    if not small:
        return changed
    encoder, decoder = changed.get("encoder") or {}, changed.get("decoder") or {}
    dim = CHANNELS_PER_HEAD * int(encoder.get("num_heads", _HEADS))
    _set(encoder, "depth", DEPTH)
    if decoder.get("latent_dim") is not None:
        _set(decoder, "latent_dim", dim)
    _set(encoder, "embed_dim", dim)
    _set(decoder, "base_channels", BASE_CHANNELS)
    return changed


def _set(section: dict[str, Any], key: str, value: int) -> None:
    if key in section:
        section[key] = value
