"""The plan of a training: a pure function of request and facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from ptycho_contracts.contracts.bridge_job import TrainJob
from ptycho_contracts.contracts.ptychovit_config import PtychoViTConfig
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.documents import check_document
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, EMPTY_SPLIT, PAIR_LEFT_OUT, TEST_PAIR_LEAKS
from ptycho_runners.ptychovit import plan as shared
from ptycho_runners.ptychovit.config import ConfigPaths, runtime_config, with_overrides
from ptycho_runners.ptychovit.facts import TrainFacts
from ptycho_runners.ptychovit.found import JOB
from ptycho_runners.ptychovit.launch import command_of
from ptycho_runners.ptychovit.plan import PROMISED, TRAINING, WORK, Plan, decision, refuse
from ptycho_runners.ptychovit.request import TrainRequest
from ptycho_runners.ptychovit.staging import TEST, TRAIN, links_to
from ptycho_runners.rundir import number_of


def plan_training(request: TrainRequest, facts: TrainFacts, run_dir: Path) -> Plan:
    """Plan a training in a run directory.

    Raises:
        RunError: with every reason to refuse.
    """
    refuse(training_refusals(request, facts))
    config = with_overrides(_config(request, facts, run_dir), request.overrides)
    refuse(check_document(PtychoViTConfig, config, "yaml"))
    job = TrainJob(
        **shared.job_fields(request, facts.checkout.root, run_dir),
        normalization=_wanted_numbers(facts),
        run_dir=str(run_dir),
        initial_weights=str(facts.start.weights.path) if facts.start else None,
        frozen=request.frozen,
        learning_rates=request.learning_rates,
    )
    return Plan(
        kind=TRAINING,
        run_dir=run_dir,
        code=facts.checkout.identity,
        command=command_of(request.launch, request.python, run_dir / JOB, run_dir / WORK, request.threads),
        config=config,
        job=job,
        links=(
            *links_to((path for _, path in shared.pair_inputs(facts.pairs)), TRAIN),
            *links_to((path for _, path in shared.pair_inputs([facts.test])), TEST),
        ),
        normalization=_own_numbers(facts),
        promises=PROMISED,
        inputs=tuple(_inputs(facts, run_dir)),
        start=shared.start_of(facts.start) if facts.start else None,
        decisions=tuple(_decisions(request, facts, config)),
        timeout_s=request.timeout_s,
    )


def training_refusals(request: TrainRequest, facts: TrainFacts) -> Iterator[Finding]:
    """Every reason not to start this training."""
    yield from shared.pair_refusals(facts.pairs, facts.numbers.values)
    if request.test_dp is None:
        yield from shared.name_refusals(facts.pairs)
    else:
        yield from shared.pair_refusals([facts.test], facts.test_numbers.values)
        yield from _test_refusals(request, facts)
    for dp in facts.orphans:
        yield finding(PAIR_LEFT_OUT, f"dp:/{dp.name}", f"{dp} has no para file beside it")
    named = any(name.startswith("training.weighted_loss") for name in request.overrides)
    if request.options.loss_function == "weighted" and not named:
        message = "loss_function `weighted` needs loss_type, threshold and alpha under training.weighted_loss"
        yield finding(BAD_OPTION, "request:/options/loss_function", message)
    patterns = sum(pair.shape[0] for pair in facts.pairs)
    trained = int(patterns * request.options.train_split)
    if not 0 < trained < patterns:
        message = f"train_split {request.options.train_split:g} of {patterns} patterns leaves {trained} to train on "
        yield finding(EMPTY_SPLIT, "request:/options/train_split", f"{message}and {patterns - trained} to validate on")


def _test_refusals(request: TrainRequest, facts: TrainFacts) -> Iterator[Finding]:
    """A test pair must be none of those that are trained on, nor be taken for one by its name."""
    trained = {pair.dp.resolve() for pair in facts.pairs}
    if facts.test.dp.resolve() in trained:
        message = f"the test pair {facts.test.name!r} is one of the training pairs in {request.data_path}"
        yield finding(TEST_PAIR_LEAKS, "request:/test_dp", message)
        yield from shared.name_refusals(facts.pairs)
    else:
        yield from shared.name_refusals([*facts.pairs, facts.test])


def _config(request: TrainRequest, facts: TrainFacts, run_dir: Path) -> dict[str, Any]:
    paths = ConfigPaths(
        data_path=run_dir / TRAIN,
        test_dp=run_dir / TEST / facts.test.dp.name,
        normalization=shared.normalization_path(facts.numbers, run_dir),
        test_normalization=shared.normalization_path(facts.test_numbers, run_dir),
        runs_dir=run_dir.parent,
        run_number=number_of(run_dir),
    )
    return runtime_config(request.options, paths, facts.config, seed=request.seed, cuda=request.device != "cpu")


def _wanted_numbers(facts: TrainFacts) -> dict[str, float]:
    trained = shared.entries(facts.pairs, facts.numbers.values)
    return trained | shared.entries([facts.test], facts.test_numbers.values)


def _own_numbers(facts: TrainFacts) -> dict[str, float] | None:
    """What the run directory's own normalization file holds; None where it needs none."""
    unnamed = [numbers.values for numbers in (facts.test_numbers, facts.numbers) if numbers.file is None]
    return {name: value for values in unnamed for name, value in values.items()} or None


