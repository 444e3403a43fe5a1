"""Which runs there are, what state they are in, and which checkpoint each of them came from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.checkpoints.state import StateFacts
from ptycho_contracts.contracts.run_manifest import Attempt, FileDigest, Origin, RunManifest
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_yaml
from ptycho_runners.ptychovit.checkout import REFERENCE
from ptycho_runners.ptychovit.config import planned_epochs
from ptycho_runners.ptychovit.found import CONFIG, MANIFEST, Config, Found, look_at_run, read_model
from ptycho_runners.ptychovit.plan import TRAINING, WORK
from ptycho_runners.ptychovit.record import closed_attempts
from ptycho_runners.rundir import is_run, state_of

_FROZEN = ConfigDict(frozen=True, extra="forbid")

RunState = Literal["running", "complete", "failed", "invalid", "interrupted", "unknown"]
FileState = Literal["ok", "changed", "missing"]


class RunSummary(BaseModel):
    """A run in one line.

    Attributes:
        run: Absolute path of its directory.
        kind: What ran; None where it was begun without this library.
        state: `interrupted` also where its process was killed; `unknown` without our marker.
        epochs_done: Finished epochs in `checkpoint.state`; None without a readable one.
        epochs_planned: `training.epochs` of its config.
        best_validation_loss: The lowest one in its history.
        origin: The checkpoint that it began with; None: from scratch, or not known.
        seconds: Wall time of all its processes.
    """

    model_config = _FROZEN

    run: str
    kind: str | None
    state: RunState
    epochs_done: NonNegativeInt | None
    epochs_planned: NonNegativeInt | None
    best_validation_loss: float | None
    origin: Origin | None
    seconds: NonNegativeFloat | None


class FileCheck(BaseModel):
    """A file of a manifest, and whether what lies there today is that file."""

    model_config = _FROZEN

    role: str
    path: str
    state: FileState


class Ancestor(BaseModel):
    """One step back towards the run that began from scratch.

    Attributes:
        relation: How the younger run used the checkpoint.
        run: Directory that the checkpoint lies in; None: in no run.
        checkpoint: Its file.
        epoch: Finished epochs in it.
        state: Whether it is still that file.
    """

    model_config = _FROZEN

    relation: str
    run: str | None
    checkpoint: str
    epoch: NonNegativeInt | None
    state: FileState


class RunDetails(BaseModel):
    """Everything that is known of a run.

    Attributes:
        summary: The line of the list.
        manifest: What it says of itself; None where there is none.
        attempts: Its processes, oldest first; one that was killed counts as interrupted.
        lineage: The checkpoints that it came from, the nearest first.
        complete: Whether the lineage ends at a run from scratch; otherwise something is not known or not there.
        inputs: Files that it was made from.
        outputs: Files that it left.
        way_on: What a user can do with it next, as a command or a sentence.
    """

    model_config = _FROZEN

    summary: RunSummary
    manifest: RunManifest | None
    attempts: tuple[Attempt, ...]
    lineage: tuple[Ancestor, ...]
    complete: bool
    inputs: tuple[FileCheck, ...]
    outputs: tuple[FileCheck, ...]
    way_on: str


def find_runs(folder: Path) -> list[Path]:
    """Every `run<k>` in a folder or below, a run itself included, in the order of path and number."""
    return sorted(_below(folder.absolute()), key=lambda run: (run.parent, int(run.name.removeprefix("run"))))


def _below(folder: Path) -> Iterator[Path]:
    """What is inside a run is its own: nothing is looked for there, nor where links lead."""
    if is_run(folder):
        yield folder
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def summarise(run: Path) -> RunSummary:
    """One run in one line; what cannot be read is not known, and stops nothing."""
    return _summary(look_at_run(run.absolute()))


def details(run: Path) -> RunDetails:
    """All about one run; the files of its manifest are read once, for their digests."""
    found = look_at_run(run.absolute())
    manifest, summary = found.manifest, _summary(found)
    lineage = tuple(_ancestors(manifest))
    return RunDetails(
        summary=summary,
        manifest=manifest,
        attempts=_attempts(manifest, summary),
        lineage=lineage,
        complete=_from_scratch(found, lineage),
        inputs=_checks(manifest.inputs if manifest else (), found.folder),
        outputs=_checks(manifest.outputs if manifest else (), found.folder),
        way_on=_way_on(found, summary),
    )


def _summary(found: Found) -> RunSummary:
    state = found.state if isinstance(found.state, StateFacts) else None
    manifest = found.manifest
    return RunSummary(
        run=str(found.folder),
        kind=None if manifest is None else manifest.kind,
        state=_state(found),
        epochs_done=None if state is None else state.current_epoch,
        epochs_planned=planned_epochs(_config(found)),
        best_validation_loss=None if state is None else state.best_val_loss,
        origin=None if manifest is None else manifest.origin,
        seconds=None if manifest is None else _seconds(manifest, found.folder),
    )


def _attempts(manifest: RunManifest | None, summary: RunSummary) -> tuple[Attempt, ...]:
    if manifest is None or manifest.kind != TRAINING:
        return ()
    return manifest.attempts if summary.state == "running" else closed_attempts(manifest, Path(summary.run))


def _seconds(manifest: RunManifest, run: Path) -> float:
    """Wall time; a process that was killed could not write its own."""
    if manifest.outcome != "running":
        return manifest.seconds
    return sum(attempt.seconds for attempt in closed_attempts(manifest, run))


def _state(found: Found) -> RunState:
    marked = state_of(found.folder)
    if marked == "failed" and found.manifest is not None and found.manifest.outcome in {"invalid", "interrupted"}:
        return "invalid" if found.manifest.outcome == "invalid" else "interrupted"
    return marked or "unknown"


def _config(found: Found) -> dict[str, object]:
    """The run's config; before its first epoch it lies only where main.py was started."""
    if isinstance(found.config, Config):
        return found.config.content
    try:
        content = read_yaml(found.folder / WORK / CONFIG)
    except SourceError:
        return {}
    return content if isinstance(content, dict) else {}


