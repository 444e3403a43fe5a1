"""Declarations, schema files and the lock say the same, and every way in which they can differ is noticed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ptycho_contracts import schema_files
from ptycho_contracts.contract import DocumentContract, get_contract, own_contracts
from ptycho_contracts.contracts.study import CONTRACT as STUDY
from ptycho_contracts.schema_files import LOCK, check_all, load, versions, write_all

CHECKOUT = Path(__file__).parents[3]
OLD = "bridge-job/1.0.0.schema.json"
PRESENT = "study/1.0.0.schema.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Schemas of every contract and one of an earlier version, all locked."""
    assert len(write_all(tmp_path)) == len(own_contracts())
    (tmp_path / OLD).write_text((CHECKOUT / "schemas" / OLD).read_text())
    assert write_all(tmp_path) == []
    assert check_all(tmp_path) == []
    return tmp_path


def declare(monkeypatch: pytest.MonkeyPatch, contract: DocumentContract) -> None:
    """The declaration of a contract becomes another, as if its file had been edited."""
    changed = own_contracts() | {contract.id: contract}
    monkeypatch.setattr(schema_files, "own_contracts", lambda: changed)


def forget(folder: Path, name: str) -> None:
    lock = json.loads((folder / LOCK).read_text())
    del lock[name]
    (folder / LOCK).write_text(json.dumps(lock))


def test_committed_schemas_are_locked_and_those_of_the_contracts() -> None:
    assert check_all(CHECKOUT / "schemas") == []


def test_a_file_edited_by_hand_is_noticed(folder: Path) -> None:
    for name in (OLD, PRESENT):
        (folder / name).write_text((folder / name).read_text() + "\n")
    assert [problem.split(";")[0] for problem in check_all(folder)] == [
        f"{PRESENT} was changed after it was locked",
        f"{OLD} was changed after it was locked",
    ]
    with pytest.raises(ValueError, match="was changed after it was locked"):
        write_all(folder)


def test_a_file_of_an_earlier_version_must_stay(folder: Path) -> None:
    (folder / OLD).unlink()
    assert check_all(folder) == [f"{OLD} is missing; a locked version stays; restore it from the repository"]
    with pytest.raises(ValueError, match="a locked version stays"):
        write_all(folder)


def test_a_declaration_changes_only_with_its_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, replace(STUDY, summary="another promise"))
    assert check_all(folder) == [
        f"{PRESENT} differs from what the contract declares; give the contract another version"
    ]
    with pytest.raises(ValueError, match="another version"):
        write_all(folder)
    (folder / PRESENT).unlink()  # nor by deleting the file: the lock remembers it
    assert [problem.split(";")[0] for problem in check_all(folder)] == [f"{PRESENT} is missing"]
    with pytest.raises(ValueError, match="a locked version stays"):
        write_all(folder)
    declare(monkeypatch, replace(STUDY, summary="another promise", version="1.1.0"))
    assert [problem.split(";")[0] for problem in check_all(folder)] == [
        "study/1.1.0.schema.json is missing",
        f"{PRESENT} is missing",
    ]


def test_a_new_version_is_written_beside_the_old_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / PRESENT).read_bytes()
    declare(monkeypatch, replace(STUDY, summary="another promise", version="1.1.0"))
    assert write_all(folder) == [folder / "study/1.1.0.schema.json"]
    assert check_all(folder) == []
    assert (folder / PRESENT).read_bytes() == before


def test_a_version_that_was_never_released_is_taken_back_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, replace(STUDY, summary="another promise"))
    assert write_all(folder, unreleased=["study"]) == [folder / PRESENT]
    assert check_all(folder) == []
    assert "Another" not in (folder / OLD).read_text()
    with pytest.raises(KeyError):
        write_all(folder, unreleased=["studies"])


def test_files_that_nobody_locked_or_declared_are_noticed(folder: Path) -> None:
    forget(folder, OLD)
    for name in ("gone/1.0.0.schema.json", "study/99.0.0.schema.json", "study/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    assert check_all(folder) == [
        f"{OLD} is not locked; `ptycho schema write` locks it",
        "gone/1.0.0.schema.json belongs to no version of a contract up to the present one",
        "study/99.0.0.schema.json belongs to no version of a contract up to the present one",
        "study/notes.txt belongs to no version of a contract up to the present one",
    ]


def test_a_lost_file_of_the_present_version_is_made_again(folder: Path) -> None:
    before = (folder / PRESENT).read_bytes()
    (folder / PRESENT).unlink()
    assert check_all(folder) == [f"{PRESENT} is missing; `ptycho schema write` makes it"]
    assert write_all(folder) == [folder / PRESENT]
    assert (folder / PRESENT).read_bytes() == before


def test_every_published_version_can_be_loaded() -> None:
    found = [(name, version) for name in own_contracts() for version in versions(name)]
    assert len(found) == len(list((CHECKOUT / "schemas").glob("*/*.schema.json")))
    for name, version in found:
        assert load(name, version)["$id"] == f"urn:ptycho-contracts:{name}:{version}"
        assert versions(name)[-1] == get_contract(name).version
    with pytest.raises(KeyError, match=r"no version 9\.0\.0 of study; there are 1\.0\.0"):
        load("study", "9.0.0")
