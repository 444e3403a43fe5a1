"""Two state dicts compared bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ptycho_contracts.contracts.ptychovit_checkpoint import WeightsFile
from ptycho_contracts.sources.torch_zip import TorchSource


def differing(one: Path, other: Path) -> frozenset[str]:
    """Names of the tensors that are not bit-equal, or in one of the files only.

    Names count without the prefix of a wrapped model.

    Raises:
        SourceError: a file is absent, damaged or hostile.
    """
    with TorchSource(one, "pth") as first, TorchSource(other, "pth") as second:
        mine, theirs = _stored(first), _stored(second)
        both = mine.keys() & theirs.keys()
        changed = {name for name in both if not _equal(first.read(mine[name]), second.read(theirs[name]))}
    return frozenset(mine.keys() ^ theirs.keys()) | changed


def _stored(source: TorchSource) -> dict[str, str]:
    """Name in the file by name without the wrapper's prefix."""
    return {name.removeprefix(WeightsFile.wrapper): name for name in source.describe().members}


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Bit by bit, so that NaN equals NaN and 0.0 does not equal −0.0."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
