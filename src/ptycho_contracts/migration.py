"""From one version of a contract to a later one: a chain of small pure steps, one file of `migrations/` a contract.

A step says what changed for a reader, and turns a parsed document of the version before into one of the version
after. Where everything of the old version is of the new one as it is (the new one allows more), there is nothing
to turn; array files are migrated only in that sense, because what they hold is data.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ptycho_contracts.contract import DocumentContract

Document = dict[str, Any]
VERSION_FIELD = "contract_version"


@dataclass(frozen=True)
class Step:
    """One version to the next.

    Attributes:
        before: Version that it starts from.
        after: Version that it ends at.
        says: What changed, one sentence without a full stop.
        apply: The document of `after`, but for its version field; the given one stays as it is. None: nothing to do.
    """

    before: str
    after: str
    says: str
    apply: Callable[[Document], Document] | None = None


@dataclass(frozen=True)
class Migrated:
    """A document of a later version, and the steps that led there."""

    document: Document
    steps: tuple[Step, ...]


class MigrationError(ValueError):
    """There is no way between the versions, or the document does not say which one it is of."""


@cache
def steps_of(contract_id: str) -> tuple[Step, ...]:
    """Every step of a contract, in order; empty where it has one version only, or comes from another package."""
    from ptycho_contracts import migrations  # noqa: PLC0415

    name = contract_id.replace("-", "_")
    if name not in {info.name for info in pkgutil.iter_modules(migrations.__path__)}:
        return ()
    steps: tuple[Step, ...] = importlib.import_module(f"{migrations.__name__}.{name}").STEPS
    return steps


def stated_version(document: object) -> str | None:
    """The version that a document says it is of, or None where it names none."""
    version = document.get(VERSION_FIELD) if isinstance(document, dict) else None
    return version if isinstance(version, str) else None


def steps_between(contract_id: str, before: str, after: str) -> tuple[Step, ...]:
    """The chain from one version to a later one; empty where they are the same.

    Raises:
        MigrationError: there is none; migrations only lead forward.
    """
    chain: list[Step] = []
    by_start = {step.before: step for step in steps_of(contract_id)}
    reached = before
    while reached != after:
        if reached not in by_start:
            raise MigrationError(f"no migration of {contract_id} leads from {before} to {after}")
        chain.append(by_start[reached])
        reached = chain[-1].after
    return tuple(chain)


def migrate(
    contract: DocumentContract, document: Document, *, start: str | None = None, to: str | None = None
) -> Migrated:
    """The document in a later version of its contract; the given one is not changed.

    Args:
        contract: What it is a document of.
        document: As parsed. It is not validated, neither before nor after.
        start: Its version, for documents that name none.
        to: The version wanted; by default the present one.

    Raises:
        MigrationError: its version is not known, `start` contradicts it, no steps lead from there to `to`, or the
            document is so broken that a step cannot work on it.
    """
    stated = stated_version(document)
    if stated is not None and start not in (None, stated):
        raise MigrationError(f"the document says that it is of version {stated}, not {start}")
    before = stated or start
    if before is None:
        raise MigrationError(f"the document does not say which version of {contract.id} it is of")
    steps = steps_between(contract.id, before, to or contract.version)
    result = dict(document)
    for step in steps:
        result = _applied(contract, step, result)
    if stated is not None and steps:
        result[VERSION_FIELD] = steps[-1].after
    return Migrated(result, steps)


def _applied(contract: DocumentContract, step: Step, document: Document) -> Document:
    if step.apply is None:
        return document
    try:
        return step.apply(document)
    except (AttributeError, KeyError, TypeError) as error:
        raise MigrationError(f"the document is no sound {contract.id} {step.before}; validate it first") from error
