"""Which format becomes which: found by converting, reading back and comparing, never by declaration.

A refusal names the option that helps. `attempt` follows exactly these names with the answers that somebody gave
beforehand, so a message that names the wrong option, or one that does not help, shows in the matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ptycho_adapters.codec import ConversionError, ReadOptions, own_codecs
from ptycho_adapters.comparison import differences
from ptycho_adapters.composition import composed
from ptycho_adapters.conversion import Converted, convert
from ptycho_adapters.io import read
from ptycho_adapters.needs import PARTS, Part
from ptycho_contracts.finding import Finding

_OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")
_READ_OPTIONS = {
    "--order": "order",
    "--frame": "frame",
    "--values": "values",
    "--propagation": "propagation",
    "--pixel-size-m": "pixel_size_m",
    "--energy-ev": "energy_eV",
    "--distance-m": "distance_m",
}
_TAKEN: dict[str, Part] = {f"--{part}-from": part for part in PARTS}

Answers = Mapping[str, Any]


class Cell(BaseModel):
    """What became of one conversion.

    Attributes:
        source: Contract of the source.
        sample: Its file.
        target: Contract of the target.
        outcome: `exact` (all that a Scan holds of the source was read back unchanged), `lossy`, or `refused`.
        asked: Options that a refusal asked for and that were then given, in order.
        unread: What the source holds and no Scan carries, whatever the target.
        lost: What the target lacks or holds otherwise: reported by the writer, or found by comparing.
        why: Why it was refused at last: code and message of each finding.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    sample: str
    target: str
    outcome: Literal["exact", "lossy", "refused"]
    asked: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def targets() -> list[str]:
    """Contract ids of every format that can be written."""
    return sorted(codec.id for codec in own_codecs().values() if codec.write is not None)


def attempt(source: Path, contract: str, target: str, folder: Path, answers: Answers) -> Cell:
    """Convert, following what refusals ask for as far as there are answers; then read back and compare.

    Args:
        source: Any file of the artifact.
        contract: Its contract, for the record.
        target: Contract id.
        folder: Empty; for the outputs.
        answers: Value by option (`--energy-ev`: 8000.0, `--probe-from`: a path).
    """
    said: dict[str, Any] = {}
    facts: dict[str, Any] = {"source": contract, "sample": source.name, "target": target}
    while True:
        try:
            done = convert(source, folder, target, name="out", options=_options(said), take=_taken(said))
        except ConversionError as error:
            new = _asked(error.findings, answers, said)
            if not new:
                why = tuple(f"{f.code}: {f.message}" for f in error.findings)
                return Cell(**facts, outcome="refused", asked=tuple(said), why=why)
            said |= new
            continue
        lost = _lost(source, done, said)
        facts |= {"asked": tuple(said), "unread": done.manifest.dropped, "lost": tuple(lost)}
        return Cell(**facts, outcome="lossy" if lost else "exact")


def _asked(findings: Iterable[Finding], answers: Answers, said: Mapping[str, Any]) -> dict[str, Any]:
    """Answers to the options that the findings' fixes name and that were not given yet."""
    named = [option for f in findings for option in _OPTION.findall(f.fix or "")]
    return {option: answers[option] for option in named if option in answers and option not in said}


def _options(said: Answers) -> ReadOptions:
    return ReadOptions(**{_READ_OPTIONS[option]: value for option, value in said.items() if option in _READ_OPTIONS})


def _taken(said: Answers) -> dict[Part, Path]:
    return {_TAKEN[option]: value for option, value in said.items() if option in _TAKEN}


def _lost(source: Path, done: Converted, said: Answers) -> list[str]:
    """What the writer says it dropped, and what comparing with what was read back finds besides."""
    dropped = [text for output in done.manifest.outputs for text in output.dropped]
    named = {text.split()[0] for text in dropped}
    found: list[str] = []
    with read(source, _options(said)) as base, composed(base, _taken(said), _options(said)) as before:
        for scan, files in zip(before.scans, done.files, strict=True):
            with read(next(iter(files.values())), ReadOptions(order="as-stored")) as after:
                found += differences(scan, after.scans[0])
    return list(dict.fromkeys([*dropped, *(text for text in found if text.split()[0] not in named)]))
