"""The package works without Hypothesis, which only `ptycho_contracts.testing` needs."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import importlib, pkgutil, sys
sys.modules["hypothesis"] = None
import ptycho_contracts
for info in pkgutil.walk_packages(ptycho_contracts.__path__, "ptycho_contracts."):
    if not info.name.startswith("ptycho_contracts.testing"):
        importlib.import_module(info.name)
try:
    import ptycho_contracts.testing
except ImportError as error:
    print(error.name)
"""


def test_only_the_strategies_need_hypothesis() -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.split() == ["hypothesis"]
