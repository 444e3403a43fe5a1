"""The registry of finding codes: what each means, why it matters, how to mend it.

A code is declared once, beside the rule that reports it or, for what the engine itself finds, in
`engine_codes.py`. Ranges: 0xx file and security, 1xx structure, 2xx relations, 3xx units, frames and physics,
4xx values, 5xx runs, checkpoints and manifests, 9xx ourselves. A code is never reused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# Where the pages of docs/ are published, one copy for each released version.
DOCS_URL = "https://ptycho-contracts.readthedocs.io/en/v{version}/"

_FORM = re.compile(r"PTY\d{3}")
_registry: dict[str, Code] = {}


class Severity(StrEnum):
    """How much a finding matters: an ERROR breaks a reader, the others help reuse."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True)
class Code:
    """One kind of finding, explained.

    Attributes:
        id: `PTY` and three digits.
        severity: What a finding of this code counts as.
        title: The defect in a few words.
        what: What exactly is checked and found.
        why: What goes wrong for a user when nobody notices.
        fix: How to mend it.
        since: The first version of ptycho-contracts that reports it.
    """

    id: str
    severity: Severity
    title: str
    what: str
    why: str
    fix: str
    since: str = "0.1.0"

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.id):
            raise ValueError(f"a code is PTY and three digits, not {self.id!r}")
        if self.id in _registry:
            raise ValueError(f"code {self.id} is declared twice")
        _registry[self.id] = self


def all_codes() -> dict[str, Code]:
    """Every declared code by id, in order; imports every module that declares some."""
    from ptycho_contracts import engine_codes, physics_codes, rules, run_codes  # noqa: F401, PLC0415
    from ptycho_contracts.sources import document  # noqa: F401, PLC0415

    rules.load()
    return dict(sorted(_registry.items()))


def page_url(code: str) -> str:
    """The address of a code's page, as it is in this version of ptycho-contracts."""
    from ptycho_contracts import __version__  # noqa: PLC0415

    return f"{DOCS_URL.format(version=__version__)}codes/{code}.html"
