"""The pages about many files and their configuration: commands run as written, tables say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from console import check_page

from ptycho_contracts.batch.discover import ARRAY_SUFFIXES
from ptycho_contracts.codes import all_codes
from ptycho_contracts.contracts.project_config import ProjectConfig
from ptycho_contracts.policy import PROFILES
from ptycho_runners.cli.validate import FailOnOption, ProfileOption

ROOT = Path(__file__).parents[2]
CI = ROOT / "docs/ci.md"
CONFIGURATION = ROOT / "docs/configuration.md"


def rows(page: Path, heading: str) -> dict[str, list[str]]:
    """The cells of the table below a header row, by the word in their first cell."""
    lines = page.read_text().split(f"{heading}\n", 1)[1].splitlines()[1:]
    table = [line.strip("| ").split(" | ") for line in lines[: lines.index("")]]
    return {cells[0].strip("`"): cells[1:] for cells in table}


@pytest.mark.parametrize(("page", "commands"), [(CI, 9), (CONFIGURATION, 2)])
def test_a_page_runs_as_written(page: Path, commands: int, tmp_path: Path) -> None:
    known = ("ptycho ", "ls ", "rm ", "echo ", "python -c ")
    assert check_page(page, tmp_path, figures=True, allowed=lambda command: command.startswith(known)) == commands


def test_every_key_of_the_configuration_is_told() -> None:
    keys = {info.alias for info in ProjectConfig.model_fields.values()}
    assert set(rows(CONFIGURATION, "| key | is | default |")) == keys


def test_its_example_is_valid() -> None:
    example = re.findall(r"```toml\n(.*?)```", CONFIGURATION.read_text(), re.DOTALL)
    assert len(example) == 1
    config = ProjectConfig.model_validate(tomllib.loads(example[0]))
    assert config.per_path["raw/2019/**"].ignore == ("PTY106", "PTY107")


def test_profiles_do_what_the_page_says() -> None:
    told = rows(CONFIGURATION, "| profile | for | what it changes |")
    assert set(told) == set(PROFILES) == set(ProfileOption)
    for name, table in PROFILES.items():
        assert re.findall(r"PTY\d{3}", told[name][1]) == sorted(table), name
    assert all(f"`{value}`" in CONFIGURATION.read_text() for value in FailOnOption)


def test_codes_of_the_pages_exist() -> None:
    named = set(re.findall(r"PTY\d{3}", CI.read_text() + CONFIGURATION.read_text()))
    assert named <= all_codes().keys()


def test_suffixes_are_those_that_are_searched_for() -> None:
    told = re.search(r"\((`\.cxi[^)]*`)\)", CI.read_text())
    assert told is not None
    assert set(told[1].strip("`").split()) == ARRAY_SUFFIXES


def test_inputs_of_the_action_are_told() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    told = rows(CI, "| input | is | default |")
    assert list(told) == list(action["inputs"])
    for name, given in action["inputs"].items():
        assert told[name][1].strip("`") == (given["default"] or "what the configuration says")
