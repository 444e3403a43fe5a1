"""What an arm is: options, a plan, and one method from request to result. Arms are plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.plugins import Plugin, contributed, load_plugins, one_or_many

GROUP = "ptycho_runners.arms"
Say = Callable[[str], None]


@dataclass(frozen=True)
class ArmFolders:
    """Where an arm works and writes; each is its own.

    Attributes:
        interop: Data in the arm's own format.
        runs: Numbered run directories.
        recon: `recon.npz` and its manifest.
    """

    interop: Path
    runs: Path
    recon: Path


@dataclass(frozen=True)
class ArmRequest:
    """What a study asks of an arm.

    Attributes:
        id: The arm's name in this study.
        n: Detector size that it is to work at.
        options: Already validated by the arm's own options model.
        base: Folder that relative paths in the options start from (that of the study file).
        train: File to train on, in any convertible format; None where the study has none.
        test: File to reconstruct.
        test_object: Which object of it.
        order: How the order of patterns is decided.
        folders: Where to work and write.
        say: Called with a line for the user now and then.
    """

    id: str
    n: int
    options: BaseModel
    base: Path
    train: Path | None
    test: Path
    test_object: int
    order: str
    folders: ArmFolders
    say: Say


@dataclass(frozen=True)
class ArmResult:
    """What an arm left.

    Attributes:
        recon: Path of `recon.npz`.
        decisions: Choices made on the way.
        figures: Measured numbers by name.
        runs: Run directories that it used.
    """

    recon: Path
    decisions: list[Decision]
    figures: dict[str, Any] = field(default_factory=dict)
    runs: list[Path] = field(default_factory=list)


class Arm(Protocol):
    """A kind of arm."""

    kind: ClassVar[str]
    options: ClassVar[type[BaseModel]]

    def plan(self, request: ArmRequest) -> list[Decision]:
        """What it would do and why; writes nothing.

        Raises:
            RunError: with every reason to refuse that shows before data exist.
        """
        ...

    def run(self, request: ArmRequest) -> ArmResult:
        """Reconstruct the test scan.

        Raises:
            RunError: it was refused, or failed.
            ConversionError: the data cannot be converted for it.
        """
        ...


@cache
def all_arms() -> dict[str, Arm]:
    """Every installed arm by kind."""
    return contributed(arm_plugins())


@cache
def arm_plugins() -> tuple[Plugin[Arm], ...]:
    """The arms of every package, ours included: an entry point of this group names a class, or a tuple of them."""
    return load_plugins(GROUP, _offered)


def _offered(found: object) -> Iterator[tuple[str, Arm]]:
    for arm in (kind() for kind in one_or_many(found, type)):
        if not all(hasattr(arm, name) for name in ("kind", "options", "plan", "run")):
            raise TypeError(f"{type(arm).__name__} is no arm: it needs kind, options, plan and run")
        yield arm.kind, arm
