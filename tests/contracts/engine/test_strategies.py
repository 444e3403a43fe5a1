"""What the strategies draw fulfils the declarations that they are derived from, in memory, on disk and as JSON."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

import ptycho_contracts.testing
from ptycho_contracts.contract import ArrayContract, DocumentContract, all_contracts, get_contract
from ptycho_contracts.description import Description
from ptycho_contracts.opening import describe
from ptycho_contracts.schema import schema_of
from ptycho_contracts.structure import check_structure
from ptycho_contracts.testing import DrawnArtifact, artifacts, descriptions, documents, write_artifact
from ptycho_contracts.validation import validate

ARRAYS = [c for c in all_contracts().values() if isinstance(c, ArrayContract)]
WRITABLE = [c for c in ARRAYS if {m.container for m in c.files.values()} <= {"npz", "hdf5"}]
DOCUMENTS = [c for c in all_contracts().values() if isinstance(c, DocumentContract)]
# A validator of these looks at what JSON Schema is not told: fields that exclude each other (either `simulate` or
# `test`), `because` where nothing was tested, patterns of paths. A refused line does not count as a line, so its report
# may also be too short.
RELATING_FIELDS = {
    "study": {"value_error"},
    "conformance-report": {"value_error", "too_short"},
    "project-config": {"value_error"},
}
# A rule relates sizes that are not equal: there is one distance fewer than layers.
RELATING_MEMBERS = {"ptychodus-product": {"PTY201 product:/object_layer_spacing_m"}}


def by_id(contract: ArrayContract | DocumentContract) -> str:
    return contract.id


def errors(contract: ArrayContract, description: Description) -> list[str]:
    return [f"{f.code} {f.location}" for f in check_structure(contract, description) if f.severity == "error"]


@pytest.mark.parametrize("contract", ARRAYS, ids=by_id)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_drawn_descriptions_fulfil_contract_and_schema(contract: ArrayContract, data: st.DataObject) -> None:
    description = data.draw(descriptions(contract))
    assert errors(contract, description) == []
    Draft202012Validator(schema_of(contract)).validate(description.model_dump(mode="json"))


@pytest.mark.parametrize("contract", WRITABLE, ids=by_id)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_written_is_described_as_declared(contract: ArrayContract, data: st.DataObject) -> None:
    artifact = data.draw(artifacts(contract))
    with tempfile.TemporaryDirectory() as folder:
        path = write_artifact(artifact, contract, Path(folder), "drawn")
        described = describe(path, contract)
        report = validate(path, contract.id, depth="data")
    assert errors(contract, described) == []
    assert headers_of(described) == headers_in_memory(artifact)
    found = {f"{f.code} {f.location}" for f in report.errors if f.code[3] in "01249"}
    assert found <= RELATING_MEMBERS.get(contract.id, set())


@pytest.mark.parametrize("contract", WRITABLE, ids=by_id)
@settings(max_examples=5)
@given(data=st.data())
def test_what_is_not_required_is_left_out_and_sizes_have_a_floor(contract: ArrayContract, data: st.DataObject) -> None:
    artifact = data.draw(artifacts(contract.id, least=7, optional=False))
    for role, file in artifact.files.items():
        model = contract.files[role]
        assert set(model.required_members()) <= set(file.members)
        assert len(file.members) <= len(model.required_members()) + len(model.one_of) + len(model.prefixes)
        for path, member in ((p, m) for p, m in file.members.items() if p in model.arrays()):
            fixed = {int(name) for form in model.arrays()[path].alternatives for name in form if name.isdigit()}
            assert all(size >= 7 or size in fixed for size in member.array.shape)


def test_a_contract_of_the_other_kind_says_what_draws_it() -> None:
    with pytest.raises(TypeError, match=r"study is a document; `documents\('study'\)` draws it"):
        artifacts("study")
    with pytest.raises(TypeError, match=r"recon-npz is made of arrays; `artifacts\('recon-npz'\)` draws it"):
        documents("recon-npz")
    with pytest.raises(KeyError, match="did you mean 'raw-data-npz'"):
        descriptions("raw-data-np")


def test_nothing_is_drawn_and_thrown_away() -> None:
    sources = Path(ptycho_contracts.testing.__file__).parent.glob("*.py")
    assert [p.name for p in sources if ".filter(" in p.read_text() or "assume(" in p.read_text()] == []


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_checkpoint_saved_by_torch_is_described_as_declared(data: st.DataObject) -> None:
    torch = pytest.importorskip("torch", reason="only torch writes checkpoints")
    contract = get_contract("ptychovit-checkpoint")
    config = get_contract("ptychovit-config")
    assert isinstance(contract, ArrayContract)
    assert isinstance(config, DocumentContract)
    artifact = data.draw(artifacts(contract))
    with tempfile.TemporaryDirectory() as folder:
        for role, file in artifact.files.items():
            tensors: dict[str, Any] = {}
            for path, member in file.members.items():
                *groups, leaf = path.split("/")
                place = tensors
                for group in groups:
                    place = place.setdefault(group, {})
                place[leaf] = torch.from_numpy(np.ascontiguousarray(member.array).reshape(member.array.shape))
            torch.save(tensors, Path(folder) / contract.names[role])
        (Path(folder) / contract.names["config"]).write_text(yaml.safe_dump(data.draw(documents(config))))
        described = describe(folder, contract)
        report = validate(folder, depth="data")
    assert errors(contract, described) == []
    assert headers_of(described) == headers_in_memory(artifact)
    assert report.contract == contract.id
    assert [f for f in report.errors if not f.code.startswith("PTY5")] == []  # drawn losses are of no training


@pytest.mark.parametrize("contract", DOCUMENTS, ids=by_id)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_drawn_documents_fulfil_schema_and_model(contract: DocumentContract, data: st.DataObject) -> None:
    document = data.draw(documents(contract))
    Draft202012Validator(schema_of(contract)).validate(document)
    kinds = error_types(contract, document)
    assert kinds <= RELATING_FIELDS.get(contract.id, set())


def error_types(contract: DocumentContract, document: Any) -> set[str]:
    """pydantic's types of what it refuses; empty where the document is valid."""
    try:
        contract.model.model_validate(document)
    except ValidationError as error:
        return {detail["type"] for detail in error.errors()}
    return set()


def headers_of(description: Description) -> dict[str, Any]:
    """Element type, shape and attribute values of every member."""
    return {
        f"{role}:/{path}": (m.dtype, m.shape, {name: a.value for name, a in m.attributes.items()})
        for role, info in description.files.items()
        for path, m in info.members.items()
    }


def headers_in_memory(artifact: DrawnArtifact) -> dict[str, Any]:
    return {
        f"{role}:/{path}": (
            dtype_of(m.array),
            m.array.shape,
            {name: np.asarray(value).tolist() for name, value in m.attributes.items()},
        )
        for role, file in artifact.files.items()
        for path, m in file.members.items()
    }


def dtype_of(array: Any) -> str:
    return str({"U": "str", "O": "object"}.get(array.dtype.kind, array.dtype.name))
