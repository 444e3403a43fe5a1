"""Which conventions explain the patterns of a file, whatever its format; `physics.diagnosis` does the work.

With object and probe stored, every usual mistake is modelled exactly. Without an object, overlapping patterns under a
short reconstruction decide what they can (`physics.overlap`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ptycho_adapters.codec import ConversionError, ReadOptions
from ptycho_adapters.io import read, recognised
from ptycho_adapters.scan import canvas_shape, centres_px
from ptycho_adapters.verification import ScanPatterns
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.description import Description
from ptycho_contracts.opening import open_checked
from ptycho_contracts.physics.confirmation import Progress
from ptycho_contracts.physics.diagnosis.engine import judge_subject
from ptycho_contracts.physics.diagnosis.judge import Judged
from ptycho_contracts.physics.diagnosis.result import Diagnosis
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.frames import GEOMETRIC
from ptycho_contracts.physics_codes import CANNOT_TELL
from ptycho_contracts.rules._pair import pair_subject
from ptycho_contracts.rules._raw_data import raw_data_subject
from ptycho_contracts.sources.base import SourceError

if TYPE_CHECKING:
    import xarray as xr

_DIAGNOSING = "diagnosing"


@dataclass(frozen=True)
class Diagnosed:
    """A diagnosis, and what a repair or a picture needs of it while the file is open.

    Attributes:
        diagnosis: The verdict.
        subject: What was diagnosed; None where the file holds no object or no probe.
        judged: The hypotheses behind `diagnosis.ranked`, likewise.
    """

    diagnosis: Diagnosis
    subject: Subject | None = None
    judged: Judged | None = None


def diagnose(path: Path | str, options: ReadOptions | None = None) -> Diagnosis:
    """Which conventions explain the patterns of the artifact at `path`.

    Args:
        path: Any file of the artifact.
        options: What the caller says of it (`frame`, `values`); its `order` has no say, the file is taken as it lies.

    Raises:
        ConversionError: nothing reads it, or it breaks its contract.
        KeyError: no frame has the name that the options give.
    """
    with diagnosed(path, options) as found:
        return found.diagnosis


@contextmanager
def diagnosed(path: Path | str, options: ReadOptions | None = None) -> Iterator[Diagnosed]:
    """The same, with the file open: patterns of the subject can be read until the block is left."""
    options = options or ReadOptions()
    contract, _ = recognised(Path(path))
    stated = _STATING.get(contract.id)
    if stated is None:
        yield from _of_scan(Path(path), options)
        return
    try:
        sources = open_checked(Path(path), contract)
    except SourceError as error:
        raise ConversionError(*error.findings) from error
    description = Description(files={role: source.describe() for role, source in sources.items()})
    with Artifact(contract, sources, description) as artifact:
        subject = stated(artifact, options)
        if subject is None:
            yield from _of_scan(Path(path), options)
        else:
            yield _judged(subject, options.step(_DIAGNOSING))


def _pair(artifact: Artifact, options: ReadOptions) -> Subject:
    return pair_subject(artifact, options.frame)


def _raw_data(artifact: Artifact, options: ReadOptions) -> Subject | None:
    return raw_data_subject(artifact, options.values) if artifact.member("npz:/objectGuess") else None


# Formats whose own statement (frame, unit) a Scan does not keep; a name from it would mean nothing to their users.
_STATING = {"ptychovit-pair": _pair, "raw-data-npz": _raw_data}


def _judged(subject: Subject, progress: Progress | None) -> Diagnosed:
    judged = judge_subject(subject, progress)
    return Diagnosed(judged.diagnosis, subject, judged)


def _of_scan(path: Path, options: ReadOptions) -> Iterator[Diagnosed]:
    """From the Scan of the file as it lies; of several objects the first."""
    try:
        loaded = read(path, replace(options, order="as-stored", progress=None))
    except ConversionError as error:
        if any(found.code != CANNOT_TELL.id for found in error.findings):
            raise
        yield Diagnosed(_cannot_tell(*(found.message for found in error.findings)))
        return
    with loaded:
        yield _of_parts(loaded.scans[0], options.step(_DIAGNOSING))


def _of_parts(scan: xr.Dataset, progress: Progress | None) -> Diagnosed:
    lacking = [part for part in ("intensity", "position_y") if part not in scan]
    if lacking:
        return Diagnosed(_cannot_tell("the file holds no patterns or no positions, so there is nothing to explain"))
    if scan.attrs.get("propagation") == "near-field":
        return Diagnosed(_cannot_tell("the patterns are of the near field, which is not modelled"))
    if scan.sizes["detector_y"] != scan.sizes["detector_x"]:
        return Diagnosed(_cannot_tell("the patterns are not square"))
    if "object" not in scan or "probe" not in scan:
        return Diagnosed(_by_overlap(scan, progress))
    return _judged(scan_subject(scan), progress)


def scan_subject(scan: xr.Dataset) -> Subject:
    """A Scan with patterns, positions, object and probe as the diagnosis sees it, from the middle of its canvas."""
    size = canvas_shape(scan)
    return Subject(
        patterns=ScanPatterns(scan),
        centred_px=centres_px(scan) - np.array([GEOMETRIC.origin_px(length) for length in size]),
        object=scan["object"].values[0],
        probe=scan["probe"].values,
        frame=GEOMETRIC.name,
        frames=centred_frames(scan.sizes["detector_y"]),
        counts=scan.attrs.get("probe_scale", "calibrated") == "calibrated",
    )


def _by_overlap(scan: xr.Dataset, progress: Progress | None) -> Diagnosis:
    from ptycho_contracts.physics.overlap import diagnose_overlap  # noqa: PLC0415 - only where no object is stored

    probe = scan["probe"].values if "probe" in scan else None
    return diagnose_overlap(ScanPatterns(scan), centres_px(scan), "intensity", probe, progress)


def _cannot_tell(*why: str) -> Diagnosis:
    return Diagnosis(verdict="cannot tell", method="forward model", undecided=why)
