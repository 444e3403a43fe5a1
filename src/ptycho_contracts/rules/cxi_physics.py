"""Do object, probe and positions of a CXI file explain its patterns; without an object, do its patterns overlap so?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts import cxi
from ptycho_contracts.contracts.cxi import OBJECT, OBJECT_PIXELS_M, CxiFile
from ptycho_contracts.contracts.ptychovit_para import PROBE_FACTOR
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.measured.cxi import cxi_geometry, positions_m, translation_member
from ptycho_contracts.measured.cxi_parts import (
    object_layers,
    object_pixel_m,
    pattern_member,
    patterns_of,
    position_on_object_m,
    probe_member,
    probe_modes,
)
from ptycho_contracts.measured.patterns import PickedPatterns
from ptycho_contracts.physics.diagnosis.findings import Locations
from ptycho_contracts.physics.diagnosis.subject import Subject, centred_frames
from ptycho_contracts.physics.frames import GEOMETRIC
from ptycho_contracts.rule import NotExaminableError, rule
from ptycho_contracts.rules import _measured
from ptycho_contracts.rules._diagnosed import FORWARD_CODES, forward_findings, overlap_findings
from ptycho_contracts.rules._measured import check_square, picked
from ptycho_contracts.sources.base import Source


@rule(
    *FORWARD_CODES,
    codes.AMPLITUDE_FOR_INTENSITY,
    codes.WRONG_PIXEL_SIZE,
    on={"cxi": CxiFile},
    needs=(),
    depth="physics",
)
def cxi_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model where the file holds all parts, otherwise the overlap of neighbouring patterns."""
    source = artifact.source("cxi")
    patterns, centred = _patterns_at_places(artifact)
    check_square(patterns.frame_shape)
    locations, probe, objects = _locations(source), probe_modes(source), object_layers(source)
    if objects is None or probe is None:
        yield from overlap_findings(artifact, patterns, centred, locations, probe=_of_size(patterns, probe))
    elif _of_size(patterns, probe) is None:
        yield finding(codes.CANNOT_TELL, locations.patterns, "only patterns with a probe of their size can be compared")
    else:
        subject = Subject(
            patterns=patterns,
            centred_px=centred,
            object=objects[0],
            probe=probe,
            frame=GEOMETRIC.name,
            frames=centred_frames(probe.shape[-1]),
            counts=artifact.root_attribute("cxi", PROBE_FACTOR) is not None,
        )
        yield from forward_findings(artifact, subject, locations)


def _patterns_at_places(artifact: Artifact) -> tuple[PickedPatterns, NDArray[np.float64]]:
    """The patterns, and (scan, 2) positions in object pixels from the middle of the object where there is one.

    Raises:
        NotExaminableError: there are no patterns, or nothing says where they were taken.
    """
    source = artifact.source("cxi")
    positions = positions_m(source)
    try:
        found = patterns_of(source)
    except ValueError as error:
        raise NotExaminableError(str(error)) from error
    if found is None or positions is None:
        raise NotExaminableError(f"the file holds no {'patterns' if found is None else 'positions'}")
    pixel = _measured.object_pixel_m(artifact, "cxi", cxi_geometry(source), object_pixel_m(source))
    return picked(*found, len(positions)), position_on_object_m(source, positions) / pixel


def _of_size(patterns: PickedPatterns, probe: NDArray[np.complexfloating] | None) -> NDArray[np.complexfloating] | None:
    """The probe, where it is as large as the patterns."""
    return probe if probe is not None and probe.shape[1:] == patterns.frame_shape else None


def _locations(source: Source) -> Locations:
    translation, members = f"cxi:/{translation_member(source)}", source.describe().members
    return Locations(
        patterns=f"cxi:/{pattern_member(source)}",
        y=translation,
        x=translation,
        object=f"cxi:/{OBJECT}",
        probe=f"cxi:/{probe_member(source) or cxi.PROBE}",
        pixel_size=f"cxi:/{OBJECT_PIXELS_M[0]}" if OBJECT_PIXELS_M[0] in members else "",
    )
