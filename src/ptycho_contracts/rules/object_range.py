"""How much of an object lies outside what a PtychoViT model can represent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.artifact import Artifact
from ptycho_contracts.codes import Code, Severity
from ptycho_contracts.contracts.ptychovit_para import ParaFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.rule import rule

# 1.7159·tanh(2x/3)·0.025 + 0.975, the amplitude head of the flat generation (upstream default).
AMPLITUDE_HEAD = (0.932, 1.018)
_TOLERATED = 0.01

CODE = Code(
    "PTY304",
    Severity.WARNING,
    "object amplitude outside what PtychoViT can represent",
    f"The amplitude head of the flat generation reaches only {AMPLITUDE_HEAD}; a part of the object lies outside "
    "even after its median is set to 1.",
    "A network cannot fit what its output range excludes; the loss stops at a floor and the amplitude comes out flat.",
    "Nothing is wrong with the file. Use a checkout with a wider head (the bundled reference has one), or expect the "
    "phase only.",
)


@rule(CODE, on={"para": ParaFile}, needs=("para:/object",), depth="data")
def object_range(artifact: Artifact) -> Iterator[Finding]:
    """More than a hundredth of the object's pixels cannot be represented."""
    share = share_outside_head(artifact.read("para:/object")[0])
    artifact.evidence["object_outside_amplitude_head"] = share
    if share > _TOLERATED:
        yield finding(
            CODE,
            "para:/object",
            f"{share:.0%} of the object's amplitude, its median set to 1, lies outside what PtychoViT's amplitude head "
            "can represent",
            expected=f"amplitudes from {AMPLITUDE_HEAD[0]} to {AMPLITUDE_HEAD[1]} times the median",
            found=f"{share:.1%} outside",
        )


def share_outside_head(layer: NDArray[np.complexfloating]) -> float:
    """Share of the pixels whose amplitude, divided by the median, is outside the amplitude head's range."""
    amplitude = np.abs(layer)
    median = float(np.median(amplitude))
    if median == 0:
        return 1.0
    relative = amplitude / median
    return float(np.mean((relative < AMPLITUDE_HEAD[0]) | (relative > AMPLITUDE_HEAD[1])))
