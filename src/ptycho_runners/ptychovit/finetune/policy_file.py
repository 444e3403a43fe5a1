"""A policy from its file."""

from __future__ import annotations

from pathlib import Path

from ptycho_contracts.contracts.finetune_policy import CONTRACT, FineTunePolicy
from ptycho_contracts.documents import check_document
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_yaml
from ptycho_runners.errors import RunError


def load_policy(path: Path) -> FineTunePolicy:
    """The policy in a YAML file.

    Raises:
        RunError: absent, damaged or not a policy; with every finding.
    """
    try:
        value = read_yaml(path)
    except SourceError as error:
        raise RunError(*error.findings) from error
    findings = check_document(CONTRACT.model, value, CONTRACT.role)
    if findings:
        raise RunError(*findings)
    return FineTunePolicy.model_validate(value)
