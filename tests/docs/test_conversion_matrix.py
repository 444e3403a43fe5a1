"""The conversion matrix in the docs is what happens: every conversion of every sample is run again."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SHARED = Path(__file__).parents[2] / "../shared/data"
NOT_SCANS = {
    "metrics_by_model.json": "a document",
    "expected.json": "a document of expected numbers",
    "s64_truth.npz": "the truth behind a pair, in no tool's format",
}


@pytest.fixture(scope="module")
def page() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("conversions")
    finally:
        sys.path.remove(str(DOCS))


def _samples() -> list[str]:
    sys.path.insert(0, str(DOCS))
    try:
        return list(importlib.import_module("conversion_samples").ANSWERS)
    finally:
        sys.path.remove(str(DOCS))


@pytest.mark.shared_data
@pytest.mark.parametrize("sample", _samples())
def test_the_record_is_what_happens(sample: str, page: ModuleType) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real sample files beside the checkout")
    assert list(page.cells_of(sample)) == [cell for cell in page.recorded() if cell.sample == Path(sample).name]


def test_the_page_is_what_the_record_says(page: ModuleType) -> None:
    assert (DOCS / "conversions.md").read_text(encoding="utf-8") == page.conversions_page()


@pytest.mark.shared_data
def test_every_sample_is_in_the_matrix() -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real sample files beside the checkout")
    from ptycho_contracts.locate import artifacts_of

    files = [p for p in sorted(SHARED.rglob("*")) if p.suffix in {".npz", ".hdf5", ".h5", ".cxi", ".ptyd", ".json"}]
    scans = {p.name for p in artifacts_of(files) if p.parent.name != "evaluation"} - set(NOT_SCANS)
    assert scans == {Path(sample).name for sample in _samples()}


def test_no_conversion_is_refused_for_want_of_something_that_could_be_said(page: ModuleType) -> None:
    """A quantity or part that a refusal names is not asked for again once it was said; some have nobody to say it."""
    lonely = {Path(sample).name for sample, answers in page.ANSWERS.items() if not answers or "petra" in sample}
    for cell in page.recorded():
        wanting = [text for text in cell.why if text.startswith("PTY013")]
        assert not wanting or cell.sample in lonely, (cell.sample, cell.target, wanting)
    assert any(cell.asked and cell.outcome != "refused" for cell in page.recorded())


def test_a_reconstruction_becomes_a_scan_with_what_else_is_known(tmp_path: Path) -> None:
    """The row of `recon-npz` is all refusals; with the parts that they name, the conversion works."""
    import numpy as np

    from ptycho_adapters import convert, read, truth_recon, write_recon
    from ptycho_adapters.simulate.grid_lines import GridLinesSettings, simulate_grid_lines

    np.savez(tmp_path / "split.npz", **simulate_grid_lines(GridLinesSettings(N=32, size=72, step_px=8)).test)
    pair = convert(tmp_path / "split.npz", tmp_path, "ptychovit-pair", name="scan").files[0]["dp"]
    with read(pair) as loaded:
        write_recon(tmp_path / "recon.npz", truth_recon(loaded.scans[0]).field)
    parts: dict[Any, Path | str] = dict.fromkeys(("patterns", "positions", "probe"), pair)
    done = convert(tmp_path / "recon.npz", tmp_path / "out", "ptychovit-pair", take=parts)
    assert done.manifest.decisions["parts"]["method"].endswith("proven")
