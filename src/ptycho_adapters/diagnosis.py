"""Which conventions explain the patterns of a file, whatever its format; `physics.diagnosis` does the work.

With object and probe stored, every usual mistake is modelled exactly. Without an object, overlapping patterns under a
short reconstruction decide what they can (`physics.overlap`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ptycho_adapters.codec import ConversionError, Loaded, OptionError, ReadOptions, all_codecs
from ptycho_adapters.io import absent_half, read, reader_of, recognised, refuse_idle_options
from ptycho_adapters.opened import open_to_read
from ptycho_adapters.scan import canvas_shape, centres_px
from ptycho_adapters.several_objects import ORDER, one_of_several, proven_order
from ptycho_adapters.verification import ScanPatterns
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contract import ArrayContract
from ptycho_contracts.description import Description
from ptycho_contracts.physics.confirmation import Progress
from ptycho_contracts.physics.diagnosis.changes import Change
from ptycho_contracts.physics.diagnosis.engine import judge_subject
from ptycho_contracts.physics.diagnosis.judge import Judged
from ptycho_contracts.physics.diagnosis.result import Diagnosis
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.frames import GEOMETRIC, check_frame
from ptycho_contracts.physics_codes import CANNOT_TELL
from ptycho_contracts.rules._pair import pair_subject
from ptycho_contracts.rules._raw_data import raw_data_subject
from ptycho_contracts.rules._training import training_patterns, training_subject
from ptycho_contracts.rules.steps_in_far_field import CODE as STEPS_IN_FAR_FIELD

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
        objects: How many objects the file holds.
        order: The mistakes among them that are of the order across several objects; the subject is free of them.
    """

    diagnosis: Diagnosis
    subject: Subject | None = None
    judged: Judged | None = None
    objects: int = 1
    order: tuple[Change, ...] = ()


def diagnose(path: Path | str, options: ReadOptions | None = None, object: int = 0) -> Diagnosis:
    """Which conventions explain the patterns of the artifact at `path`.

    Args:
        path: Any file of the artifact.
        options: What the caller says of it (`frame`, `values`); its `order` has no say, the file is taken as it lies.
        object: Which one, where the file holds several; how patterns are spread over them is asked of all.

    Raises:
        ConversionError: nothing reads it, or it breaks its contract.
        KeyError: no frame has the name that the options give.
        OptionError: an option means nothing to this format, or the file holds no such object.
    """
    with diagnosed(path, options, object) as found:
        return found.diagnosis


@contextmanager
def diagnosed(path: Path | str, options: ReadOptions | None = None, object: int = 0) -> Iterator[Diagnosed]:
    """The same, with the file open: patterns of the subject can be read until the block is left."""
    path, options = Path(path), options or ReadOptions()
    contract, _ = recognised(path)
    if absent := absent_half(path):
        raise ConversionError(*absent)
    with ExitStack() as files:
        subject = _own_statement(path, contract, options, object, files)
        if subject is not None:
            found = _judged(subject, options.step(_DIAGNOSING))
        else:
            found = _of_scan(path, options, object, files)
        repair = _repair(path, contract, found)
        yield replace(found, diagnosis=found.diagnosis.model_copy(update={"repair": repair}))


def _own_statement(
    path: Path, contract: ArrayContract, options: ReadOptions, object: int, files: ExitStack
) -> Subject | None:
    """The file by what its format states; None where its Scan says as much, or where it holds no object."""
    states = _STATING.get(contract.id)
    if states is None:
        return None
    refuse_idle_options(reader_of(contract, path), replace(options, order="as-stored"))
    _refuse_absent(object, 1)
    sources = open_to_read(path, contract)
    description = Description(files={role: source.describe() for role, source in sources.items()})
    return states(files.enter_context(Artifact(contract, sources, description)), options)


def _pair(artifact: Artifact, options: ReadOptions) -> Subject:
    subject = pair_subject(artifact, options.frame)
    check_frame(subject.frame, subject.frames)
    return subject


def _raw_data(artifact: Artifact, options: ReadOptions) -> Subject | None:
    return raw_data_subject(artifact, options.values) if artifact.member("npz:/objectGuess") else None


def _training(artifact: Artifact, options: ReadOptions) -> Subject | None:
    rows, columns = training_patterns(artifact).frame_shape
    return training_subject(artifact) if rows == columns else None


# Formats whose own statement (frame, unit) a Scan does not keep; a name from it would mean nothing to their users.
_STATING = {"ptychovit-pair": _pair, "raw-data-npz": _raw_data, "ptychodus-training": _training}


def _judged(subject: Subject, progress: Progress | None) -> Diagnosed:
    judged = judge_subject(subject, progress)
    return Diagnosed(judged.diagnosis, subject, judged)


def _of_scan(path: Path, options: ReadOptions, object: int, files: ExitStack) -> Diagnosed:
    """From the Scan of one object."""
    try:
        loaded = _loaded(path, options, files)
    except ConversionError as error:
        if any(found.code not in {CANNOT_TELL.id, STEPS_IN_FAR_FIELD.id} for found in error.findings):
            raise
        return Diagnosed(_cannot_tell(*(found.message for found in error.findings)))
    _refuse_absent(object, len(loaded.scans))
    found = _of_parts(loaded.scans[object], options.step(_DIAGNOSING))
    if len(loaded.scans) == 1:
        return found
    told = one_of_several(found.diagnosis, object, loaded)
    return replace(found, diagnosis=told, objects=len(loaded.scans), order=proven_order(loaded))


def _loaded(path: Path, options: ReadOptions, files: ExitStack) -> Loaded:
    """The file as it lies; patterns that are mixed up between its objects, in the order that is proven.

    An object alone cannot tell that its patterns lie among those of another.
    """
    loaded = files.enter_context(read(path, replace(options, order="as-stored", progress=None)))
    if len(loaded.scans) == 1 or ORDER not in loaded.decisions:
        return loaded
    try:
        return files.enter_context(read(path, replace(options, order="auto")))
    except ConversionError:
        return loaded


def _refuse_absent(object: int, count: int) -> None:
    if not 0 <= object < count:
        held = "1 object" if count == 1 else f"{count} objects"
        raise OptionError(f"the file holds {held}: object is 0 to {count - 1}, not {object}")


def _repair(path: Path, contract: ArrayContract, found: Diagnosed) -> str | None:
    """The command that undoes what was proven; overlap leaves open whether positions or patterns are wrong."""
    if found.diagnosis.verdict != "mistaken" or found.diagnosis.method != "forward model":
        return None
    named = shlex.quote(str(path))
    if found.objects == 1:
        return f"ptycho fix {named} FOLDER" if all_codecs()[contract.id].write is not None else None
    # Of several objects each becomes a file of its own, in the proven order; nothing else is put right.
    return f"ptycho convert {named} FOLDER --to {contract.id}" if found.diagnosis.changes == found.order else None


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
