"""Makes the helper modules importable, and finds the real sample files beside the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

SHARED = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of real sample files is not beside the checkout")
    return SHARED