def _ancestors(manifest: RunManifest | None) -> Iterator[Ancestor]:
    """Step by step back, until a run from scratch, one of unknown origin or not there, or one that was seen before."""
    seen: set[str] = set()
    while manifest is not None and manifest.origin is not None and manifest.origin.relation != "resumed":
        origin = manifest.origin
        path = origin.checkpoint.path
        yield Ancestor(
            relation=origin.relation,
            run=origin.run,
            checkpoint=path,
            epoch=origin.epoch,
            state=_check(Path(origin.run or "/") / path, origin.checkpoint),
        )
        if origin.run is None or origin.run in seen:
            return
        seen.add(origin.run)
        manifest = read_model(RunManifest, Path(origin.run) / MANIFEST)


def _from_scratch(found: Found, lineage: tuple[Ancestor, ...]) -> bool:
    """Whether the run at the end of the lineage is known to have begun by itself."""
    oldest = found.manifest
    if lineage:
        last = lineage[-1].run
        oldest = read_model(RunManifest, Path(last) / MANIFEST) if last is not None else None
    return oldest is not None and oldest.kind == TRAINING and oldest.origin is None


def _checks(files: tuple[FileDigest, ...], folder: Path) -> tuple[FileCheck, ...]:
    return tuple(FileCheck(role=f.role, path=f.path, state=_check(folder / f.path, f)) for f in files)


def _check(path: Path, recorded: FileDigest) -> FileState:
    if not path.is_file():
        return "missing"
    return "ok" if sha256_of(path) == recorded.sha256 else "changed"


def _way_on(found: Found, summary: RunSummary) -> str:
    """The next command; of a run in work none."""
    run = shlex.quote(summary.run)
    if summary.state == "running":
        return "it is being worked on"
    if summary.kind == "ptychovit-infer":
        return f"ptycho evaluate {run}/<name>_recon.npz TRUTH"
    if summary.epochs_done is None:
        return "no epoch was finished: start anew with the command as before"
    foreign = "" if found.job is not None else " --checkout CHECKOUT"
    # One that was killed after its last epoch has nothing to train, but its end is not written.
    unended = summary.state == "interrupted" and found.job is not None
    if summary.epochs_planned is not None and (summary.epochs_done < summary.epochs_planned or unended):
        return f"ptycho ptychovit resume {run}{foreign}"
    return (
        f"ptycho ptychovit infer PAIRS {_checkout(found)} --from {run} --output {shlex.quote(str(found.folder.parent))}"
    )


def _checkout(found: Found) -> str:
    code = found.manifest.code if found.manifest is not None else None
    if code is not None and code.name == REFERENCE:
        return REFERENCE
    return "CHECKOUT" if found.job is None else shlex.quote(found.job.checkout)
