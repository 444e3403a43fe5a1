"""What `checkpoint.state` says: epochs, losses, and the optimizer's groups; its moments by shape only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ptycho_contracts.codes import Severity
from ptycho_contracts.contracts.ptychovit_checkpoint import StateFile
from ptycho_contracts.description import FileInfo
from ptycho_contracts.engine_codes import MEMBER_MISSING
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import STATE_CONTRADICTS
from ptycho_contracts.sources.base import Source, SourceError
from ptycho_contracts.sources.faults import fault
from ptycho_contracts.sources.torch_zip import TorchSource
from ptycho_contracts.structure import check_file

TRACKER = "loss_tracker/"
BEST = f"{TRACKER}best_val_loss"
HISTORIES = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")
"""Losses that the flat checkout appends once in every epoch; a tracker may hold more."""

GROUPS = "optimizer_state_dict/param_groups"
MOMENTS = "optimizer_state_dict/state"

_GROUP = re.compile(rf"{GROUPS}/(\d+)/")
_MOMENT = re.compile(rf"{MOMENTS}/(\d+)/exp_avg")
_SCHEDULER = "scheduler_state_dict"
_FORMAT = "format_version"
_NUMBERS = ("float", "int", "uint")


@dataclass(frozen=True)
class Group:
    """A parameter group of the optimizer: its name where it has one, its rate, how many tensors it trains."""

    name: str | None
    lr: float
    parameters: int


@dataclass(frozen=True)
class StateFacts:
    """What a resume goes on with.

    Attributes:
        path: The file.
        current_epoch: Index of the last finished epoch, plus one.
        losses: Histories by name, one number for each finished epoch.
        best_val_loss: The lowest validation loss; None where none was finite so far (stored as infinity).
        groups: The optimizer's parameter groups.
        scheduled: Whether there is a scheduler's state.
        wandb_run_id: The tracker's run, None where there is none.
        moments: Shape of the first moment by the index of its parameter; frozen parameters have none.
    """

    path: Path
    current_epoch: int
    losses: Mapping[str, tuple[float, ...]]
    best_val_loss: float | None
    groups: tuple[Group, ...]
    scheduled: bool
    wandb_run_id: str | None
    moments: Mapping[int, tuple[int, ...]]


def read_state(path: Path, role: str = "state") -> StateFacts:
    """The facts of a `checkpoint.state`, of the flat checkout or of our bridge.

    Raises:
        SourceError: absent, damaged, hostile, of a later generation, or without what a resume needs; with
            every finding. Whether the facts agree with each other is asked by `state_findings`.
    """
    with TorchSource(path, role) as source:
        info = source.describe()
        found = [*format_findings(info, f"{role}:/"), *check_file(role, StateFile, info)]
        errors = [f for f in found if f.severity is Severity.ERROR]
        if errors:
            raise SourceError(*errors)
        return state_facts(source)


def format_findings(info: FileInfo, location: str = "state:/") -> list[Finding]:
    """STATE_CONTRADICTS for a state that the later packages wrote, which number their format."""
    member = info.members.get(_FORMAT)
    if member is None:
        return []
    return [
        finding(
            STATE_CONTRADICTS,
            f"{location}{_FORMAT}",
            f"this state has format_version {member.value}: a later generation wrote it",
            expected="the five keys of the flat generation, without format_version",
            found=f"format_version {member.value}",
            fix="Resume with the checkout that wrote it, or fine-tune from `best_model.pth`.",
        )
    ]


def state_facts(source: Source) -> StateFacts:
    """The facts of an open state whose structure is right.

    Raises:
        SourceError: MEMBER_MISSING for a parameter group without a rate or parameters.
    """
    members = source.describe().members
    best = float(source.read(BEST))
    return StateFacts(
        path=source.path,
        current_epoch=int(source.read("current_epoch")),
        losses=_losses(source),
        best_val_loss=None if best == math.inf else best,
        groups=_groups(source),
        scheduled=any(path.startswith(f"{_SCHEDULER}/") for path in members),
        wandb_run_id=_text(source, "wandb_run_id"),
        moments={int(match[1]): m.shape for path, m in members.items() if (match := _MOMENT.fullmatch(path))},
    )


def _losses(source: Source) -> dict[str, tuple[float, ...]]:
    """Every list of numbers that the tracker holds."""
    return {
        path.removeprefix(TRACKER): tuple(source.read(path).astype(float).tolist())
        for path, member in source.describe().members.items()
        if path.startswith(TRACKER) and len(member.shape) == 1 and member.dtype.startswith(_NUMBERS)
    }


def _groups(source: Source) -> tuple[Group, ...]:
    members = source.describe().members
    numbers = sorted({int(match[1]) for path in members if (match := _GROUP.match(path))})
    return tuple(_group(source, f"{GROUPS}/{number}") for number in numbers)


def _group(source: Source, path: str) -> Group:
    members = source.describe().members
    for name, axes in (("lr", 0), ("params", 1)):
        member = members.get(f"{path}/{name}")
        if member is None or len(member.shape) != axes or not member.dtype.startswith(_NUMBERS):
            where = f"{source.role}:/{path}/{name}"
            raise fault(MEMBER_MISSING, where, f"a parameter group has no {name}", expected=f"{path}/{name}")
    return Group(
        name=_text(source, f"{path}/name"),
        lr=float(source.read(f"{path}/lr")),
        parameters=members[f"{path}/params"].shape[0],
    )


def _text(source: Source, path: str) -> str | None:
    """A text, None where there is something else or nothing."""
    member = source.describe().members.get(path)
    return source.text(path) if member is not None and member.dtype == "str" else None
