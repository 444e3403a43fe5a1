"""From a request and facts to a plan: pure functions, no disk, no clock, no process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from ptycho_contracts.contracts.bridge_job import InferJob, PairPaths, TrainJob
from ptycho_contracts.contracts.ptychovit_config import PtychoViTConfig
from ptycho_contracts.contracts.run_manifest import CodeIdentity, Command, Decision
from ptycho_contracts.documents import check_document
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import (
    BAD_OPTION,
    EMPTY_SPLIT,
    NORMALIZATION_FALLBACK,
    PAIR_LEFT_OUT,
    TEST_PAIR_LEAKS,
    UNSUPPORTED_N,
)
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.config import ConfigPaths, runtime_config, with_overrides
from ptycho_runners.ptychovit.facts import InferFacts, Pair, TrainFacts
from ptycho_runners.ptychovit.request import InferRequest, TrainRequest
from ptycho_runners.rundir import number_of

N = 256
BRIDGE = Path(__file__).parents[1] / "bridge" / "bridge.py"
WORK, JOB, EVENTS, RESULT = "work", "job.json", "events.jsonl", "result.json"
PROMISED = ("best_model.pth", "checkpoint_model.pth", "checkpoint.state", "metrics.pickle", "config.yaml")


class Plan(BaseModel):
    """All that will be done, and why; what `--dry-run` prints.

    Attributes:
        kind: what runs.
        run_dir: the run directory; files below are relative to it.
        code: the checkout.
        command: the process.
        config: content of `work/config.yaml`; None where main.py does not run.
        job: content of `job.json`.
        promises: files that must be there, and not empty, afterwards.
        inputs: (role, path) of every file that goes in.
        decisions: choices with reasons.
        timeout_s: limit of the process.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["ptychovit-train", "ptychovit-infer"]
    run_dir: Path
    code: CodeIdentity
    command: Command
    config: dict[str, JsonValue] | None
    job: TrainJob | InferJob
    promises: tuple[str, ...]
    inputs: tuple[tuple[str, Path], ...]
    decisions: tuple[Decision, ...]
    timeout_s: float | None


def plan_training(request: TrainRequest, facts: TrainFacts, run_dir: Path) -> Plan:
    """Plan a training in a run directory.

    Raises:
        RunError: with every reason to refuse.
    """
    refuse(training_refusals(request, facts))
    config = with_overrides(_config(request, facts, run_dir), request.overrides)
    refuse(check_document(PtychoViTConfig, config, "yaml"))
    job = TrainJob(
        **_common(request, facts.checkout.root, run_dir),
        normalization=_entries([*facts.pairs, facts.test], facts.normalization | _test_entry(facts)),
        run_dir=str(run_dir),
        initial_weights=str(request.initial_weights.absolute()) if request.initial_weights else None,
        frozen=request.frozen,
        learning_rates=request.learning_rates,
    )
    return Plan(
        kind="ptychovit-train",
        run_dir=run_dir,
        code=facts.checkout.identity,
        command=_command(request, run_dir),
        config=config,
        job=job,
        promises=PROMISED,
        inputs=tuple(_training_inputs(request, facts)),
        decisions=tuple(_training_decisions(request, facts, config)),
        timeout_s=request.timeout_s,
    )


def plan_inference(request: InferRequest, facts: InferFacts, run_dir: Path) -> Plan:
    """Plan an inference in a run directory of its own; the source run is only read.

    Raises:
        RunError: with every reason to refuse.
    """
    refuse(inference_refusals(facts))
    scale, modes = _data_settings(facts)
    job = InferJob(
        **_common(request, facts.checkout.root, run_dir),
        normalization=_entries(facts.pairs, facts.normalization),
        pairs=tuple(PairPaths(name=p.name, dp=str(p.dp), para=str(p.para)) for p in facts.pairs),
        checkpoint=str(request.checkpoint.absolute()),
        model=facts.config["model"],
        normalization_file=str(request.normalization.absolute()),
        scale=scale,
        max_probe_modes=modes,
        batch_size=request.batch_size,
        output=str(run_dir),
    )
    inputs = [
        ("checkpoint", request.checkpoint),
        ("config", facts.config_path),
        ("normalization", request.normalization),
    ]
    why = "the architecture and the input's scale must be those that the checkpoint was trained with"
    return Plan(
        kind="ptychovit-infer",
        run_dir=run_dir,
        code=facts.checkout.identity,
        command=_command(request, run_dir),
        config=None,
        job=job,
        promises=tuple(f"{pair.name}_patches.h5" for pair in facts.pairs),
        inputs=(*inputs, *_pair_inputs(facts.pairs)),
        decisions=(Decision(about="model, data.scale", choice=str(facts.config_path), reason=why), *_noise()),
        timeout_s=request.timeout_s,
    )


def refuse(findings: Iterable[Finding]) -> None:
    """Raise RunError where there is any finding."""
    found = tuple(findings)
    if found:
        raise RunError(*found)


def training_refusals(request: TrainRequest, facts: TrainFacts) -> Iterator[Finding]:
    """Every reason not to start this training."""
    yield from _size_refusals([*facts.pairs, facts.test])
    yield from _entry_refusals(facts.pairs, facts.normalization)
    yield from _entry_refusals([facts.test], facts.test_normalization)
    yield from _name_refusals([*facts.pairs, facts.test])
    if facts.test.dp.resolve().parent == request.data_path.resolve():
        message = f"the test pair {facts.test.name!r} lies in the training folder {request.data_path}"
        yield finding(TEST_PAIR_LEAKS, "request:/test_dp", message)
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


