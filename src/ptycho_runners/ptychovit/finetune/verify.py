"""Proof that a stage left alone what it was to leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ptycho_contracts.checkpoints.weights import WeightsFacts, read_weights
from ptycho_contracts.contracts.ptychovit_checkpoint import WeightsFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import FROZEN_MOVED
from ptycho_contracts.sources.torch_zip import TorchSource
from ptycho_runners.ptychovit.finetune.parts import below

_NAMED = 5


def frozen_findings(before: Path, after: Path, frozen: Sequence[str]) -> list[Finding]:
    """FROZEN_MOVED where a tensor or buffer of a frozen part is not bit for bit what it was.

    Args:
        before: the weights that a stage started from.
        after: the weights that it left.
        frozen: names of parts.

    Raises:
        SourceError: one of both files cannot be read.
    """
    moved = changed_tensors(before, after, frozen)
    if not moved:
        return []
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    message = f"{len(moved)} tensors of frozen parts changed: {', '.join(moved[:_NAMED])}{more}"
    return [finding(FROZEN_MOVED, f"pth:/{moved[0]}", message)]


def changed_tensors(before: Path, after: Path, parts: Sequence[str]) -> list[str]:
    """Names, without `module.`, of the tensors of some parts that differ in bits, shape or dtype, or are gone."""
    old, new = read_weights(before), read_weights(after)
    names = dict.fromkeys(name for part in parts for name in below(part, old.tensors))
    with TorchSource(before) as first, TorchSource(after) as second:
        return [
            name
            for name in names
            if new.tensors.get(name) != old.tensors[name]
            or first.read(_stored(old, name)).tobytes() != second.read(_stored(new, name)).tobytes()
        ]


def _stored(weights: WeightsFacts, name: str) -> str:
    return f"{WeightsFile.wrapper}{name}" if weights.prefixed else name
