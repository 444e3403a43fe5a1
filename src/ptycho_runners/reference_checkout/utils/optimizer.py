"""The optimizer's parameter groups and their learning rates."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from utils.settings import number


def parameter_groups(model: nn.Module, training: dict[str, Any]) -> list[dict[str, Any]]:
    """The optimizer's three named groups: encoder, amp_decoder, ph_decoder.

    The two scales of the heads belong to their decoders' groups.

    Args:
        model: a PtychoViT.
        training: the section of config.yaml; ``encoder_lr``, ``amp_decoder_lr`` and ``ph_decoder_lr`` fall
            back to ``learning_rate``.

    Returns:
        one dict per group with name, params and lr.

    """
    members: dict[str, list[nn.Parameter]] = {"encoder": [], "amp_decoder": [], "ph_decoder": []}
    owner = {"log_scale_amp": "amp_decoder", "log_scale_ph": "ph_decoder"}
    for name, parameter in model.named_parameters():
        top = name.split(".")[0]
        members[owner.get(top, top)].append(parameter)
    default = number(training, "learning_rate")
    return [
        {"name": name, "params": parameters, "lr": number(training, f"{name}_lr", default)}
        for name, parameters in members.items()
    ]


def set_learning_rates(optimizer: torch.optim.Optimizer, schedule: str, epoch: int, epochs: int) -> None:
    """Set each group's rate for an epoch (reference-only key ``training.lr_schedule``).

    The rate follows from the index of the epoch, so that a resumed run needs no scheduler's state. A group
    keeps its base rate as ``initial_lr``, which the optimizer's state stores; a state that another writer
    saved has none, and its rates are the base.

    Args:
        optimizer: its groups are changed.
        schedule: ``constant``, or ``cosine``: half a cosine over all epochs, at the middle of this one.
        epoch: index of the epoch.
        epochs: total number.

    Raises:
        ValueError: for another schedule.

    """
    if schedule not in {"constant", "cosine"}:
        raise ValueError(f"training.lr_schedule {schedule!r}: expected constant or cosine")
    factor = 1.0 if schedule == "constant" else 0.5 * (1.0 + math.cos(math.pi * (epoch + 0.5) / epochs))
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
