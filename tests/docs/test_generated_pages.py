"""The committed pages are those that the code generates, and every way in which they can differ is noticed."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ptycho_adapters.codec import own_codecs
from ptycho_contracts.codes import all_codes
from ptycho_contracts.contract import ArrayContract, get_contract, own_contracts
from ptycho_contracts.engine_codes import DIMENSION_MISMATCH
from ptycho_contracts.reference_example import least_example
from ptycho_contracts.structure import check_structure
from ptycho_contracts.testing import example_artifact, example_document, write_artifact

DOCS = Path(__file__).parents[2] / "docs"
ARRAYS = [c for c in own_contracts().values() if isinstance(c, ArrayContract)]


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    """The module `docs/generate.py`, which is a script and no part of a package."""
    sys.path.insert(0, str(DOCS))
    yield importlib.import_module("generate")
    sys.path.remove(str(DOCS))


def test_committed_pages_are_those_of_the_code(generate: ModuleType) -> None:
    assert list(generate.problems(generate.pages())) == []


def test_missing_different_and_stale_pages_are_noticed_and_mended(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    wanted = {"frames.md": "# Frames", "codes/index.md": "# Codes", "scan.md": "# Scan"}
    generate.write(wanted)
    assert list(generate.problems(wanted)) == []
    (tmp_path / "frames.md").unlink()
    (tmp_path / "scan.md").write_text("# Skan")
    (tmp_path / "codes" / "PTY999.md").write_text(f"# PTY999\n\n{generate.MARK} from what is gone -->\n")
    (tmp_path / "notes.md").write_text("# Written by hand")
    assert list(generate.problems(wanted)) == [
        "frames.md is missing",
        "scan.md is not what the code says",
        "codes/PTY999.md was generated from something that is gone",
    ]
    generate.write(wanted)
    assert list(generate.problems(wanted)) == []
    assert (tmp_path / "notes.md").is_file()


def test_the_check_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("contract", ARRAYS, ids=lambda c: c.id)
def test_the_least_that_is_enough_is_enough(contract: ArrayContract) -> None:
    """And nothing less: without any of its members it is not."""
    description = least_example(contract)
    assert [f for f in check_structure(contract, description) if f.severity == "error"] == []
    for role, info in description.files.items():
        for path in info.members:
            members = {name: member for name, member in info.members.items() if name != path}
            less = description.model_copy(
                update={"files": description.files | {role: info.model_copy(update={"members": members})}}
            )
            errors = [f for f in check_structure(contract, less) if f.severity == "error"]
            assert errors, f"{contract.id} does not need {role}:/{path}"
            assert all(f.code != DIMENSION_MISMATCH.id for f in errors)


def test_every_format_has_its_conventions_on_its_page() -> None:
    for codec in own_codecs().values():
        text = (DOCS / "contracts" / f"{codec.id}.md").read_text()
        assert "## Conventions" in text
        assert re.search(r"checked against|\d\.\d|of (January|February|\w+) 20\d\d", text), codec.id


def test_links_of_the_generated_pages_lead_somewhere() -> None:
    """GitHub shows these pages too, so the files must be where the links say."""
    for page in DOCS.rglob("*.md"):
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.relative_to(DOCS)} → {target}"


@pytest.mark.parametrize("name", ["ptychovit-pair", "bridge-result"])
def test_the_commands_of_a_page_work(name: str, tmp_path: Path) -> None:
    """On a valid file, all three; on one that is none, none of the two that judge."""
    contract = get_contract(name)
    if isinstance(contract, ArrayContract):
        path = write_artifact(example_artifact(contract), contract, tmp_path, "scan")
    else:
        path = tmp_path / "document.json"
        path.write_text(json.dumps(example_document(contract)))
    (block,) = re.findall(r"```sh\n(.*?)```", (DOCS / "contracts" / f"{name}.md").read_text(), re.DOTALL)
    assert block.count("\n") == 3
    assert bash(f"set -e -o pipefail\n{block.replace('PATH', str(path))}", tmp_path) == 0
    (tmp_path / "wrong.json").write_text("{}")
    wrong = block.replace("ptycho describe PATH --format json", "cat PATH").replace("PATH", "wrong.json")
    validate, show, judge = wrong.splitlines()
    assert [bash(command, tmp_path) for command in (show, validate, judge)] == [0, 1, 1]


def bash(script: str, folder: Path) -> int:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, check=False
    ).returncode


def test_a_page_tells_every_code_that_a_rule_reports() -> None:
    text = (DOCS / "contracts" / "ptychovit-pair.md").read_text()
    linked = set(re.findall(r"codes/(PTY\d{3})\.md", text))
    assert {"PTY201", "PTY310", "PTY401", "PTY402"} <= linked <= set(all_codes())
