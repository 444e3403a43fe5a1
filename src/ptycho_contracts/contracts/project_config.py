"""The configuration of a project: `ptycho-contracts.toml`, or the table `[tool.ptycho-contracts]` of pyproject.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ptycho_contracts.codes import Severity
from ptycho_contracts.contract import DocumentContract
from ptycho_contracts.finding import Depth
from ptycho_contracts.path_patterns import checked
from ptycho_contracts.policy import EVERYTHING, FailOn, PathRules, Profile, Selector


class ProjectConfig(BaseModel):
    """How `ptycho validate` judges the files of a project. What the command line says comes first.

    Codes are written whole (`PTY304`) or by their beginning (`PTY3`); the longest that fits decides. Patterns of paths
    are relative to the folder of the configuration: `*` stays in a folder, `**` crosses folders, a pattern without a
    slash holds at any depth, and what fits a folder fits everything below it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"))

    profile: Profile = Field(
        default="default",
        description="strict: hints are warnings, and warnings fail; interop: what other tools of the field need is "
        "required; archive: a file must say of itself how it is to be read",
    )
    depth: Depth = Field(default="header", description="how deep to look")
    select: tuple[Selector, ...] = Field(default=(EVERYTHING,), min_length=1, description="codes that are reported")
    ignore: tuple[Selector, ...] = Field(
        default=(), description="codes that are not reported; those of 0xx and 9xx only by their whole code"
    )
    severity: dict[Selector, Severity] = Field(
        default={}, description="severity by code; those of 0xx and 9xx only by their whole code"
    )
    per_path: dict[str, PathRules] = Field(
        default={}, description="rules for some of the paths, by pattern; where several fit, the last one decides"
    )
    fail_on: FailOn | None = Field(
        default=None, description="least severity that fails; by default error, and warning in the profile strict"
    )
    exclude: tuple[str, ...] = Field(default=(), description="patterns of paths that are left out, also where named")
    baseline: str | None = Field(default=None, description="file of known findings, relative to this folder")

    @field_validator("exclude")
    @classmethod
    def _patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked(pattern) for pattern in patterns)

    @field_validator("per_path")
    @classmethod
    def _pattern_keys(cls, rules: dict[str, PathRules]) -> dict[str, PathRules]:
        return {checked(pattern): found for pattern, found in rules.items()}


CONTRACT = DocumentContract(
    id="project-config",
    version="1.0.0",
    summary="how a project validates its files (ptycho-contracts.toml, or a table of pyproject.toml)",
    model=ProjectConfig,
    role="toml",
    names=("ptycho-contracts.toml",),
)
