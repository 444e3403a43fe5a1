"""The proof that nothing frozen moved notices a single bit, a missing tensor, another dtype; and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ptycho_runners.ptychovit.finetune.verify import changed_tensors, frozen_findings
from ptycho_runners.ptychovit.request import TrainRequest

BN = "encoder.batch_norm.running_mean"


@pytest.fixture(scope="module")
def before(source: TrainRequest) -> Path:
    assert source.initial_weights is not None
    return source.initial_weights


@pytest.fixture
def write(before: Path, tmp_path: Path) -> Any:
    def make(changes: dict[str, Any], drop: str | None = None, prefix: str = "") -> Path:
        made = {**torch.load(before, weights_only=True), **changes}
        torch.save({prefix + name: value for name, value in made.items() if name != drop}, tmp_path / "after.pth")
        return tmp_path / "after.pth"

    return make


def test_the_same_weights_are_the_same_with_and_without_the_prefix(before: Path, write: Any) -> None:
    assert changed_tensors(before, write({}), ["encoder"]) == []
    assert changed_tensors(before, write({}, prefix="module."), ["encoder"]) == []


def test_one_bit_of_a_buffer_is_noticed(before: Path, write: Any) -> None:
    value = torch.load(before, weights_only=True)[BN].clone()
    value.view(torch.int32)[3] ^= 1
    after = write({BN: value})
    assert changed_tensors(before, after, ["encoder"]) == [BN]
    assert changed_tensors(before, after, ["encoder.batch_norm", "encoder"]) == [BN]  # told once
    assert changed_tensors(before, after, ["encoder.blocks.1", "encoder.batch"]) == []


def test_another_dtype_or_shape_or_none_is_noticed(before: Path, write: Any) -> None:
    old = torch.load(before, weights_only=True)[BN]
    for after in (write({BN: old.double()}), write({BN: old[:1]}), write({}, drop=BN)):
        assert changed_tensors(before, after, ["encoder.batch_norm"]) == [BN]


def test_minus_zero_is_not_zero(before: Path, write: Any, tmp_path: Path) -> None:
    zero = torch.zeros(16)
    torch.save(torch.load(write({BN: zero}), weights_only=True), tmp_path / "zero.pth")
    assert changed_tensors(tmp_path / "zero.pth", write({BN: -zero}), ["encoder"]) == [BN]


def test_many_are_counted_and_some_named(before: Path, write: Any) -> None:
    old = torch.load(before, weights_only=True)
    after = write({name: value + 1 for name, value in old.items() if name.startswith("encoder.blocks.0.")})
    (found,) = frozen_findings(before, after, ["encoder.blocks.0"])
    assert found.code == "PTY529"
    assert found.message.startswith("12 tensors of frozen parts changed: encoder.blocks.0.norm1.weight, ")
    assert found.message.endswith(" and 7 more")
