"""The laws of our format: what is drawn is valid, what is broken is found, and nothing is lost on the way round."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from ptycho_lab.contract import CONTRACT

from ptycho_adapters import convert, read
from ptycho_contracts import validate
from ptycho_contracts.testing import Broken, DrawnArtifact, artifacts, broken, write_artifact
from ptycho_contracts.testing.pytest_plugin import PtychoFile, PtychoValid


@settings(max_examples=20, deadline=None)
@given(artifacts("lab-scan-npz"))
def test_what_fulfils_the_declaration_is_valid(artifact: DrawnArtifact) -> None:
    """The contract recognises it, and finds nothing at depth `data`."""
    with tempfile.TemporaryDirectory() as folder:
        report = validate(write_artifact(artifact, CONTRACT, Path(folder), "scan"), depth="data")
    assert report.contract == "lab-scan-npz"
    assert report.ok


@settings(max_examples=20, deadline=None)
@given(broken("lab-scan-npz"))
def test_every_break_is_found(found: Broken) -> None:
    """One defect is one kind of error, and no other."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_artifact(found.artifact, CONTRACT, Path(folder), "scan")
        report = validate(path, "lab-scan-npz", depth=found.defect.depth)
    assert {finding.code for finding in report.errors} == {found.defect.code}


def test_a_pair_comes_back_as_it_was(ptycho_file: PtychoFile, ptycho_valid: PtychoValid, tmp_path: Path) -> None:
    """A pair that the forward model explains still is one after a visit to our format."""
    pair = ptycho_file("ptychovit-pair", n=16)
    there = convert(pair, tmp_path / "lab", "lab-scan-npz")
    lab = tmp_path / "lab" / "scan.npz"
    assert there.manifest.target_contract == "lab-scan-npz"
    ptycho_valid(lab, depth="data")
    back = convert(lab, tmp_path / "pair", "ptychovit-pair")
    assert back.manifest.source_contract == "lab-scan-npz"
    ptycho_valid(tmp_path / "pair" / "scan_dp.hdf5", depth="physics")
    with read(pair) as first, read(lab) as second:
        for name in ("intensity", "probe", "object"):
            np.testing.assert_array_equal(first.scans[0][name], second.scans[0][name])
        for name in ("position_y", "position_x"):
            np.testing.assert_allclose(first.scans[0][name], second.scans[0][name], atol=1e-9)
