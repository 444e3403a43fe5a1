"""What a plan is: everything that will be done, and why, as a value; and what all kinds of plans share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, NonNegativeInt

from ptycho_contracts.contracts.bridge_job import InferJob, TrainJob
from ptycho_contracts.contracts.run_manifest import CodeIdentity, Command, Decision
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, NORMALIZATION_FALLBACK, UNSUPPORTED_N
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.facts import Numbers, Pair
from ptycho_runners.ptychovit.request import InferRequest, TrainRequest
from ptycho_runners.ptychovit.restore import Restored

N = 256
WORK, EVENTS, RESULT = "work", "events.jsonl", "result.json"
OWN_NORMALIZATION = f"{WORK}/normalization.pkl"
METRICS = "metrics.pickle"
TRAINING: Literal["ptychovit-train"] = "ptychovit-train"
"""Kind of a run that trains."""
PROMISED = ("best_model.pth", "checkpoint_model.pth", "checkpoint.state", METRICS, "config.yaml")


class Start(BaseModel):
    """The checkpoint that a run starts from.

    Attributes:
        relation: how it is used (see `Origin` of the run manifest).
        checkpoint: the state dict.
        epoch: finished epochs in it; None where nothing says so.
    """

    model_config = ConfigDict(frozen=True)

    relation: Literal["resumed", "fine-tuned", "inferred"]
    checkpoint: Path
    epoch: int | None


class Plan(BaseModel):
    """All that will be done, and why; what `--dry-run` prints.

    Attributes:
        kind: what runs.
        run_dir: the run directory; files below are relative to it.
        code: the checkout.
        command: the process.
        config: content of `work/config.yaml`; None where main.py does not run.
        job: content of `job.json`.
        links: (name in the run directory, file that it leads to): the pairs that are trained on.
        normalization: content of `work/normalization.pkl`; None where the user named a file.
        promises: files that must be there, and not empty, afterwards.
        inputs: (role, path) of every file that goes in.
        start: the checkpoint to start from; None: from scratch.
        first_epoch: index of the epoch to begin with; not 0 only in a resumed run, which is held, not made.
        set_aside: files of a resumed run that are renamed, because they cannot be used.
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
    links: tuple[tuple[str, Path], ...] = ()
    normalization: dict[str, float] | None = None
    promises: tuple[str, ...]
    inputs: tuple[tuple[str, Path], ...]
    start: Start | None = None
    first_epoch: NonNegativeInt = 0
    set_aside: tuple[str, ...] = ()
    decisions: tuple[Decision, ...]
    timeout_s: float | None

    @property
    def resumes(self) -> bool:
        """Whether it goes on with a run."""
        return self.start is not None and self.start.relation == "resumed"


def refuse(findings: Iterable[Finding]) -> None:
    """Raise RunError where there is any finding."""
    found = tuple(findings)
    if found:
        raise RunError(*found)


def job_fields(request: TrainRequest | InferRequest, root: Path, run_dir: Path) -> dict[str, Any]:
    """What every job of the bridge says."""
    return {
        "checkout": str(root),
        **job_places(run_dir),
        "device": request.device,
        "seed": request.seed,
        "threads": request.threads,
        "hooks": request.hooks,
    }


def job_places(run_dir: Path) -> dict[str, str]:
    """Where a job works, and says what happens."""
    return {
        "workdir": str(run_dir / WORK),
        "events": str(run_dir / EVENTS),
        "result": str(run_dir / RESULT),
    }


def start_of(restored: Restored) -> Start:
    """The origin of a new run."""
    relation: Literal["fine-tuned", "inferred"] = "inferred" if restored.intent == "infer" else "fine-tuned"
    return Start(relation=relation, checkpoint=restored.weights.path, epoch=restored.epoch)


def normalization_path(numbers: Numbers, run_dir: Path) -> Path:
    """The file that the checkout reads the normalization from."""
    return numbers.file or run_dir / OWN_NORMALIZATION


def normalization_decisions(numbers: Numbers) -> Iterator[Decision]:
    """Where numbers come from that no file was named for."""
    if numbers.file is not None:
        return
    read: list[JsonValue] = [str(path) for path in numbers.read]
    if read:
        yield decision("normalization", read, "none was named; taken from the files beside the pairs")
    if numbers.computed:
        computed: dict[str, JsonValue] = {name: numbers.values[name] for name in numbers.computed}
        yield decision("normalization, computed", computed, "no file has it; the maximum of the dp stack was computed")


def pair_refusals(pairs: Iterable[Pair], numbers: Mapping[str, float]) -> Iterator[Finding]:
    """Sizes that PtychoViT cannot take, and entries of the normalization that are not there."""
    for pair in pairs:
        if pair.shape[1:] != (N, N):
            size = " × ".join(map(str, pair.shape[1:]))
            message = f"the patterns of {pair.name!r} are {size} pixels; PtychoViT takes {N} × {N} only"
            yield finding(UNSUPPORTED_N, "dp:/dp", message, expected=f"{N} × {N}", found=size)
        if pair.name not in numbers:
            message = f"object {pair.name!r} has no entry in the normalization file"
            yield finding(NORMALIZATION_FALLBACK, f"pkl:/{pair.name}", message, found=", ".join(numbers) or "no entry")
        elif not 0 < numbers[pair.name] < float("inf"):
            message = f"the entry of {pair.name!r} is {numbers[pair.name]:g}, not a positive number"
            yield finding(NORMALIZATION_FALLBACK, f"pkl:/{pair.name}", message)


def name_refusals(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """The normalization, and the files of an inference, go by the object's name."""
    seen: dict[str, Pair] = {}
    for pair in pairs:
        if pair.name in seen:
            message = f"two pairs are named {pair.name!r}: {seen[pair.name].dp} and {pair.dp}"
            yield finding(BAD_OPTION, f"dp:/{pair.name}", message, fix="Rename one of the pairs.")
        seen[pair.name] = pair


def pair_inputs(pairs: Iterable[Pair], prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Role and path of both halves."""
    for pair in pairs:
        yield f"{prefix}dp", pair.dp
        yield f"{prefix}para", pair.para


def entries(pairs: Iterable[Pair], numbers: Mapping[str, float]) -> dict[str, float]:
    """The normalization that each pair must get."""
    return {pair.name: numbers[pair.name] for pair in pairs}


def decision(about: str, choice: JsonValue, reason: str) -> Decision:
    """A choice with its reason."""
    return Decision(about=about, choice=choice, reason=reason)
