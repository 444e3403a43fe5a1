"""Do object, probe and positions of a CXI file explain its patterns; if not, which mistake does?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts import physics_codes as codes
from ptycho_contracts.artifact import Artifact
from ptycho_contracts.contracts.cxi import OBJECT, PATTERNS, PROBE, CxiFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.marks import PIXEL
from ptycho_contracts.measured.cxi import cxi_geometry, positions_m, translation_member
from ptycho_contracts.measured.cxi_parts import (
    object_layers,
    object_pixel_m,
    position_on_object_m,
    probe_modes,
)
from ptycho_contracts.physics.establish import establish
from ptycho_contracts.physics.forward import ForwardModel
from ptycho_contracts.physics.frames import FRAMES, GEOMETRIC
from ptycho_contracts.physics.mistakes import usual_mistakes
from ptycho_contracts.physics.stored import StoredPatterns
from ptycho_contracts.physics.verdict import physics_findings
from ptycho_contracts.rule import rule


@rule(
    codes.WRONG_ORDER,
    codes.AMPLITUDE_FOR_INTENSITY,
    codes.SWAPPED_AXES,
    codes.OTHER_FRAME,
    codes.NEGATED_AXIS,
    codes.CORNER_ORIGIN,
    codes.UNEXPLAINED,
    codes.CANNOT_TELL,
    on={"cxi": CxiFile},
    needs=tuple(f"cxi:/{member}" for member in (PATTERNS[1], OBJECT, PROBE)),
    depth="physics",
)
def cxi_physics(artifact: Artifact) -> Iterator[Finding]:
    """The forward model under the stated reading and under the usual mistakes, where the file holds all parts."""
    source = artifact.source("cxi")
    probe, objects, centred = probe_modes(source), object_layers(source), _centred_px(artifact)
    patterns = StoredPatterns(source, PATTERNS[1], source.layout(PATTERNS[1])[0])
    where = f"cxi:/{PATTERNS[1]}"
    if centred is None or probe is None or objects is None:
        yield finding(codes.CANNOT_TELL, where, "positions or the object pixel are not known: no pattern has a place")
        return
    if not patterns.frame_shape == probe.shape[1:] == (patterns.n, patterns.n):
        yield finding(codes.CANNOT_TELL, where, "only square patterns, with a probe of their size, can be compared")
        return
    size = objects.shape[1:]
    origins = {name: (frame.origin_px(size[0]), frame.origin_px(size[1])) for name, frame in FRAMES.items()}
    model = ForwardModel(objects[:1], probe)
    readings = usual_mistakes(centred, origins, GEOMETRIC.name, "intensity")
    outcome = establish(model, patterns, readings)
    artifact.evidence["physics"] = outcome.evidence.model_dump()
    translation = f"cxi:/{translation_member(source)}"
    yield from physics_findings(outcome, model, patterns, readings[0], (where, translation, translation))


def _centred_px(artifact: Artifact) -> NDArray[np.float64] | None:
    """(scan, 2) positions in object pixels from the middle of the object; None where the pixel is not known."""
    source = artifact.source("cxi")
    positions, geometry = positions_m(source), cxi_geometry(source)
    pixel: tuple[float | None, float | None] = object_pixel_m(source)
    if None in pixel:
        height, width = (artifact.root_attribute("cxi", name) for name in PIXEL)
        pixel = (height, width)
    patch = geometry.patch_m()
    if None in pixel and patch is not None and geometry.frame_shape is not None:
        pixel = (float(patch[0] / geometry.frame_shape[0]), float(patch[1] / geometry.frame_shape[1]))
    if positions is None or pixel[0] is None or pixel[1] is None:
        return None
    centred: NDArray[np.float64] = position_on_object_m(source, positions) / np.array(pixel)
    return centred
