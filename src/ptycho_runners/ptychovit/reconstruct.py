"""From predicted patches to `recon.npz`: assembled at their positions, in the gauge of the pair's source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ptycho_adapters.assembly import Assembled, Stitching, assemble
from ptycho_adapters.recon import write_recon
from ptycho_contracts.atomic import atomic_write_json
from ptycho_contracts.contracts.bridge_job import InferJob
from ptycho_contracts.contracts.ptychovit_para import OBJECT_FACTOR
from ptycho_contracts.contracts.run_manifest import FileDigest
from ptycho_runners.provenance import file_digest
from ptycho_runners.ptychovit.execute import RunRecord
from ptycho_runners.ptychovit.found import JOB, MANIFEST


class Assembling(BaseModel):
    """How patches become an object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stitching: Stitching = Field(default_factory=Stitching, description="how patches are assembled")
    weighting: Literal["illumination", "uniform"] = Field(
        default="illumination", description="how much a pixel of a patch counts: Σ|probe|² there, or all alike"
    )
    min_illumination: float = Field(
        default=0.02, ge=0, lt=1, description="pixels of a patch lit less than this share of the brightest stay out"
    )


def assemble_patches(patches: Path, para: Path, how: Assembling) -> Assembled:
    """The object of one pair, as far as patches cover it, in the pair's own gauge.

    Args:
        patches: `<name>_patches.h5` of the bridge.
        para: the pair's parameters: canvas and illumination.
        how: margins and weights.
    """
    import h5py  # noqa: PLC0415 - costs start-up time that `--help` never needs

    with h5py.File(para, "r") as file:
        height, width = file["object"].shape[-2:]
        illumination = (np.abs(file["probe"][0].astype(np.complex128)) ** 2).sum(axis=0)
    weight = _lit(illumination, how.min_illumination) if how.weighting == "illumination" else None
    with h5py.File(patches, "r") as file:
        blocks = _blocks(file["patches"])
        return assemble(blocks, file["centre_px"][:], (height, width), how.stitching, weight).trimmed()


def reconstruct(record: RunRecord, how: Assembling) -> dict[str, Path]:
    """Write `<name>_recon.npz` for every pair of an inference into its run directory, and into its manifest.

    The factor that a conversion put on the object is undone, and the file says so.

    Returns:
        The files by object name.
    """
    job = InferJob.model_validate_json((record.run_dir / JOB).read_bytes())
    written: dict[str, Path] = {}
    figures: dict[str, JsonValue] = {}
    for pair in job.pairs:
        made = assemble_patches(record.outputs[f"{pair.name}_patches.h5"], Path(pair.para), how)
        gauge = object_factor(Path(pair.para))
        written[pair.name] = record.run_dir / f"{pair.name}_recon.npz"
        write_recon(written[pair.name], made.field / np.float32(gauge), made.occupancy, made.origin_px, gauge)
        covered = float(np.mean(made.occupancy > 0))
        figures[pair.name] = {
            "object_factor": gauge,
            "covered_share_of_recon": covered,
            "off_canvas_px": made.off_canvas_px,
        }
    outputs = [file_digest("recon", path, record.run_dir) for path in written.values()]
    _add_to_manifest(record, outputs, {"assembling": how.model_dump(mode="json"), "recon": figures})
    return written


def object_factor(para: Path) -> float:
    """The factor between the object in a pair and that of its source; 1 where the pair says none."""
    import h5py  # noqa: PLC0415

    with h5py.File(para, "r") as file:
        return float(file.attrs.get(OBJECT_FACTOR, 1.0))


def _add_to_manifest(record: RunRecord, outputs: list[FileDigest], figures: dict[str, JsonValue]) -> None:
    manifest = record.manifest
    more = {"outputs": (*manifest.outputs, *outputs), "figures": {**manifest.figures, **figures}}
    changed = manifest.model_copy(update=more)
    atomic_write_json(record.run_dir / MANIFEST, changed.model_dump(mode="json"))


def _lit(illumination: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """The illumination where there is some; what the probe left dark the patterns say nothing about."""
    return np.where(illumination >= least * illumination.max(), illumination, 0.0)


def _blocks(dataset: Any, rows: int = 32) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    for start in range(0, dataset.shape[0], rows):
        yield start, dataset[start : start + rows]
