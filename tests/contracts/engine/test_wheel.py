"""What a user installs: the wheel holds the schemas with their lock, and they are found in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]

pytest.importorskip("hatchling", reason="the build backend is not installed")

ASKS = """
import json, ptycho_contracts
from ptycho_contracts.schema_files import load, versions
old = load("run-manifest", "1.0.0")["$id"]
print(json.dumps({"package": ptycho_contracts.__path__[0], "old": old, "versions": versions("run-manifest")}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_schemas_their_lock_and_the_type_markers(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    schemas = {path.relative_to(CHECKOUT) for path in (CHECKOUT / "schemas").rglob("*.json")}
    assert {f"ptycho_contracts/{path.as_posix()}" for path in schemas} <= names
    assert "ptycho_contracts/schemas/lock.json" in names
    packages = ("ptycho_contracts", "ptycho_adapters", "ptycho_runners")
    assert {f"{package}/py.typed" for package in packages} <= names
    assert {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")} == set(packages)


def test_the_installed_package_finds_the_schemas_in_itself(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == {
        "package": str(tmp_path / "ptycho_contracts"),
        "old": "urn:ptycho-contracts:run-manifest:1.0.0",
        "versions": ["1.0.0", "1.1.0"],
    }
