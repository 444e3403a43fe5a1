"""Validation loss of a three-stage fine-tuning beside that of training from scratch, as a table in Markdown.

    nice -n 10 python benchmarks/finetune.py --seeds 3

For each seed one object is simulated (256² patterns, grid-lines scan) and learned twice with the bundled reference
checkout: from scratch, and in three stages (decoders, the last two encoder blocks, everything) from weights that were
pre-trained on other objects. Both see the same patterns, split, noise and number of optimizer steps, and the same
seeded validation. A row tells the best validation loss after the steps of one stage; the third stage is always run,
and what the rule of `if_justified` would have said is shown. The model is narrower than the bundled one, so that
minutes suffice; the CPU computes, so that the numbers can be repeated.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import yaml
from pydantic import JsonValue

from ptycho_adapters.codec import ReadOptions
from ptycho_adapters.conversion import convert
from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines
from ptycho_contracts.contracts.finetune_policy import FineTunePolicy, Rule, Stage, Training
from ptycho_contracts.contracts.finetune_record import FineTuneRecord
from ptycho_runners.ptychovit.checkout import REFERENCE, find_checkout
from ptycho_runners.ptychovit.execute import perform
from ptycho_runners.ptychovit.finetune.rule import justify
from ptycho_runners.ptychovit.finetune.run import fine_tune
from ptycho_runners.ptychovit.finetune.stages import stage_options
from ptycho_runners.ptychovit.request import TrainOptions, TrainRequest

N, OBJECT_PX, STEP_PX = 256, 360, 20
PRETRAIN_SEED, PRETRAIN_OBJECTS, PRETRAIN_EPOCHS = 900_001, 3, 12
SCRATCH_LR = 1e-3
COMMON = Training(batch_size=9, train_split=0.75)
EPOCHS = (4, 4, 4)
POLICY = FineTunePolicy(
    training=COMMON,
    rule=Rule(min_improvement=0.01, patience=2),
    stages=(
        Stage(name="decoders", encoder_blocks=0, epochs=EPOCHS[0], amp_decoder_lr=1e-3, ph_decoder_lr=1e-3),
        Stage(
            name="top-blocks",
            encoder_blocks=2,
            epochs=EPOCHS[1],
            encoder_lr=3e-4,
            amp_decoder_lr=6e-4,
            ph_decoder_lr=6e-4,
        ),
        Stage(
            name="all",
            encoder_blocks="all",
            epochs=EPOCHS[2],
            encoder_lr=2e-4,
            amp_decoder_lr=4e-4,
            ph_decoder_lr=4e-4,
        ),
    ),
)


def pairs(folder: Path, seed: int, objects: int) -> Path:
    """The folder of simulated pairs, their median amplitude set to 1 as the study arm does."""
    settings = GridLinesSettings(N=N, size=OBJECT_PX, step_px=STEP_PX, n_train_objects=objects, seed=seed)
    train, _ = write_grid_lines(folder / "splits", settings)
    convert(train, folder / "pairs", "ptychovit-pair", name="lines", options=ReadOptions(), object_median_one=True)
    return folder / "pairs"


def small_model() -> dict[str, JsonValue]:
    """The checkout's section `model`, narrower; depth and all parts are those of the full one."""
    config = yaml.safe_load((find_checkout(REFERENCE).root / "config.yaml").read_text())
    model: dict[str, Any] = config["model"]
    model["encoder"] |= {"embed_dim": 96, "num_heads": 4}
    model["decoder"] |= {"base_channels": 6}
    return {**model, "refine_steps": 0}


def request(folder: Path, data: Path, options: TrainOptions, seed: int, threads: int) -> TrainRequest:
    """A training of the small model on the CPU."""
    return TrainRequest(
        runs_dir=folder / "runs",
        data_path=data,
        options=options,
        model=small_model(),
        seed=seed,
        device="cpu",
        threads=threads,
    )


def scratch_options(epochs: int) -> TrainOptions:
    """Like a stage, with one rate for all parts."""
    return TrainOptions(**COMMON.model_dump(), epochs=epochs, learning_rate=SCRATCH_LR)


def pretrained(folder: Path, threads: int) -> Path:
    """Weights that saw other objects."""
    data = pairs(folder, PRETRAIN_SEED, PRETRAIN_OBJECTS)
    made = perform(request(folder, data, scratch_options(PRETRAIN_EPOCHS), PRETRAIN_SEED, threads))
    return made.outputs["best_model.pth"]


def from_scratch(folder: Path, data: Path, seed: int, threads: int) -> list[float]:
    """Validation losses by epoch."""
    losses: list[float] = []
    perform(
        request(folder, data, scratch_options(sum(EPOCHS)), seed, threads),
        lambda event: losses.append(_number(event.validation_loss)) if event.event == "epoch_end" else None,
    )
    return losses


def in_stages(folder: Path, data: Path, source: Path, seed: int, threads: int) -> FineTuneRecord:
    """The record of a fine-tuning."""
    base = request(folder, data, stage_options(POLICY, POLICY.stages[0]), seed, threads)
    return fine_tune(POLICY, base.model_copy(update={"initial_weights": source})).record


def rows(seed: int, record: FineTuneRecord, scratch: Sequence[float], steps_per_epoch: int) -> Iterator[str]:
    """One line of the table for each stage."""
    done = 0
    for number, (stage, entry) in enumerate(zip(POLICY.stages, record.stages, strict=True)):
        done += stage.epochs
        tuned, beside = _number(entry.best_loss), min(scratch[:done])
        before = [earlier.validation_losses for earlier in record.stages[:number]]
        rule = justify(before, POLICY.rule).sentence.split(":")[0] if number else "–"
        better = "fine-tuning" if tuned < beside else "scratch"
        steps = done * steps_per_epoch
        yield f"| {seed} | {stage.name} | {steps} | {tuned:.5f} | {beside:.5f} | {better} | {rule} |"


def _number(loss: float | None) -> float:
    return math.nan if loss is None else loss


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1 on")
    parser.add_argument("--threads", type=int, default=1, help="of torch; one is fastest where the CPU is shared")
    asked = parser.parse_args()
    started = monotonic()
    patterns = ((OBJECT_PX - N) // STEP_PX + 1) ** 2
    steps_per_epoch = math.ceil(round(patterns * COMMON.train_split) / COMMON.batch_size)
    print("| seed | after stage | steps | fine-tuned | from scratch | lower | rule says yes |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        source = pretrained(root / "pretraining", asked.threads)
        for seed in range(1, asked.seeds + 1):
            data = pairs(root / f"seed{seed}", seed, 1)
            scratch = from_scratch(root / f"seed{seed}" / "scratch", data, seed, asked.threads)
            record = in_stages(root / f"seed{seed}" / "stages", data, source, seed, asked.threads)
            for row in rows(seed, record, scratch, steps_per_epoch):
                print(row, flush=True)
    print(f"{patterns} patterns, {monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
