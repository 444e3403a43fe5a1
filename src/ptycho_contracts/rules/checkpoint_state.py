"""A training state of another generation, or one that contradicts itself or the weights beside it."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.checkpoints.architecture import state_findings
from ptycho_contracts.checkpoints.state import format_findings, state_facts
from ptycho_contracts.checkpoints.weights import weights_facts
from ptycho_contracts.contracts.ptychovit_checkpoint import StateFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.rule import rule
from ptycho_contracts.run_codes import STATE_CONTRADICTS

_NEEDS = tuple(f"state:/{path}" for path in StateFile.arrays())


@rule(STATE_CONTRADICTS, on={"state": StateFile}, needs=_NEEDS, depth="header")
def checkpoint_state(artifact: Artifact) -> Iterator[Finding]:
    """Epochs, losses, optimizer and the weights to resume from do not belong together."""
    source, last = artifact.source("state"), artifact.description.files.get("last")
    yield from format_findings(source.describe())
    weights = None if last is None else weights_facts(artifact.source("last").path, last)
    yield from state_findings(state_facts(source), weights)