def inference_refusals(facts: InferFacts) -> Iterator[Finding]:
    """Every reason not to start this inference."""
    yield from _size_refusals(facts.pairs)
    yield from _entry_refusals(facts.pairs, facts.normalization)
    yield from _name_refusals(facts.pairs)


def _name_refusals(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """The normalization, and the files of an inference, go by the object's name."""
    seen: dict[str, Pair] = {}
    for pair in pairs:
        if pair.name in seen:
            message = f"two pairs are named {pair.name!r}: {seen[pair.name].dp} and {pair.dp}"
            yield finding(BAD_OPTION, f"dp:/{pair.name}", message, fix="Rename one of the pairs.")
        seen[pair.name] = pair


def _size_refusals(pairs: Iterable[Pair]) -> Iterator[Finding]:
    for pair in pairs:
        if pair.shape[1:] != (N, N):
            size = " × ".join(map(str, pair.shape[1:]))
            message = f"the patterns of {pair.name!r} are {size} pixels; PtychoViT takes {N} × {N} only"
            yield finding(UNSUPPORTED_N, "dp:/dp", message, expected=f"{N} × {N}", found=size)


def _entry_refusals(pairs: Iterable[Pair], numbers: Mapping[str, float]) -> Iterator[Finding]:
    for pair in pairs:
        if pair.name not in numbers:
            message = f"object {pair.name!r} has no entry in the normalization file"
            yield finding(NORMALIZATION_FALLBACK, f"pkl:/{pair.name}", message, found=", ".join(numbers) or "no entry")
        elif not 0 < numbers[pair.name] < float("inf"):
            message = f"the entry of {pair.name!r} is {numbers[pair.name]:g}, not a positive number"
            yield finding(NORMALIZATION_FALLBACK, f"pkl:/{pair.name}", message)


def _entries(pairs: Iterable[Pair], numbers: Mapping[str, float]) -> dict[str, float]:
    return {pair.name: numbers[pair.name] for pair in pairs}


def _test_entry(facts: TrainFacts) -> dict[str, float]:
    return _entries([facts.test], facts.test_normalization)


def _config(request: TrainRequest, facts: TrainFacts, run_dir: Path) -> dict[str, Any]:
    paths = ConfigPaths(
        data_path=request.data_path.absolute(),
        test_dp=facts.test.dp,
        normalization=request.normalization.absolute(),
        test_normalization=(request.test_normalization or request.normalization).absolute(),
        runs_dir=run_dir.parent,
        run_number=number_of(run_dir),
    )
    return runtime_config(request.options, paths, facts.config, seed=request.seed, cuda=request.device != "cpu")


def _common(request: TrainRequest | InferRequest, root: Path, run_dir: Path) -> dict[str, Any]:
    return {
        "checkout": str(root),
        "workdir": str(run_dir / WORK),
        "events": str(run_dir / EVENTS),
        "result": str(run_dir / RESULT),
        "device": request.device,
        "seed": request.seed,
        "threads": request.threads,
        "hooks": request.hooks,
    }


def _command(request: TrainRequest | InferRequest, run_dir: Path) -> Command:
    env = {} if request.threads is None else {"OMP_NUM_THREADS": str(request.threads)}
    return Command(argv=(request.python, str(BRIDGE), str(run_dir / JOB)), cwd=str(run_dir / WORK), env=env)


def _data_settings(facts: InferFacts) -> tuple[float, int]:
    data = facts.config.get("data")
    scale = data.get("scale") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(scale, int | float) or not scale > 0:
        message = f"{facts.config_path} has no positive number data.scale"
        raise RunError(finding(BAD_OPTION, "yaml:/data/scale", message))
    return float(scale), int(data.get("max_probe_modes", 8))


def _training_inputs(request: TrainRequest, facts: TrainFacts) -> Iterator[tuple[str, Path]]:
    yield from _pair_inputs(facts.pairs)
    yield from (("test dp", facts.test.dp), ("test para", facts.test.para))
    yield "normalization", request.normalization
    if request.test_normalization is not None:
        yield "test normalization", request.test_normalization
    if request.initial_weights is not None:
        yield "initial weights", request.initial_weights


def _pair_inputs(pairs: Iterable[Pair]) -> Iterator[tuple[str, Path]]:
    for pair in pairs:
        yield "dp", pair.dp
        yield "para", pair.para


def _training_decisions(request: TrainRequest, facts: TrainFacts, config: dict[str, Any]) -> Iterator[Decision]:
    names: list[JsonValue] = [pair.name for pair in facts.pairs]
    yield _decision("data.data_path", names, "every pair in the folder is trained on")
    yield _decision("data.test_path", str(facts.test.dp), "outside the training folder, so that it is not trained on")
    yield _decision(
        "data.normalization_dict_path, data.test_normalization",
        [str(request.normalization), str(request.test_normalization or request.normalization)],
        "both are set, because PtychoViT silently divides by 100000.0 where one is not",
    )
    yield _decision("model", facts.config_source, "a state dict holds no architecture, so it is taken from here")
    chosen = request.options.scale
    why = "given by the user" if chosen else "as in the config that the model is from: weights depend on it"
    yield _decision("data.scale", config["data"]["scale"], why)
    yield _decision(
        "trainer.run_num", config["trainer"]["run_num"], "the next free number, because PtychoViT overwrites"
    )
    weights = str(request.initial_weights) if request.initial_weights else None
    yield _decision("initial_weights", weights, "given by the user" if weights else "none given: train from scratch")
    for name, value in request.overrides.items():
        yield _decision(name, value, "override of the user")


def _noise() -> Iterator[Decision]:
    yield _decision("apply_noise", choice=False, reason="measured patterns have their noise already")


def _decision(about: str, choice: JsonValue, reason: str) -> Decision:
    return Decision(about=about, choice=choice, reason=reason)
