"""Every document and file of an earlier version is valid today or becomes it by the steps of its contract."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ptycho_contracts.contract import ArrayContract, DocumentContract, get_contract, own_contracts
from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_contracts.description import MemberInfo
from ptycho_contracts.documents import check_document
from ptycho_contracts.migration import MigrationError, migrate, stated_version, steps_between, steps_of
from ptycho_contracts.schema_files import load, versions
from ptycho_contracts.structure import check_structure
from ptycho_contracts.testing import descriptions
from ptycho_contracts.testing.json_values import json_values

OLD = [(name, version) for name in own_contracts() for version in versions(name)[:-1]]
OLD_DOCUMENTS = [each for each in OLD if isinstance(get_contract(each[0]), DocumentContract)]
OLD_ARRAYS = [each for each in OLD if isinstance(get_contract(each[0]), ArrayContract)]
# What an earlier version demanded and the present one does not, by role.
DEMANDED: dict[tuple[str, str], dict[str, dict[str, tuple[int, ...]]]] = {
    ("ptychovit-checkpoint", "1.0.0"): {role: {"encoder.blocks.0.weight": (3,)} for role in ("best", "last")},
    ("raw-data-npz", "1.0.0"): {},
    ("scan", "1.0.0"): {"scan": {"intensity": (2, 3, 3), "position_y": (2,), "position_x": (2,)}},
    ("scan", "1.1.0"): {},
}


def document_contract(name: str) -> DocumentContract:
    contract = get_contract(name)
    assert isinstance(contract, DocumentContract)
    return contract


def test_there_are_old_versions_of_both_kinds() -> None:
    assert len(OLD_DOCUMENTS) >= 4
    assert set(OLD_ARRAYS) == set(DEMANDED)


@pytest.mark.parametrize("name", own_contracts())
def test_the_steps_lead_through_every_version_to_the_present_one(name: str) -> None:
    steps = steps_of(name)
    published = versions(name)
    assert [(step.before, step.after) for step in steps] == list(pairwise(published))
    assert all(step.says and not step.says.endswith(".") for step in steps)


@pytest.mark.parametrize(("name", "version"), OLD_DOCUMENTS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_document_of_an_old_version_becomes_one_of_the_present(name: str, version: str, data: st.DataObject) -> None:
    contract, old = document_contract(name), load(name, version)
    document = data.draw(json_values(old))
    assert Draft202012Validator(old).is_valid(document)
    before = copy.deepcopy(document)
    migrated = migrate(contract, document, start=version)
    assert document == before
    assert check_document(contract.model, migrated.document, contract.role) == []
    assert Draft202012Validator(load(name)).is_valid(migrated.document)
    assert stated_version(migrated.document) in (None, contract.version)


@pytest.mark.parametrize(("name", "version"), OLD_ARRAYS)
@settings(max_examples=15)
@given(data=st.data())
def test_a_file_of_an_old_version_is_one_of_the_present(name: str, version: str, data: st.DataObject) -> None:
    """Drawn as the present version wants it, completed by what only the old one demanded, and judged by both."""
    contract = get_contract(name)
    assert isinstance(contract, ArrayContract)
    description = data.draw(descriptions(contract))
    for role, members in DEMANDED[name, version].items():
        for path, shape in members.items():
            if role in description.files:
                description.files[role].members.setdefault(path, MemberInfo(dtype="float64", shape=shape))
    assert Draft202012Validator(load(name, version)).is_valid(description.model_dump(mode="json"))
    errors = [f.code for f in check_structure(contract, description) if f.severity == "error"]
    assert set(errors) <= {"PTY201"}  # sizes of what was added here need not agree with what was drawn


def manifest(kind: str, **fields: Any) -> dict[str, Any]:
    base = {"contract_version": "1.0.0", "kind": kind, "outcome": "complete", "seconds": 2.5, "versions": {}}
    return base | {"contract": "run-manifest", "started": "2026-11-01T10:00:00Z"} | fields


def migrated_manifest(document: dict[str, Any]) -> RunManifest:
    return RunManifest.model_validate(migrate(document_contract("run-manifest"), document).document)


def test_a_training_gets_its_one_attempt() -> None:
    found = migrated_manifest(manifest("ptychovit-train"))
    assert found.origin is None
    (attempt,) = found.attempts
    assert (attempt.first_epoch, attempt.seconds, attempt.outcome, attempt.checkpoint) == (0, 2.5, "complete", None)
    assert migrated_manifest(manifest("study demo")).attempts == ()


@pytest.mark.parametrize(
    ("role", "path", "relation", "run"),
    [
        ("checkpoint", "/data/run3/best_model.pth", "inferred", "/data/run3"),
        ("initial weights", "/data/weights/best_model.pth", "fine-tuned", None),
        ("checkpoint", "best_model.pth", "inferred", None),
    ],
)
def test_the_checkpoint_among_the_inputs_is_the_origin(role: str, path: str, relation: str, run: str | None) -> None:
    given_ = {"role": role, "path": path, "sha256": "0" * 64, "bytes": 7}
    origin = migrated_manifest(manifest("ptychovit-infer", inputs=[given_])).origin
    assert origin is not None
    assert (origin.relation, origin.run, origin.epoch, origin.checkpoint.path) == (relation, run, None, path)


def test_an_old_job_is_not_seeded_as_a_new_one() -> None:
    document = {"contract_version": "1.0.0", "mode": "train", "hooks": {"profiling": False}}
    hooks = migrate(document_contract("bridge-job"), document).document["hooks"]
    assert hooks == {"profiling": False, "seed_epochs": False, "seed_validation": False}


def test_what_cannot_be_migrated_is_said() -> None:
    contract = document_contract("run-manifest")
    with pytest.raises(MigrationError, match="does not say which version of run-manifest"):
        migrate(contract, {"kind": "x"})
    with pytest.raises(MigrationError, match=r"is of version 1\.0\.0, not 1\.1\.0"):
        migrate(contract, manifest("x"), start="1.1.0")
    with pytest.raises(MigrationError, match=r"no migration of run-manifest leads from 1\.1\.0 to 1\.0\.0"):
        migrate(contract, manifest("x", contract_version="1.1.0"), to="1.0.0")
    with pytest.raises(MigrationError, match=r"no sound run-manifest 1\.0\.0"):
        migrate(contract, manifest("x", inputs=[3]))
    assert steps_between("run-manifest", "1.1.0", "1.1.0") == ()
