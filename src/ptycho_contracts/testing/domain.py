"""Strategies that read like the domain: scans, pairs, grid-lines splits, and broken ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.contracts.scan import CONTRACT as SCAN
from ptycho_contracts.contracts.scan import ScanDataset
from ptycho_contracts.testing.breaking import Broken, breaks
from ptycho_contracts.testing.drawn import DrawnArtifact
from ptycho_contracts.testing.named import array_contract
from ptycho_contracts.testing.simulated import (
    SIMULATED,
    SimulatedScan,
    Size,
    grid_lines_of,
    pair_of,
    raw_data_of,
    simulate_scan,
)
from ptycho_contracts.testing.strategies import artifacts

if TYPE_CHECKING:
    import xarray as xr


def scans() -> st.SearchStrategy[xr.Dataset]:
    """Scans in memory: any parts that the contract `scan` allows, with its dimensions, numbers at random."""
    return artifacts(SCAN).map(_dataset)


def pairs() -> st.SearchStrategy[DrawnArtifact]:
    """PtychoViT pairs that fulfil their declaration, numbers at random."""
    return artifacts("ptychovit-pair")


def grid_lines() -> st.SearchStrategy[DrawnArtifact]:
    """PtychoPINN grid-lines splits that fulfil their declaration, numbers at random."""
    return artifacts("grid-lines-npz")


def raw_data() -> st.SearchStrategy[DrawnArtifact]:
    """PtychoPINN RawData files that fulfil their declaration, numbers at random."""
    return artifacts("raw-data-npz")


def explained_pairs() -> st.SearchStrategy[DrawnArtifact]:
    """PtychoViT pairs, valid at every depth: the forward model explains each of their 25 to 49 patterns."""
    return _explained(pair_of)


def explained_raw_data() -> st.SearchStrategy[DrawnArtifact]:
    """RawData files, valid at every depth: the forward model explains each of their 25 to 49 patterns."""
    return _explained(raw_data_of)


def explained_grid_lines() -> st.SearchStrategy[DrawnArtifact]:
    """Grid-lines splits, valid at every depth: the forward model explains each of their 25 to 49 patterns."""
    return _explained(grid_lines_of, modes=1)


def broken(contract: ArrayContract | str) -> st.SearchStrategy[Broken]:
    """Artifacts with exactly one defect, and the code that it yields when they are examined as this contract.

    Raises:
        KeyError: no contract of that id.
        TypeError: it is a document's.
    """
    found = array_contract(contract)
    make = SIMULATED.get(found.id)
    valid = artifacts(found, optional=False) if make is None else _explained(make, modes=1)
    return valid.flatmap(lambda artifact: st.sampled_from(breaks(found, artifact)))


def _explained(make: Callable[[SimulatedScan], DrawnArtifact], modes: int = 2) -> st.SearchStrategy[DrawnArtifact]:
    along = st.integers(5, 7)
    sizes = st.builds(
        Size,
        n=st.sampled_from((16, 24, 32)),
        rows=along,
        columns=along,
        modes=st.integers(1, modes),
        photons=st.floats(1e5, 1e6),
    )
    return st.builds(simulate_scan, st.integers(0, 2**32 - 1), sizes).map(make)


def _dataset(artifact: DrawnArtifact) -> xr.Dataset:
    import xarray as xr  # noqa: PLC0415 - only what draws scans needs it

    file = artifact.files["scan"]
    declared = ScanDataset.arrays()
    dims = {path: [name.rstrip("*") for name in declared[path].alternatives[0]] for path in file.members}
    variables = {path: (dims[path], member.array) for path, member in file.members.items()}
    return xr.Dataset(variables, attrs=dict(file.attributes))
