"""Weights are read as facts, of every generation; what is damaged or hostile is findings and nothing else."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from flat_run import MODEL, SCALES, save, state_dict, zeros

from ptycho_contracts.checkpoints.weights import Tensor, prefix_findings, read_weights
from ptycho_contracts.engine_codes import FILE_ABSENT, FORBIDDEN_PICKLE, MEMBER_MISSING, UNREADABLE
from ptycho_contracts.run_codes import MODULE_PREFIX
from ptycho_contracts.sources.base import SourceError


def codes(call: Any, *args: Any) -> set[str]:
    """The codes of the findings with which a reader refuses a file."""
    with pytest.raises(SourceError) as caught:
        call(*args)
    assert caught.value.findings
    return {f.code for f in caught.value.findings}


def test_facts_of_the_flat_generation(tmp_path: Path) -> None:
    tensors = OrderedDict(state_dict(MODEL))
    weights = read_weights(save(tmp_path / "best_model.pth", tensors))
    assert list(weights.tensors) == list(tensors)
    assert weights.tensors["encoder.pos_embed"] == Tensor("float32", (1, 64, 24))
    assert weights.tensors["amp_decoder.stages.0.0.block.1.num_batches_tracked"] == Tensor("int64", ())
    assert (weights.prefixed, weights.head, weights.depth) == (False, "conv2d", 3)
    assert weights.norm_parameters == SCALES
    assert len(weights.buffers) == 2 * 3 * 2 * 3  # decoders × stages × layers × kinds
    assert weights.parameters == len(tensors) - 36
    assert "amp_decoder.stages.2.1.block.1.running_var" in weights.buffers
    assert "amp_decoder.stages.2.1.block.1.weight" not in weights.buffers
    assert prefix_findings(weights) == []


def test_facts_of_later_generations(tmp_path: Path) -> None:
    later = ("amp_scale", "ph_scale", "amp_offset")
    weights = read_weights(save(tmp_path / "x.pth", state_dict(MODEL, linear=True, scales=later)))
    assert (weights.head, weights.norm_parameters) == ("linear", later)
    without = state_dict(MODEL, scales=())
    del without["amp_decoder.output.weight"]
    weights = read_weights(save(tmp_path / "y.pth", without))
    assert (weights.head, weights.norm_parameters) == (None, ())


def test_a_wrapped_model_is_read_all_the_same(tmp_path: Path) -> None:
    tensors = state_dict(MODEL)
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    weights = read_weights(save(tmp_path / "ddp.pth", wrapped), "best")
    assert (weights.prefixed, list(weights.tensors)) == (True, list(tensors))
    (found,) = prefix_findings(weights, "best:/")
    assert (found.code, found.location) == (MODULE_PREFIX.id, "best:/module.log_scale_amp")


def test_a_prefix_on_some_names_only_is_part_of_them(tmp_path: Path) -> None:
    weights = read_weights(save(tmp_path / "x.pth", state_dict(MODEL) | {"module.encoder.more": zeros(2)}))
    assert not weights.prefixed
    assert "module.encoder.more" in weights.tensors


def test_what_is_no_tensor_is_not_counted(tmp_path: Path) -> None:
    tensors = state_dict(MODEL)
    weights = read_weights(save(tmp_path / "x.pth", tensors | {"epoch": 3, "name": "x", "nothing": None}))
    assert list(weights.tensors) == list(tensors)


def test_a_missing_block_leaves_the_depth_open(tmp_path: Path) -> None:
    tensors = {k: t for k, t in state_dict(MODEL).items() if not k.startswith("encoder.blocks.1.")}
    assert read_weights(save(tmp_path / "x.pth", tensors)).depth is None


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        ({}, 3),
        ({"state_dict": state_dict(MODEL), "epoch": 3}, 3),
        ({k: t for k, t in state_dict(MODEL).items() if not k.startswith("ph_decoder.")}, 1),
        (zeros(3), 3),
        ([1.0, 2.0], 3),
    ],
    ids=["empty", "wrapped in a dict", "no phase decoder", "a tensor", "numbers"],
)
def test_no_state_dict_of_the_model_is_every_finding(tmp_path: Path, value: Any, missing: int) -> None:
    with pytest.raises(SourceError) as caught:
        read_weights(save(tmp_path / "x.pth", value))
    assert [f.code for f in caught.value.findings] == [MEMBER_MISSING.id] * missing
    assert caught.value.findings[-1].location == "pth:/ph_decoder.*"


class Malicious:
    def __reduce__(self) -> Any:
        return os.system, ("echo pwned > pwned.txt",)


def test_a_forbidden_global_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "x.pth", state_dict(MODEL) | {"encoder.extra": Malicious()})
    assert codes(read_weights, path) == {FORBIDDEN_PICKLE.id}
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.pth"]


def test_absent_empty_or_of_another_kind(tmp_path: Path) -> None:
    assert codes(read_weights, tmp_path / "nothing.pth") == {FILE_ABSENT.id}
    for number, content in enumerate((b"", b"hello", b"PK\x05\x06" + bytes(18), b"\x80\x02N.")):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(content)
        assert codes(read_weights, path) == {UNREADABLE.id}
