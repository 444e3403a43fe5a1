from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ptycho_contracts.codes import Code
from ptycho_contracts.sources import SourceError

Refuses = Callable[[Code, Callable[[], Any]], str]


@pytest.fixture(scope="session")
def refuses() -> Refuses:
    """Asserts that a call raises `SourceError` with exactly this code; returns the message."""

    def check(code: Code, call: Callable[[], Any]) -> str:
        with pytest.raises(SourceError) as caught:
            call()
        assert [finding.code for finding in caught.value.findings] == [code.id]
        return str(caught.value)

    return check
