"""Reports made up for tests of what is done with reports."""

from __future__ import annotations

from ptycho_contracts.codes import all_codes
from ptycho_contracts.finding import Depth, Finding, Report


def found(code: str, location: str = "dp:/dp", message: str = "something is wrong") -> Finding:
    """A finding of a known code with its own severity."""
    return Finding(code=code, severity=all_codes()[code].severity, location=location, message=message)


def report(*codes: str, source: str = "data/a_dp.hdf5", depth: Depth = "header") -> Report:
    """A report with a finding of each code."""
    return Report(
        source=(source,),
        contract="ptychovit-pair",
        contract_version="1.0.0",
        depth=depth,
        findings=tuple(found(code) for code in codes),
    )
