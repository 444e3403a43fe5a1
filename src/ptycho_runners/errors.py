"""The one exception of the runners."""

from __future__ import annotations

from ptycho_contracts.finding import Finding


class RunError(Exception):
    """A run that was refused, or failed; carries what is wrong as a value.

    Attributes:
        finding: The first and most telling defect.
        findings: Every defect, the first included.
    """

    def __init__(self, *findings: Finding) -> None:
        super().__init__(f"{findings[0].code} {findings[0].message}")
        self.finding = findings[0]
        self.findings = findings
