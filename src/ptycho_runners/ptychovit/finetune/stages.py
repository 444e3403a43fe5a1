"""From a policy and the names of the weights to stages: refusals, frozen parts, rates, requests. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ptycho_contracts.contracts.finetune_policy import FineTunePolicy, Stage
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, ENCODER_RATE, UNKNOWN_PART
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.finetune.parts import (
    ENCODER,
    below,
    depth_of,
    frozen_parts,
    rates_by_part,
    trained_blocks,
)
from ptycho_runners.ptychovit.request import TrainOptions, TrainRequest

DEFAULT_POLICY = FineTunePolicy(
    stages=(
        Stage(name="decoders", encoder_blocks=0, epochs=10, amp_decoder_lr=1e-4, ph_decoder_lr=1e-4),
        Stage(name="top-blocks", encoder_blocks=2, epochs=10, encoder_lr=1e-5, amp_decoder_lr=5e-5, ph_decoder_lr=5e-5),
        Stage(
            name="all",
            encoder_blocks="all",
            epochs=10,
            encoder_lr=5e-6,
            amp_decoder_lr=2e-5,
            ph_decoder_lr=2e-5,
            when="if_justified",
        ),
    )
)
"""What `ptycho ptychovit finetune` does without `--policy`."""


@dataclass(frozen=True)
class PlannedStage:
    """A stage in terms of the weights.

    Attributes:
        stage: as the policy says.
        frozen: names of the parts that stay as they are.
        part_rates: learning rates of single parts of the encoder.
    """

    stage: Stage
    frozen: tuple[str, ...]
    part_rates: dict[str, float]

    @property
    def learning_rates(self) -> dict[str, float]:
        """Every rate of the stage by part; the encoder's is absent where none of it is trained."""
        encoder = {} if self.stage.encoder_lr is None or ENCODER in self.frozen else {ENCODER: self.stage.encoder_lr}
        decoders = {"amp_decoder": self.stage.amp_decoder_lr, "ph_decoder": self.stage.ph_decoder_lr}
        return encoder | self.part_rates | decoders


def plan_stages(policy: FineTunePolicy, keys: Collection[str]) -> tuple[PlannedStage, ...]:
    """The stages of a policy for weights with these names.

    Args:
        policy: what is asked.
        keys: names in the state dict, without `module.`.

    Raises:
        RunError: with every reason why the policy does not fit these weights, or itself.
    """
    refusals = list(policy_refusals(policy, keys))
    if refusals:
        raise RunError(*refusals)
    return tuple(
        PlannedStage(stage, frozen_parts(keys, stage.encoder_blocks), rates_by_part(stage, keys))
        for stage in policy.stages
    )


def stage_options(policy: FineTunePolicy, stage: Stage) -> TrainOptions:
    """The options of one stage's training."""
    return TrainOptions(
        **policy.training.model_dump(),
        epochs=stage.epochs,
        encoder_lr=stage.encoder_lr,
        amp_decoder_lr=stage.amp_decoder_lr,
        ph_decoder_lr=stage.ph_decoder_lr,
    )


def stage_request(base: TrainRequest, policy: FineTunePolicy, planned: PlannedStage, source: Path) -> TrainRequest:
    """The training of one stage; seed, split and scale are those of every other stage.

    Args:
        base: checkout, data and machine.
        policy: for what all stages have in common.
        planned: the stage.
        source: the weights that it starts from.
    """
    changes = {
        "options": stage_options(policy, planned.stage),
        "initial_weights": source,
        "frozen": planned.frozen,
        "learning_rates": planned.part_rates,
    }
    return base.model_copy(update=changes)


def policy_refusals(policy: FineTunePolicy, keys: Collection[str]) -> Iterator[Finding]:
    """Every reason not to fine-tune these weights by this policy."""
    if not below(ENCODER, keys):
        message = "no name in the weights begins with `encoder.`: nothing could be frozen or unfrozen"
        yield finding(UNKNOWN_PART, "pth:/", message)
        return
    names: set[str] = set()
    for number, stage in enumerate(policy.stages):
        where = f"yaml:/stages[{number}]"
        if stage.name in names:
            yield finding(BAD_OPTION, f"{where}/name", f"two stages are named {stage.name!r}")
        names.add(stage.name)
        reasons = list(_block_refusals(stage, depth_of(keys), where)) + list(_rate_refusals(stage, keys, where))
        yield from reasons
        if not reasons and not policy.force:
            yield from _encoder_rate_refusals(stage, keys, where)
    run = [stage for stage in policy.stages if stage.when != "never"]
    if not run:
        yield finding(BAD_OPTION, "yaml:/stages", "no stage would be run: each says `when: never`")
    elif run[0].when == "if_justified":
        message = f"stage {run[0].name!r} waits for the validation of an earlier stage, and none is run before it"
        yield finding(BAD_OPTION, f"yaml:/stages[{policy.stages.index(run[0])}]/when", message)


def _block_refusals(stage: Stage, depth: int, where: str) -> Iterator[Finding]:
    if stage.encoder_blocks == "all":
        return
    if int(stage.encoder_blocks) > depth:
        message = f"stage {stage.name!r} trains {stage.encoder_blocks} encoder blocks, and the weights have {depth}"
        yield finding(BAD_OPTION, f"{where}/encoder_blocks", message, expected=f"0 … {depth}, or all")


def _rate_refusals(stage: Stage, keys: Collection[str], where: str) -> Iterator[Finding]:
    if stage.encoder_blocks != 0 and stage.encoder_lr is None:
        message = f"stage {stage.name!r} trains a part of the encoder and has no encoder_lr"
        yield finding(BAD_OPTION, f"{where}/encoder_lr", message)
    if stage.block_lrs and stage.block_lr_decay is not None:
        message = f"stage {stage.name!r} has block_lrs and block_lr_decay; one of them decides"
        yield finding(BAD_OPTION, f"{where}/block_lrs", message)
    trained = trained_blocks(keys, stage.encoder_blocks)
    for index in stage.block_lrs:
        if index not in map(str, trained):
            message = f"stage {stage.name!r} has a rate for block {index}, which it does not train"
            expected = ", ".join(map(str, trained)) or "no rate"
            yield finding(BAD_OPTION, f"{where}/block_lrs/{index}", message, expected=expected)


def _encoder_rate_refusals(stage: Stage, keys: Collection[str], where: str) -> Iterator[Finding]:
    """A rate in the encoder at or above one of the decoders'."""
    if stage.encoder_blocks == 0 or stage.encoder_lr is None:
        return
    limit = min(stage.amp_decoder_lr, stage.ph_decoder_lr)
    for part, rate in {ENCODER: stage.encoder_lr, **rates_by_part(stage, keys)}.items():
        if rate >= limit:
            message = f"stage {stage.name!r} trains {part} at {rate:g}, and the slower decoder at {limit:g}"
            yield finding(ENCODER_RATE, f"{where}/encoder_lr", message, expected=f"< {limit:g}", found=f"{rate:g}")
