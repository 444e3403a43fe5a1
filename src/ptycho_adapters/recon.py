"""`recon.npz`: a reconstructed object with its place, its coverage and its gauge (contract `recon-npz`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ptycho_adapters.codec import ConversionError
from ptycho_adapters.npz_writer import NpzWriter
from ptycho_contracts.atomic import atomic_path
from ptycho_contracts.contracts.recon_npz import CONTRACT
from ptycho_contracts.opening import open_checked
from ptycho_contracts.sources.base import Source, SourceError

if TYPE_CHECKING:
    import xarray as xr

    from ptycho_adapters.evaluation.reconstruction import Reconstruction


@dataclass(frozen=True, eq=False)
class Recon:
    """A reconstruction as its file holds it; what the file does not say is None.

    Attributes:
        field: (h, w) complex64 (`YY_pred`); `amp` and `phase` of the file follow from it.
        occupancy: (h, w) float32, how many patches cover each pixel, 0 where none does.
        origin_px: (2,) float64, object-array coordinate (y, x) of element [0, 0].
        gauge: Factor that was undone: reconstructed object of the run / field.
    """

    field: NDArray[np.complex64]
    occupancy: NDArray[np.float32] | None = None
    origin_px: NDArray[np.float64] | None = None
    gauge: float | None = None

    def for_evaluation(self) -> Reconstruction:
        """The same as the input of `evaluation.evaluate`.

        Raises:
            EvaluationError: the members do not fit each other, or no pixel is covered.
        """
        from ptycho_adapters.evaluation.reconstruction import Reconstruction  # noqa: PLC0415 - only to evaluate

        origin = None if self.origin_px is None else (float(self.origin_px[0]), float(self.origin_px[1]))
        return Reconstruction(self.field, origin, self.occupancy)


def write_recon(
    path: Path | str,
    field: NDArray[np.complexfloating],
    occupancy: NDArray[np.floating] | None = None,
    origin_px: ArrayLike | None = None,
    gauge: float | None = None,
) -> None:
    """Write a reconstruction, whole or not at all; an existing file is replaced.

    Args:
        path: Usually `recons/<arm>/recon.npz`.
        field: (h, w) complex, finite; stored as complex64, with `amp` and `phase` derived from it.
        occupancy: (h, w), ≥ 0.
        origin_px: (y, x) of element [0, 0] in object-array coordinates.
        gauge: Factor that was undone.

    Raises:
        ValueError: the field is not 2-D, complex and finite, or another argument does not fit it.
    """
    checked = _checked_field(field)
    members: dict[str, NDArray[Any]] = {"YY_pred": checked, "amp": np.abs(checked), "phase": np.angle(checked)}
    members |= _checked_optional(checked.shape, occupancy, origin_px, gauge)
    with atomic_path(path) as temporary, NpzWriter(temporary) as archive:
        for name, value in members.items():
            archive.array(name, value)


def _checked_field(field: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
    if field.ndim != 2 or not np.iscomplexobj(field) or field.size == 0:
        raise ValueError(f"a reconstruction is a 2-D complex array, not {field.dtype} of shape {field.shape}")
    if not np.isfinite(field).all():
        raise ValueError("the reconstruction is not finite; set what nobody reconstructed to 0 with occupancy 0")
    return field.astype(np.complex64)


def _checked_optional(
    shape: tuple[int, ...], occupancy: NDArray[np.floating] | None, origin_px: ArrayLike | None, gauge: float | None
) -> dict[str, NDArray[Any]]:
    """The optional members that are given, in the contract's types."""
    members: dict[str, NDArray[Any]] = {}
    if occupancy is not None:
        if occupancy.shape != shape or not np.isfinite(occupancy).all() or occupancy.min() < 0:
            raise ValueError(f"occupancy is finite, not negative and {shape}, not {occupancy.shape}")
        members["occupancy"] = occupancy.astype(np.float32)
    if origin_px is not None:
        origin = np.asarray(origin_px, np.float64)
        if origin.shape != (2,) or not np.isfinite(origin).all():
            raise ValueError(f"origin_px is two finite numbers (y, x), not {origin_px!r}")
        members["origin_px"] = origin
    if gauge is not None:
        if not (np.isfinite(gauge) and gauge > 0):
            raise ValueError(f"a gauge is positive and finite, not {gauge!r}")
        members["gauge"] = np.array(gauge, np.float64)
    return members


def read_recon(path: Path | str) -> Recon:
    """Read a reconstruction, of ours or of PtychoPINN.

    Raises:
        ConversionError: the file is absent, damaged, or breaks the contract; with every finding.
    """
    try:
        source = open_checked(Path(path), CONTRACT)["npz"]
        with source:
            return _load(source)
    except SourceError as error:
        raise ConversionError(*error.findings) from error


def _load(source: Source) -> Recon:
    members = source.describe().members
    field = source.read("YY_pred").astype(np.complex64, copy=False)
    occupancy = source.read("occupancy").astype(np.float32, copy=False) if "occupancy" in members else None
    origin_px = source.read("origin_px") if "origin_px" in members else None
    gauge = float(source.read("gauge")) if "gauge" in members else None
    return Recon(field, occupancy, origin_px, gauge)


def truth_recon(scan: xr.Dataset) -> Recon:
    """The object of a Scan as the truth on its own canvas, in the gauge of the source.

    Raises:
        ValueError: the scan has no object.
    """
    from ptycho_adapters.gauge import as_in_source  # noqa: PLC0415 - reading a recon needs no xarray

    if "object" not in scan:
        raise ValueError("the scan has no object that could be the truth")
    field = as_in_source(scan)["object"].values[0].astype(np.complex64)
    return Recon(field, origin_px=np.zeros(2))
