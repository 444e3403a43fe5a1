"""The package works without Hypothesis, which only what draws in `ptycho_contracts.testing` needs, and says so."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import importlib, pkgutil, sys
sys.modules["hypothesis"] = None
import ptycho_contracts, ptycho_contracts.testing
for info in pkgutil.walk_packages(ptycho_contracts.__path__, "ptycho_contracts."):
    if not info.name.startswith("ptycho_contracts.testing."):
        importlib.import_module(info.name)
for name in ptycho_contracts.testing.__all__:
    try:
        getattr(ptycho_contracts.testing, name)
    except ImportError as error:
        print(error)
"""
DRAW = {
    "artifacts",
    "broken",
    "descriptions",
    "documents",
    "example_artifact",
    "example_document",
    "explained_grid_lines",
    "explained_pairs",
    "explained_raw_data",
    "grid_lines",
    "pairs",
    "raw_data",
    "scans",
}


def test_only_what_draws_needs_hypothesis() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    says = "{} needs Hypothesis: pip install 'ptycho-contracts[testing]'"
    assert set(run.stdout.splitlines()) == {says.format(name) for name in DRAW}
