"""Intensities of a Scan written to an HDF5 dataset block by block: memory does not grow with the patterns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ptycho_adapters.codec import ConversionError
from ptycho_adapters.scan import check_intensity, intensity_blocks
from ptycho_contracts.engine_codes import NO_SIGNAL
from ptycho_contracts.finding import finding

if TYPE_CHECKING:
    import h5py
    import xarray as xr

# As `encoding` of an xarray variable spells it, and as h5py does.
_STORAGE = {name: name for name in ("compression", "compression_opts", "shuffle", "fletcher32")} | {
    "chunksizes": "chunks"
}


def write_intensities(
    file: h5py.File, name: str, scan: xr.Dataset, progress: Callable[[int, int], None] | None
) -> tuple[float, float]:
    """Stream the intensities, in their own dtype, into the new dataset `name`; returns their sum and their maximum.

    Chunks and compression are those that the variable's `encoding` asks for; by default there are none.

    Raises:
        ConversionError: a value is negative or not finite, or all are 0.
    """
    variable = scan["intensity"].variable
    total, highest = 0.0, 0.0
    storage = {theirs: variable.encoding[ours] for ours, theirs in _STORAGE.items() if ours in variable.encoding}
    dataset = file.create_dataset(name, shape=variable.shape, dtype=variable.dtype, **storage)
    for start, block in intensity_blocks(scan):
        dataset[start : start + len(block)] = block
        check_intensity(block, start)
        # Pairwise in the block's own precision: numpy's is good to 1e-6 in float32 and three times as fast.
        total += float(block.sum())
        highest = max(highest, float(block.max()))
        if progress is not None:
            progress(start + len(block), variable.shape[0])
    if highest == 0 and variable.size:
        raise ConversionError(
            finding(
                NO_SIGNAL,
                "scan:/intensity",
                f"all {variable.size} values are 0",
                expected="a positive value somewhere",
                found="0 everywhere",
            )
        )
    return total, highest


def storage_of(dataset: h5py.Dataset) -> dict[str, Any]:
    """Chunks and compression of a dataset, as an `encoding`; nothing where it lies in one piece.

    A filter that is none of HDF5's own is left out: whoever reads the copy may lack it.
    """
    if dataset.chunks is None:
        return {}
    return {ours: getattr(dataset, theirs) for ours, theirs in _STORAGE.items() if getattr(dataset, theirs) is not None}
