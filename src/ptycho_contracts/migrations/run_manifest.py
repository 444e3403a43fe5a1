"""Versions of `run-manifest`."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from ptycho_contracts.migration import Document, Step

_TRAINING = "ptychovit-train"
# Role of the checkpoint among the inputs, and what it was to the run.
_RELATIONS = {"checkpoint": "inferred", "initial weights": "fine-tuned"}
_RUN = re.compile(r"run\d+")


def from_1_0_0_to_1_1_0(manifest: Document) -> Document:
    """The origin from the inputs, and the one process that a training of 1.0.0 had."""
    return manifest | _origin(manifest) | _attempts(manifest)


def _origin(manifest: Document) -> Document:
    for given in manifest.get("inputs", ()):
        if given["role"] in _RELATIONS:
            folder = PurePosixPath(given["path"]).parent
            run = str(folder) if folder.is_absolute() and _RUN.fullmatch(folder.name) else None
            origin = {"relation": _RELATIONS[given["role"]], "run": run, "checkpoint": given, "epoch": None}
            return {"origin": origin}
    return {}


def _attempts(manifest: Document) -> Document:
    if manifest["kind"] != _TRAINING:
        return {}
    attempt: dict[str, Any] = {key: manifest[key] for key in ("started", "seconds", "outcome")}
    return {"attempts": [attempt | {"first_epoch": 0, "checkpoint": None}]}


STEPS = (
    Step(
        "1.0.0",
        "1.1.0",
        "the checkpoint that a run began with is its origin, the processes of a training are its attempts, and a "
        "manifest is there from the start on (`running`)",
        from_1_0_0_to_1_1_0,
    ),
)
