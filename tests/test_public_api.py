"""What docs/stability.md promises is what the code has; a change of it is a change of docs/public_api.txt."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS)
    monkeypatch.delitem(sys.modules, "public_api", raising=False)
    return importlib.import_module("public_api")


def test_the_promise_is_what_the_code_has(listing: ModuleType) -> None:
    committed = (DOCS / "public_api.txt").read_text(encoding="utf-8").splitlines()
    now = listing.public_api().splitlines()
    removed, added = sorted(set(committed) - set(now)), sorted(set(now) - set(committed))
    assert (removed, added) == ([], []), "`make docs` writes it anew; docs/stability.md says what a removal means"
    assert committed == now


def test_every_public_name_explains_itself(listing: ModuleType) -> None:
    for name in listing.MODULES:
        module = importlib.import_module(name)
        for public in module.__all__:
            value = getattr(module, public)
            if isinstance(value, type) or inspect.isroutine(value):
                assert (value.__doc__ or "").strip(), f"{name}.{public}"


def test_the_policy_names_what_is_listed(listing: ModuleType) -> None:
    policy = (DOCS / "stability.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in policy for name in listing.MODULES)
    assert "public_api.txt" in policy
