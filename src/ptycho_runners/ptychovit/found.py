"""What lies in a run directory: each file absent, corrupt, or facts; nothing is executed, moved or written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.checkpoints.state import StateFacts, read_state
from ptycho_contracts.checkpoints.weights import WeightsFacts, read_weights
from ptycho_contracts.contracts.bridge_job import TrainJob
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_yaml
from ptycho_runners.bridge.bridge import NEXT

BEST, LAST, STATE, CONFIG = "best_model.pth", "checkpoint_model.pth", "checkpoint.state", "config.yaml"
MANIFEST, JOB = "manifest.json", "job.json"

Facts = TypeVar("Facts")
Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True)
class Absent:
    """A file that is not there."""

    path: Path


@dataclass(frozen=True)
class Corrupt:
    """A file that cannot be read, and why."""

    path: Path
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Config:
    """A config.yaml with a section `model`."""

    path: Path
    content: dict[str, Any]


@dataclass(frozen=True)
class Input:
    """A file that a run was made from, then and now.

    Attributes:
        role: What it is to the run.
        path: Where it was.
        recorded: SHA-256 in the manifest.
        now: SHA-256 of what lies there today; None where nothing does.
    """

    role: str
    path: Path
    recorded: str
    now: str | None


@dataclass(frozen=True)
class Found:
    """The files of a run directory.

    Attributes:
        folder: The directory.
        best: `best_model.pth`.
        last: `checkpoint_model.pth`.
        state: `checkpoint.state`.
        config: `config.yaml`, or another file that was named instead.
        other: Weights elsewhere that were named instead.
        manifest: None where the run was begun without this library, or it cannot be read.
        job: What the bridge was asked to do, likewise.
        inputs: The files that the manifest pins; None where they were not looked at or are not known.
    """

    folder: Path
    best: Absent | Corrupt | WeightsFacts
    last: Absent | Corrupt | WeightsFacts
    state: Absent | Corrupt | StateFacts
    config: Absent | Corrupt | Config
    other: Absent | Corrupt | WeightsFacts | None = None
    manifest: RunManifest | None = None
    job: TrainJob | None = None
    inputs: tuple[Input, ...] | None = None


def look_at_run(folder: Path, *, config: Path | None = None, other: Path | None = None, data: bool = False) -> Found:
    """Read the facts of a run directory; one that is not there has no file.

    Args:
        folder: the run directory.
        config: read instead of its `config.yaml`.
        other: weights to look at beside its own.
        data: whether to compare the inputs with the digests in the manifest, which reads them whole.
    """
    manifest = read_model(RunManifest, folder / MANIFEST)
    return Found(
        folder=folder,
        best=_read(read_weights, decided(folder, BEST)),
        last=_read(read_weights, decided(folder, LAST)),
        state=_read(read_state, decided(folder, STATE)),
        config=_read(_read_config, config or folder / CONFIG),
        other=None if other is None else _read(read_weights, other),
        manifest=manifest,
        job=read_model(TrainJob, folder / JOB),
        inputs=_inputs(manifest, folder) if data and manifest is not None else None,
    )


def decided(folder: Path, name: str) -> Path:
    """Where a checkpoint file's content is, also where a crash left the bridge's replacement unfinished.

    From the moment that `checkpoint.state.next` exists, the `.next` files are the run's (see `settle_checkpoint`).
    """
    newer = folder / (name + NEXT)
    return newer if newer.is_file() and (folder / (STATE + NEXT)).is_file() else folder / name


def read_model(model: type[Document], path: Path) -> Document | None:
    """A JSON document of ours; None where there is none, or it does not fit its model."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _read(reader: Callable[[Path], Facts], path: Path) -> Absent | Corrupt | Facts:
    if not path.exists():
        return Absent(path)
    try:
        return reader(path)
    except SourceError as error:
        return Corrupt(path, error.findings)


def _read_config(path: Path) -> Config:
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        message = f"{path} has no section model, without which no checkpoint can be understood"
        raise SourceError(finding(BAD_OPTION, "yaml:/model", message))
    return Config(path, content)


def _inputs(manifest: RunManifest, folder: Path) -> tuple[Input, ...]:
    """Each pinned file but the weights that a run started from: it never needs them again."""
    pinned = [entry for entry in manifest.inputs if entry.role != "initial weights"]
    return tuple(Input(e.role, folder / e.path, e.sha256, _digest(folder / e.path)) for e in pinned)


def _digest(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None
