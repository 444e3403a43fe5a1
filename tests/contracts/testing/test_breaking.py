"""Valid artifacts are valid, broken ones have exactly the error that they promise, for every contract."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_contracts.contract import AnyContract, ArrayContract, DocumentContract, all_contracts
from ptycho_contracts.documents import check_document
from ptycho_contracts.testing import (
    Broken,
    Size,
    breaks,
    broken,
    document_breaks,
    example_artifact,
    example_document,
    explained_grid_lines,
    explained_pairs,
    explained_raw_data,
    pairs,
    scans,
    write_artifact,
)
from ptycho_contracts.testing.drawn import WRITABLE, DrawnArtifact
from ptycho_contracts.validation import validate

ARRAYS = [
    c
    for c in all_contracts().values()
    if isinstance(c, ArrayContract) and {m.container for m in c.files.values()} <= set(WRITABLE)
]
DOCUMENTS = [c for c in all_contracts().values() if isinstance(c, DocumentContract)]
EXPLAINED = {
    "grid-lines-npz": explained_grid_lines,
    "ptychovit-pair": explained_pairs,
    "raw-data-npz": explained_raw_data,
}


def by_id(contract: AnyContract) -> str:
    return contract.id


def codes_of(artifact: DrawnArtifact, contract: ArrayContract, depth: str) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = write_artifact(artifact, contract, Path(folder), "scan")
        return {f.code for f in validate(path, contract.id, depth).errors}  # type: ignore[arg-type]


def assert_promise_kept(found: Broken, contract: ArrayContract) -> None:
    assert codes_of(found.artifact, contract, found.defect.depth) == {found.defect.code}, found.defect


@pytest.mark.parametrize("contract", ARRAYS, ids=by_id)
def test_the_example_is_valid_and_each_break_of_it_yields_its_code(contract: ArrayContract) -> None:
    artifact = example_artifact(contract)
    assert codes_of(artifact, contract, "data") == set()
    found = breaks(contract, artifact)
    for one in found:
        assert_promise_kept(one, contract)
    assert {"PTY102", "PTY103"} <= {one.defect.code for one in found}
    assert codes_of(artifact, contract, "data") == set()  # breaking leaves the original as it was


@pytest.mark.parametrize("contract", ARRAYS, ids=by_id)
@settings(max_examples=8)
@given(data=st.data())
def test_what_is_drawn_broken_has_that_one_error(contract: ArrayContract, data: st.DataObject) -> None:
    assert_promise_kept(data.draw(broken(contract.id)), contract)


@pytest.mark.parametrize("contract_id", EXPLAINED)
@settings(max_examples=6)
@given(data=st.data())
def test_what_is_explained_is_valid_down_to_the_physics(contract_id: str, data: st.DataObject) -> None:
    contract = all_contracts()[contract_id]
    assert isinstance(contract, ArrayContract)
    artifact = data.draw(EXPLAINED[contract_id]())
    with tempfile.TemporaryDirectory() as folder:
        report = validate(write_artifact(artifact, contract, Path(folder), "scan"), depth="physics")
    assert report.contract == contract_id
    assert report.findings == ()
    assert report.evidence["physics"]["verdict"] in ("proven", "as stated")


@settings(max_examples=25)
@given(scans())
def test_scans_have_the_dimensions_of_the_contract(scan: object) -> None:
    import xarray as xr

    assert isinstance(scan, xr.Dataset)
    assert not any("*" in str(name) for name in scan.dims)
    if "intensity" in scan:
        assert scan["intensity"].dims == ("scan", "detector_y", "detector_x")
    if {"intensity", "position_y"} <= set(scan.variables):
        assert scan["position_y"].sizes == {"scan": scan.sizes["scan"]}


@settings(max_examples=10)
@given(pairs())
def test_pairs_are_artifacts_of_two_files(pair: DrawnArtifact) -> None:
    assert list(pair.files) == ["dp", "para"]


@pytest.mark.parametrize("contract", DOCUMENTS, ids=by_id)
def test_the_example_of_a_document_is_valid(contract: DocumentContract) -> None:
    contract.model.model_validate(example_document(contract))


@pytest.mark.parametrize("contract", DOCUMENTS, ids=by_id)
def test_each_break_of_a_document_yields_its_code_at_its_place(contract: DocumentContract) -> None:
    for one in document_breaks(contract, example_document(contract)):
        found = check_document(contract.model, one.document, contract.role)
        assert [(f.code, f.location) for f in found] == [(one.defect.code, one.defect.location)]


def test_documents_with_named_fields_can_be_broken() -> None:
    for contract in ("study", "run-manifest", "gate-manifest"):
        codes = {b.defect.code for b in document_breaks(contract, example_document(contract))}
        assert codes == {"PTY101", "PTY110", "PTY111"}


def test_an_example_is_the_same_again() -> None:
    assert example_document("ptychovit-config") == example_document("ptychovit-config")
    first, second = (example_artifact("recon-npz").files["npz"].members for _ in range(2))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name].array, second[name].array) for name in first)


def test_a_size_means_nothing_where_no_scan_is_simulated() -> None:
    with pytest.raises(ValueError, match="no scan is simulated for recon-npz"):
        example_artifact("recon-npz", size=Size(n=16))


def test_a_simulated_scan_has_the_wanted_size() -> None:
    pair = example_artifact("ptychovit-pair", seed=4, size=Size(n=24, rows=5, columns=7, modes=3))
    assert pair.files["dp"].members["dp"].array.shape == (35, 24, 24)
    assert pair.files["para"].members["probe"].array.shape == (1, 3, 24, 24)
