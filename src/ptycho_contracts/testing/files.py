"""Valid and broken files of any contract, as the pytest fixtures write them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contract import DocumentContract, get_contract
from ptycho_contracts.testing.assertions import assert_valid
from ptycho_contracts.testing.breaking import Defect, breaks
from ptycho_contracts.testing.breaking_documents import document_breaks
from ptycho_contracts.testing.drawn import write_artifact
from ptycho_contracts.testing.example import example_artifact, example_document
from ptycho_contracts.testing.simulated import Size


def write_example(contract_id: str, folder: Path, name: str, *, seed: int = 0, **size: Any) -> Path:
    """Write a valid artifact or document; returns the path by which it is found.

    Args:
        contract_id: Of any contract in NPZ, HDF5, JSON, YAML or pickle files.
        folder: Where to write.
        name: Stem of the files; a document is called as its contract says.
        seed: Of a simulated scan.
        size: Fields of `Size`, for a simulated scan.

    Raises:
        KeyError: no contract of that id.
        ValueError: its files are not written here, or seed or size mean nothing to it.
        AssertionError: what the declaration allows breaks a rule of the contract; the report says which.
    """
    contract = get_contract(contract_id)
    if isinstance(contract, DocumentContract):
        path = _write_document(contract, example_document(contract), folder, name)
    else:
        artifact = example_artifact(contract, seed=seed, size=Size(**size) if size else None)
        path = write_artifact(artifact, contract, folder, name)
    assert_valid(path, contract=contract_id, depth="data")
    return path


def write_broken_example(contract_id: str, code: str, folder: Path, name: str, location: str | None = None) -> Path:
    """Write an artifact or document whose only errors have that code; returns the path by which it is found.

    Raises:
        KeyError: no contract of that id.
        ValueError: no break of it yields that code at that location; the message lists those that there are. Or its
            files are not written here.
    """
    contract = get_contract(contract_id)
    if isinstance(contract, DocumentContract):
        documents = document_breaks(contract, example_document(contract))
        document = documents[_chosen([broken.defect for broken in documents], contract_id, code, location)].document
        return _write_document(contract, document, folder, name)
    artifacts = breaks(contract, example_artifact(contract))
    artifact = artifacts[_chosen([broken.defect for broken in artifacts], contract_id, code, location)].artifact
    return write_artifact(artifact, contract, folder, name)


def _chosen(possible: Sequence[Defect], contract_id: str, code: str, location: str | None) -> int:
    """Index of the first defect of that code, at that location where one is given."""
    for index, defect in enumerate(possible):
        if defect.code == code and location in (None, defect.location):
            return index
    wanted = code if location is None else f"{code} at {location}"
    listed = ", ".join(f"{defect.code} at {defect.location}" for defect in possible) or "nothing"
    raise ValueError(f"no break of {contract_id} yields {wanted}; possible: {listed}")


def _write_document(contract: DocumentContract, document: Any, folder: Path, name: str) -> Path:
    if contract.role not in ("json", "yaml", "pkl"):
        raise ValueError(f"{contract.id} is a {contract.role} document, which is not written here")
    pattern = contract.names[0] if contract.names else f"*.{contract.role}"
    path = folder / pattern.replace("*", name)
    with atomic_path(path) as temporary:
        # JSON is YAML too.
        content = pickle.dumps(document) if contract.role == "pkl" else json.dumps(document, indent=2).encode()
        temporary.write_bytes(content)
    return path
