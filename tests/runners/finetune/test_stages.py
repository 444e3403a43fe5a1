"""From policy and names to frozen parts, rates and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_contracts.contracts.finetune_policy import FineTunePolicy, Stage
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.finetune.parts import below, depth_of, frozen_parts
from ptycho_runners.ptychovit.finetune.stages import DEFAULT_POLICY, plan_stages, stage_request
from ptycho_runners.ptychovit.request import TrainRequest


def names(depth: int) -> list[str]:
    """Names as in a state dict of the flat generation, and an embedding that only some checkouts have."""
    blocks = [f"encoder.blocks.{i}.{part}.weight" for i in range(depth) for part in ("norm1", "attn.qkv", "mlp.fc1")]
    embeddings = ["encoder.pos_embed", "encoder.patch_embed.proj.weight", "encoder.normalizer.running_mean"]
    decoders = [f"{d}_decoder.stages.0.0.block.1.running_mean" for d in ("amp", "ph")]
    return [
        "log_scale_amp",
        "log_scale_ph",
        *embeddings,
        *blocks,
        "encoder.norm.weight",
        "encoder.norm.bias",
        *decoders,
    ]


def stage(**changes: Any) -> dict[str, Any]:
    made = {"name": "s", "encoder_blocks": 1, "epochs": 1, "encoder_lr": 1e-5}
    return made | {"amp_decoder_lr": 1e-4, "ph_decoder_lr": 2e-4} | changes


def policy(*stages: dict[str, Any], force: bool = False) -> FineTunePolicy:
    return FineTunePolicy.model_validate({"stages": stages, "force": force})


def refusals(asked: FineTunePolicy, depth: int = 4) -> list[tuple[str, str]]:
    with pytest.raises(RunError) as caught:
        plan_stages(asked, names(depth))
    return [(found.code, found.location) for found in caught.value.findings]


@given(st.integers(1, 12), st.data())
def test_frozen_and_trained_parts_divide_the_encoder(depth: int, data: st.DataObject) -> None:
    trained_blocks = data.draw(st.integers(1, depth))
    keys = names(depth)
    frozen = {key for part in frozen_parts(keys, trained_blocks) for key in below(part, keys)}
    top = tuple(f"encoder.blocks.{i}." for i in range(depth - trained_blocks, depth))
    trained = {key for key in keys if key.startswith((*top, "encoder.norm.", "log_scale", "amp_", "ph_"))}
    assert frozen | trained == set(keys)
    assert not frozen & trained


def test_nothing_all_and_everything_between() -> None:
    keys = names(11)
    assert depth_of(keys) == 11
    assert frozen_parts(keys, 0) == ("encoder",)
    assert frozen_parts(keys, "all") == ()
    embeddings = ("encoder.normalizer", "encoder.patch_embed", "encoder.pos_embed")
    assert frozen_parts(keys, 11) == embeddings
    assert frozen_parts(keys, 9) == (*embeddings, "encoder.blocks.0", "encoder.blocks.1")
    assert below("encoder.blocks.1", keys) == [key for key in keys if key.startswith("encoder.blocks.1.")]


def test_rates_of_single_blocks() -> None:
    (planned,) = plan_stages(policy(stage(encoder_blocks=2, block_lrs={"2": 1e-6})), names(4))
    assert planned.part_rates == {"encoder.blocks.2": 1e-6}
    assert planned.learning_rates == {
        "encoder": 1e-5, "encoder.blocks.2": 1e-6, "amp_decoder": 1e-4, "ph_decoder": 2e-4
    }  # fmt: skip


def test_rates_decay_from_the_top_block_down() -> None:
    top, whole = plan_stages(
        policy(stage(encoder_blocks=2, block_lr_decay=0.5), stage(name="t", encoder_blocks="all", block_lr_decay=0.5)),
        names(4),
    )
    assert top.part_rates == {"encoder.blocks.2": 5e-6, "encoder.blocks.3": 1e-5}
    assert whole.part_rates["encoder.blocks.0"] == pytest.approx(1.25e-6)
    assert whole.part_rates["encoder.pos_embed"] == pytest.approx(0.625e-6)
    assert "encoder.norm" not in whole.part_rates


def test_a_frozen_encoder_has_no_rate() -> None:
    (planned,) = plan_stages(policy(stage(encoder_blocks=0)), names(4))
    assert planned.learning_rates == {"amp_decoder": 1e-4, "ph_decoder": 2e-4}


REFUSED = [
    ([stage(encoder_blocks=5)], [("PTY515", "yaml:/stages[0]/encoder_blocks")]),
    ([stage(encoder_lr=None)], [("PTY515", "yaml:/stages[0]/encoder_lr")]),
    ([stage(encoder_lr=1e-4)], [("PTY523", "yaml:/stages[0]/encoder_lr")]),  # equal is not below
    ([stage(encoder_blocks="all", encoder_lr=1.5e-4)], [("PTY523", "yaml:/stages[0]/encoder_lr")]),
    ([stage(block_lrs={"3": 1e-3})], [("PTY523", "yaml:/stages[0]/encoder_lr")]),
    ([stage(block_lrs={"2": 1e-6})], [("PTY515", "yaml:/stages[0]/block_lrs/2")]),
    ([stage(block_lrs={"4": 1e-6})], [("PTY515", "yaml:/stages[0]/block_lrs/4")]),
    ([stage(block_lrs={"top": 1e-6, "03": 1e-6})],
     [("PTY515", "yaml:/stages[0]/block_lrs/top"), ("PTY515", "yaml:/stages[0]/block_lrs/03")]),
    ([stage(block_lrs={"3": 1e-6}, block_lr_decay=0.5)], [("PTY515", "yaml:/stages[0]/block_lrs")]),
    ([stage(encoder_blocks=0, block_lrs={"3": 1e-6})], [("PTY515", "yaml:/stages[0]/block_lrs/3")]),
    ([stage(), stage()], [("PTY515", "yaml:/stages[1]/name")]),
    ([stage(when="never")], [("PTY515", "yaml:/stages")]),
    ([stage(when="never"), stage(name="t", when="if_justified")], [("PTY515", "yaml:/stages[1]/when")]),
    (
        [stage(encoder_blocks=9), stage(encoder_lr=1.0)],  # every reason at once
        [("PTY515", "yaml:/stages[0]/encoder_blocks"), ("PTY515", "yaml:/stages[1]/name"),
         ("PTY523", "yaml:/stages[1]/encoder_lr")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stages", "expected"), REFUSED)
def test_refusals(stages: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    assert refusals(policy(*stages)) == expected


def test_force_allows_a_fast_encoder_and_nothing_else() -> None:
    plan_stages(policy(stage(encoder_lr=1.0), force=True), names(4))
    assert refusals(policy(stage(encoder_blocks=5), force=True)) == [("PTY515", "yaml:/stages[0]/encoder_blocks")]


def test_weights_without_an_encoder_are_refused() -> None:
    with pytest.raises(RunError, match="PTY524"):
        plan_stages(policy(stage()), ["backbone.weight", "amp_decoder.output.weight"])


def test_the_default_policy_fits_the_reference_checkout_and_upstream() -> None:
    assert [len(p.frozen) for p in plan_stages(DEFAULT_POLICY, names(4))] == [1, 5, 0]
    assert [len(p.frozen) for p in plan_stages(DEFAULT_POLICY, names(12))] == [1, 13, 0]


def test_a_stage_changes_nothing_but_weights_parts_and_rates() -> None:
    asked = policy(stage(epochs=7))
    (planned,) = plan_stages(asked, names(4))
    base = TrainRequest(runs_dir=Path("r"), data_path=Path("d"), options={"epochs": 1, "train_split": 0.5}, seed=3)  # type: ignore[arg-type]  # pydantic makes the model
    made = stage_request(base, asked, planned, Path("w.pth"))
    assert made.options.epochs == 7
    assert made.options.encoder_lr == 1e-5
    assert made.options.train_split == asked.training.train_split
    assert (made.initial_weights, made.frozen) == (Path("w.pth"), planned.frozen)
    same: dict[str, Any] = {"options": base.options, "initial_weights": None, "frozen": (), "learning_rates": {}}
    assert made.model_copy(update=same) == base


def test_block_indices_may_be_numbers_in_yaml() -> None:
    assert Stage.model_validate(stage(block_lrs={3: 1e-6})).block_lrs == {"3": 1e-6}
