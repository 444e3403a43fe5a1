"""Weights of a wrapped model, and weights that the config beside them does not describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.checkpoints.architecture import architecture_findings
from ptycho_contracts.checkpoints.weights import prefix_findings, weights_facts
from ptycho_contracts.contracts.ptychovit_checkpoint import WeightsFile
from ptycho_contracts.finding import Finding
from ptycho_contracts.rule import rule
from ptycho_contracts.run_codes import ARCHITECTURE_MISMATCH, MODULE_PREFIX

_ON = {"best": WeightsFile, "last": WeightsFile}


@rule(MODULE_PREFIX, ARCHITECTURE_MISMATCH, on=_ON, needs=(), depth="header")
def checkpoint_weights(artifact: Artifact) -> Iterator[Finding]:
    """Every name begins with `module.`, or a key of section `model` is not what the shapes decide."""
    config = artifact.description.documents.get("config")
    model = config.get("model") if isinstance(config, Mapping) else None
    for role in _ON:
        info = artifact.description.files.get(role)
        if info is None:
            continue
        weights = weights_facts(artifact.source(role).path, info)
        yield from prefix_findings(weights, f"{role}:/")
        if isinstance(model, Mapping):  # anything else is a finding about the config already
            yield from architecture_findings(weights, model, f"{role}:/")
