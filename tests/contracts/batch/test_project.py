"""The configuration of a project: where it is found, what is wrong with it, and who wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptycho_contracts.batch.project import Wishes, effective_policy, find_config, load_project
from ptycho_contracts.contracts.project_config import ProjectConfig
from ptycho_contracts.finding import Finding
from ptycho_contracts.policy import EffectivePolicy
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.validation import validate

FULL = """
profile = "interop"
depth = "data"
select = ["PTY"]
ignore = ["PTY302"]
severity = {PTY304 = "hint", PTY4 = "warning"}
fail-on = "warning"
exclude = ["scratch"]
baseline = "ptycho-baseline.json"

[per-path."raw/**"]
ignore = ["PTY106"]
severity = {PTY107 = "hint"}
"""


def project_toml(folder: Path, text: str) -> Path:
    (folder / "ptycho-contracts.toml").write_text(text)
    return folder / "ptycho-contracts.toml"


def findings(folder: Path, text: str) -> tuple[Finding, ...]:
    with pytest.raises(SourceError) as refused:
        load_project(project_toml(folder, text))
    return refused.value.findings


def test_everything_arrives_in_the_policy(tmp_path: Path) -> None:
    project = load_project(project_toml(tmp_path, FULL))
    policy = effective_policy(project.config, Wishes())
    assert policy == EffectivePolicy.model_validate(
        {
            "profile": "interop",
            "depth": "data",
            "select": ["PTY"],
            "ignore": ["PTY302"],
            "severity": {"PTY304": "hint", "PTY4": "warning"},
            "per_path": {"raw/**": {"ignore": ["PTY106"], "severity": {"PTY107": "hint"}}},
            "fail_on": "warning",
            "exclude": ["scratch"],
        }
    )
    assert project.baseline == tmp_path / "ptycho-baseline.json"


def test_pyproject_says_the_same_in_its_table(tmp_path: Path) -> None:
    table = "[tool.ptycho-contracts]" + FULL.replace("[per-path.", "[tool.ptycho-contracts.per-path.")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n' + table)
    (tmp_path / "sub").mkdir()
    alone = load_project(project_toml(tmp_path / "sub", FULL))
    assert load_project(tmp_path / "pyproject.toml").config == alone.config


def test_the_nearest_is_found_and_a_pyproject_without_our_table_is_none(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    outer = project_toml(tmp_path, "")
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert find_config(inner) == outer
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.ptycho-contracts]\n")
    assert find_config(inner) == tmp_path / "a" / "pyproject.toml"
    near = project_toml(tmp_path / "a", "")
    assert find_config(inner) == near


def test_an_unknown_key_names_the_one_that_was_meant(tmp_path: Path) -> None:
    found = findings(tmp_path, 'fail_on = "error"\nignroe = []\n[per-path."a"]\nseverty = {}\nselect = []\n')
    assert [(f.code, f.location, f.fix) for f in found] == [
        ("PTY111", "toml:/per-path/a/severty", "Did you mean 'severity'?"),
        ("PTY111", "toml:/per-path/a/select", "Remove it; the keys here are ignore, severity."),
        ("PTY111", "toml:/fail_on", "Did you mean 'fail-on'?"),
        ("PTY111", "toml:/ignroe", "Did you mean 'ignore'?"),
    ]


@pytest.mark.parametrize(
    ("text", "location", "told"),
    [
        ('depth = "deep"', "toml:/depth", "'header', 'data' or 'physics'"),
        ('ignore = ["E501"]', "toml:/ignore[0]", "PTY"),
        ('ignore = ["PTY1", "PTY998"]', "toml:/ignore[1]", "no code is or begins with 'PTY998'"),
        ("severity = {PTY304 = 'loud'}", "toml:/severity/PTY304", "'error', 'warning' or 'hint'"),
        ('[per-path."a"]\nignore = ["PTY311", "PTY399"]', "toml:/per-path/a/ignore[1]", "did you mean 'PTY3"),
        ('ignore = ["PTY00"]', "toml:/ignore[0]", "'PTY00' has no effect"),
        ("severity = {PTY9 = 'hint'}", "toml:/severity/PTY9", "only by their whole code"),
        ('exclude = ["[z-a]"]', "toml:/exclude", "no pattern of paths"),
        ("depth = ", "toml:/", "not TOML"),
    ],
)
def test_every_mistake_is_a_finding_at_its_place(tmp_path: Path, text: str, location: str, told: str) -> None:
    found = findings(tmp_path, text)
    assert [f.location for f in found] == [location]
    assert told in found[0].message


def test_the_file_is_validated_as_any_other_document(tmp_path: Path) -> None:
    good = validate(project_toml(tmp_path, FULL))
    assert (good.contract, good.findings) == ("project-config", ())
    assert [f.code for f in validate(project_toml(tmp_path, "dept = 'data'")).findings] == ["PTY111"]


def test_the_caller_wins_then_the_file_then_the_profile() -> None:
    config = ProjectConfig.model_validate({"profile": "strict", "ignore": ["PTY302"], "exclude": ["a"]})
    assert effective_policy(config, Wishes()).fail_on == "warning"
    wished = effective_policy(config, Wishes(profile="archive", ignore=(), exclude=("b",), fail_on="never"))
    assert (wished.profile, wished.ignore, wished.exclude, wished.fail_on) == ("archive", (), ("b",), "never")
    said = ProjectConfig.model_validate({"profile": "strict", "fail-on": "error"})
    assert effective_policy(said, Wishes()).fail_on == "error"
    assert effective_policy(ProjectConfig(), Wishes(profile="strict")).fail_on == "warning"
    assert effective_policy(ProjectConfig(), Wishes()) == EffectivePolicy()
