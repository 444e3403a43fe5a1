"""Rules: functions that judge what no single member can say of itself.

A rule names the inputs that it needs; where one is absent or broken the rule is skipped and the report says
so. What no name of an input can say, it says itself by raising `NotExaminableError`. A rule that raises anything else
becomes a finding about us (PTY901), never a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ptycho_contracts.artifact import Artifact, split
from ptycho_contracts.codes import Code
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.declaration import FileModel
from ptycho_contracts.finding import DEPTHS, Depth, Finding

Check = Callable[[Artifact], Iterator[Finding]]
_rules: list[Rule] = []


class NotExaminableError(Exception):
    """A rule cannot look at this artifact; the message says why, and goes into the report."""


@dataclass(frozen=True)
class Rule:
    """A check, when it runs, and what it needs.

    Attributes:
        name: The function's name.
        codes: Every code that it can report.
        on: The file models that it is about, by role; it runs for every contract that has them.
        needs: Members without which it cannot run, as `role:/path`.
        depth: The least depth at which it runs.
    """

    name: str
    codes: tuple[Code, ...]
    on: Mapping[str, type[FileModel]]
    needs: tuple[str, ...]
    depth: Depth
    check: Check

    def applies_to(self, contract: ArrayContract) -> bool:
        """Whether the contract has the files that this rule is about."""
        return all(contract.files.get(role) is model for role, model in self.on.items())

    def due(self, depth: Depth) -> bool:
        """Whether it runs at this depth."""
        return DEPTHS.index(depth) >= DEPTHS.index(self.depth)


def rule(
    *codes: Code, on: Mapping[str, type[FileModel]], needs: tuple[str, ...], depth: Depth
) -> Callable[[Check], Check]:
    """Register the decorated function as a rule."""
    unknown = [n for n in needs if split(n)[0] not in on]
    if unknown:
        raise ValueError(f"needs {unknown} name roles that the rule is not about")

    def register(check: Check) -> Check:
        _rules.append(Rule(check.__name__, codes, on, needs, depth, check))
        return check

    return register


def rules_for(contract: ArrayContract) -> list[Rule]:
    """The rules of a contract: the cheap ones first, then by name."""
    from ptycho_contracts import rules  # noqa: PLC0415

    rules.load()
    return sorted((r for r in _rules if r.applies_to(contract)), key=lambda r: (DEPTHS.index(r.depth), r.name))
