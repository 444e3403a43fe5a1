"""`ptycho schema` and `ptycho migrate` at the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ptycho_contracts.contract import all_contracts
from ptycho_runners.cli import app

OLD: dict[str, Any] = {
    "contract": "run-manifest",
    "contract_version": "1.0.0",
    "kind": "ptychovit-train",
    "outcome": "complete",
    "started": "2026-11-01T10:00:00Z",
    "seconds": 2.5,
    "versions": {},
}


def ptycho(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(OLD))
    return path


def test_schema_list_tells_every_contract_and_its_versions() -> None:
    lines = ptycho("schema", "list")[1].splitlines()
    assert [line.split()[0] for line in lines] == list(all_contracts())
    assert next(line for line in lines if line.startswith("run-manifest")).split()[1:3] == ["1.0.0", "1.1.0"]
    told = json.loads(ptycho("schema", "list", "--format", "json")[1])
    assert [each["contract"] for each in told] == list(all_contracts())
    assert all(each["versions"] and each["summary"] for each in told)


def test_schema_show_prints_any_version() -> None:
    for options, version in (((), "1.1.0"), (("--version", "1.0.0"), "1.0.0")):
        code, out, _ = ptycho("schema", "show", "run-manifest", *options)
        assert code == 0
        assert json.loads(out)["title"] == f"run-manifest {version}"
    assert ptycho("schema", "show", "run-manifest", "--version", "7.0.0")[0] == 2
    assert "did you mean" in ptycho("schema", "show", "run-manifests")[2]


def test_schema_write_refuses_to_change_a_locked_file_unless_it_was_never_released(tmp_path: Path) -> None:
    assert ptycho("schema", "write", "--folder", tmp_path)[0] == 0
    changed = tmp_path / "study" / "1.0.0.schema.json"
    changed.write_text("{}")
    code, _, err = ptycho("schema", "write", "--folder", tmp_path)
    assert code == 1
    assert "another version" in err
    assert ptycho("schema", "write", "--folder", tmp_path, "--unreleased", "studies")[0] == 2
    code, out, _ = ptycho("schema", "write", "--folder", tmp_path, "--unreleased", "study")
    assert (code, out) == (0, f"wrote {changed}\n")
    assert ptycho("schema", "check", "--folder", tmp_path)[0] == 0


def test_validate_tells_that_a_document_is_old_and_migrate_writes_it_anew(old: Path) -> None:
    code, out, _ = ptycho("validate", old)
    assert code == 0
    assert "PTY112" in out
    before = old.read_bytes()
    code, out, _ = ptycho("migrate", old)
    assert code == 0
    assert "run-manifest 1.0.0 → 1.1.0" in out
    assert "new: attempts" in out
    new = old.with_name("manifest.1.1.0.json")
    assert old.read_bytes() == before
    assert json.loads(new.read_text())["attempts"][0]["first_epoch"] == 0
    code, out, _ = ptycho("validate", new)
    assert code == 0
    assert "PTY112" not in out
    assert "nothing to do" in ptycho("migrate", new)[1]


def test_migrate_overwrites_only_when_asked(old: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "manifest.json"
    assert ptycho("migrate", old, "--out", out)[0] == 0
    code, _, err = ptycho("migrate", old, "--out", out)
    assert code == 2
    assert "--overwrite" in err
    assert ptycho("migrate", old, "--out", out, "--overwrite")[0] == 0


def test_migrate_refuses_with_the_reason(old: Path, tmp_path: Path) -> None:
    def refusal(document: Any, *options: str) -> tuple[int, str]:
        old.write_text(json.dumps(document))
        code, _, err = ptycho("migrate", old, *options)
        return code, err

    unversioned = {key: value for key, value in OLD.items() if key != "contract_version"}
    assert ptycho("migrate", tmp_path / "absent.json")[0] == 2
    assert refusal({"something": 1})[0] == 0 + refusal([])[0] == 2
    assert "--from" in refusal(unversioned)[1]
    assert refusal(OLD, "--to", "9.0.0") == (2, "ptycho: no migration of run-manifest leads from 1.0.0 to 9.0.0\n")
    assert refusal(OLD | {"seconds": -1})[0] == 1
    assert "PTY110" in refusal(OLD | {"seconds": -1})[1]
    assert refusal(OLD, "--contract", "ptychovit-pair")[0] == 2
    assert refusal(OLD, "--contract", "nonsense")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_document_that_names_no_version_is_migrated_from_the_one_that_is_said(old: Path) -> None:
    old.write_text(json.dumps({key: value for key, value in OLD.items() if key != "contract_version"}))
    assert ptycho("migrate", old, "--from", "1.0.0")[0] == 0
    new = json.loads(old.with_name("manifest.1.1.0.json").read_text())
    assert new["attempts"]
