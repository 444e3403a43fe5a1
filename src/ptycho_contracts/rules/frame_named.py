"""Whether a pair says which origin its positions have."""

from __future__ import annotations

from collections.abc import Iterator

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.ptychovit_para import FRAME, ParaFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.physics.frames import FRAMES
from ptycho_contracts.rule import rule

CODE = Code(
    "PTY320",
    Severity.HINT,
    "the frame of the positions is not named",
    "The file does not say which object pixel position 0 means; PtychoViT's origin is assumed.",
    "Tools and their versions differ by up to a pixel, and only a comparison with the object shows it.",
    "`--depth physics` finds the frame from the data; files written by `ptycho convert` name it.",
)
UNKNOWN = Code(
    "PTY321",
    Severity.ERROR,
    "the frame of the positions is unknown",
    "The file names a frame that is none of the known ones.",
    "Positions would be placed up to a pixel off.",
    "Use one of the names in docs/frames.md.",
)


@rule(CODE, UNKNOWN, on={"para": ParaFile}, needs=(), depth="header")
def frame_named(artifact: Artifact) -> Iterator[Finding]:
    """The frame attribute is absent, or names no frame."""
    name = artifact.root_attribute("para", FRAME)
    location = f"para:/@{FRAME}"
    if name is None:
        yield finding(CODE, location, "the file does not name the origin of its positions", found="no such attribute")
    elif name not in FRAMES:
        yield finding(
            UNKNOWN,
            location,
            f"no frame is called {name!r}",
            expected=", ".join(FRAMES),
            found=repr(name),
        )
