"""What a part saw: checks and figures; and what it means that something needed is not there."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

from ptycho_contracts.contracts.gate_manifest import GateCheck

CONVERSION = "adapter conversion"
VALIDATOR = "compatibility validator"
RUNNER = "runner subprocess"
SMOKE = "end-to-end smoke"


@dataclass
class Checks:
    """Collects what one part sees; a failed check does not stop the part."""

    seen: list[GateCheck] = field(default_factory=list)
    figures: dict[str, JsonValue] = field(default_factory=dict)

    def that(self, about: str, passed: bool, found: object) -> bool:
        """Record one check; returns whether it passed."""
        self.seen.append(GateCheck(about=about, passed=passed, found=str(found)))
        return passed

    @property
    def failed(self) -> list[GateCheck]:
        """Those that did not pass."""
        return [check for check in self.seen if not check.passed]


class NotMadeError(Exception):
    """Something that a part needs could not be made; the fault is that of the part which makes it."""

    def __init__(self, maker: str, why: str) -> None:
        self.maker = maker
        self.why = why
        super().__init__(f"{maker} left nothing to work on: {why}")
