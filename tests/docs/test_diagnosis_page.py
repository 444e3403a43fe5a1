"""What the page about the diagnosis says of its benchmark is what the recorded figures say."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def page() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("diagnosis_page")
    finally:
        sys.path.remove(str(DOCS))


def test_the_files_are_counted_by_the_figures(
    page: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures = json.loads(page.FIGURES.read_text())
    sizes = {"none": 3, "single": 7, "double": 11, "near field": 2, "flat object": 4}
    figures |= {"seed": 77, "files": 27, "by group": {name: {"files": count} for name, count in sizes.items()}}
    (tmp_path / "figures.json").write_text(json.dumps(figures))
    monkeypatch.setattr(page, "FIGURES", tmp_path / "figures.json")
    text = " ".join(page.diagnosis_page().split())
    assert "27 files made by a generator" in text
    assert "3 without a mistake, 7 with one, 11 with two, and 6 in which the truth cannot be found" in text
    assert "--files 27 --seed 77" in text