def _inputs(facts: TrainFacts, run_dir: Path) -> Iterator[tuple[str, Path]]:
    yield from shared.pair_inputs(facts.pairs)
    yield from shared.pair_inputs([facts.test], "test ")
    normalization = shared.normalization_path(facts.numbers, run_dir)
    yield "normalization", normalization
    test = shared.normalization_path(facts.test_numbers, run_dir)
    if test != normalization:
        yield "test normalization", test
    if facts.start is not None:
        yield "initial weights", facts.start.weights.path


def _decisions(request: TrainRequest, facts: TrainFacts, config: dict[str, Any]) -> Iterator[Decision]:
    names: list[JsonValue] = [pair.name for pair in facts.pairs]
    why = "these and no others, as links in the run directory: PtychoViT trains on every pair of data_path"
    yield decision("data.data_path", names, why)
    yield _test_decision(request, facts)
    yield decision(
        "data.normalization_dict_path, data.test_normalization",
        [config["data"]["normalization_dict_path"], config["data"]["test_normalization"]],
        "both are set, because PtychoViT silently divides by 100000.0 where one is not",
    )
    yield from shared.normalization_decisions(facts.numbers)
    yield decision("model", facts.config_source, "a state dict holds no architecture, so it is taken from here")
    chosen = request.options.scale
    why = "given by the user" if chosen else "as in the config that the model is from: weights depend on it"
    yield decision("data.scale", config["data"]["scale"], why)
    yield decision(
        "trainer.run_num", config["trainer"]["run_num"], "the next free number: PtychoViT overwrites silently"
    )
    if facts.start is None:
        yield decision("initial_weights", choice=None, reason="none given: train from scratch")
    else:
        yield decision("initial_weights", str(facts.start.weights.path), "given; optimizer and history begin anew")
        yield from facts.start.decisions
    yield from _wishes(request)


def _test_decision(request: TrainRequest, facts: TrainFacts) -> Decision:
    if request.test_dp is None:
        reason = "no test pair was named: this one is trained on, and only pictures are made of it"
    else:
        reason = "none of the training pairs, so that it is not trained on"
    return decision("data.test_path", str(facts.test.dp), reason)


def _wishes(request: TrainRequest) -> Iterator[Decision]:
    """What the user asked for beyond the usual."""
    if request.launch.launcher == "torchrun":
        reason = "the checkout's own distributed training, one process for each GPU"
        yield decision("launcher", f"torchrun, {request.launch.nproc_per_node} processes", reason)
    if request.frozen:
        frozen: list[JsonValue] = list(request.frozen)
        yield decision("frozen", frozen, "given: neither their weights nor their buffers change")
    for name, rate in request.learning_rates.items():
        yield decision(f"learning rate of {name}", rate, "given: a parameter group of its own")
    for name, value in request.overrides.items():
        yield decision(name, value, "override of the user")
