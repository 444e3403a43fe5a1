"""The configuration of a project: where it is found, what is wrong with it, and the policy that comes of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho_contracts.codes import all_codes
from ptycho_contracts.contracts.project_config import CONTRACT, ProjectConfig
from ptycho_contracts.documents import check_document
from ptycho_contracts.engine_codes import FIELD_INVALID, FIELD_UNKNOWN
from ptycho_contracts.finding import Depth, Finding, finding
from ptycho_contracts.policy import EffectivePolicy, FailOn, PathRules, Profile, default_fail_on, needs_whole_code
from ptycho_contracts.sources.base import SourceError
from ptycho_contracts.sources.document import read_toml

FILE = "ptycho-contracts.toml"
PYPROJECT = "pyproject.toml"
TABLE = "ptycho-contracts"


@dataclass(frozen=True)
class Project:
    """A configuration and the folder that its paths and patterns are relative to; `file` is None without one."""

    root: Path
    config: ProjectConfig
    file: Path | None = None

    @property
    def baseline(self) -> Path | None:
        """The file of known findings that the configuration names."""
        return None if self.config.baseline is None else self.root / self.config.baseline


@dataclass(frozen=True)
class Wishes:
    """What a caller says himself; None where the project decides."""

    profile: Profile | None = None
    depth: Depth | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    fail_on: FailOn | None = None


def find_config(start: Path) -> Path | None:
    """The configuration file of `start` or the nearest folder above it that has one; `ptycho-contracts.toml` first.

    Raises:
        SourceError: a pyproject.toml on the way is not TOML.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / PYPROJECT).is_file() and _table(folder / PYPROJECT) is not None:
            return folder / PYPROJECT
    return None


def load_project(file: Path) -> Project:
    """The project that a configuration file describes; a pyproject.toml without our table describes nothing special.

    Raises:
        SourceError: with every finding about the file.
    """
    value = _table(file) if file.name == PYPROJECT else read_toml(file)
    found = _findings({} if value is None else value)
    if found:
        raise SourceError(*found)
    return Project(file.parent.absolute(), ProjectConfig.model_validate(value or {}), file)


def effective_policy(config: ProjectConfig, wishes: Wishes) -> EffectivePolicy:
    """What holds: the caller's wishes, else the configuration, else what the profile says."""
    profile = wishes.profile or config.profile
    return EffectivePolicy(
        profile=profile,
        depth=wishes.depth or config.depth,
        select=config.select if wishes.select is None else wishes.select,
        ignore=config.ignore if wishes.ignore is None else wishes.ignore,
        severity=config.severity,
        per_path=config.per_path,
        exclude=config.exclude if wishes.exclude is None else wishes.exclude,
        fail_on=wishes.fail_on or config.fail_on or default_fail_on(profile),
    )


def unknown_selector(name: str) -> str | None:
    """Why a selector names no code, with what was probably meant; None where it is right."""
    known = all_codes()
    if any(code.startswith(name) for code in known):
        return None
    near = difflib.get_close_matches(name, known, n=1)
    return f"no code is or begins with {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def ineffective(name: str) -> str | None:
    """Why a selector has no effect on what is ignored or how severe it is; None where it has one."""
    if needs_whole_code(name) and len(name) < len("PTY000"):
        return f"{name!r} has no effect: codes of 0xx and 9xx are ignored or weighed only by their whole code"
    return None


def _table(pyproject: Path) -> Any:
    value = read_toml(pyproject)
    return value.get("tool", {}).get(TABLE) if isinstance(value.get("tool", {}), dict) else None


def _findings(value: Any) -> list[Finding]:
    found = [_with_hint(f) for f in check_document(ProjectConfig, value, CONTRACT.role)]
    return found or list(_unknown_codes(ProjectConfig.model_validate(value)))


def _with_hint(found: Finding) -> Finding:
    """An unknown key, with the key that was probably meant."""
    if found.code != FIELD_UNKNOWN.id or found.found is None:
        return found
    inside = PathRules if "/per-path/" in found.location else ProjectConfig
    keys = [info.alias or name for name, info in inside.model_fields.items()]
    near = difflib.get_close_matches(found.found.replace("_", "-"), keys, n=1)
    fix = f"Did you mean {near[0]!r}?" if near else f"Remove it; the keys here are {', '.join(keys)}."
    return found.model_copy(update={"fix": fix})


def _unknown_codes(config: ProjectConfig) -> Iterator[Finding]:
    for location, name in _selectors(config):
        reason = unknown_selector(name) or (None if location.startswith("select") else ineffective(name))
        if reason:
            yield finding(FIELD_INVALID, f"{CONTRACT.role}:/{location}", reason, found=name)


def _selectors(config: ProjectConfig) -> Iterator[tuple[str, str]]:
    yield from _numbered("select", config.select)
    yield from _numbered("ignore", config.ignore)
    yield from ((f"severity/{name}", name) for name in config.severity)
    for pattern, rules in config.per_path.items():
        yield from _numbered(f"per-path/{pattern}/ignore", rules.ignore)
        yield from ((f"per-path/{pattern}/severity/{name}", name) for name in rules.severity)


def _numbered(location: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((f"{location}[{index}]", name) for index, name in enumerate(names))
