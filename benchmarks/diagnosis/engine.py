"""The only door to what is judged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """A diagnosis as JSON, and what it cost."""

    diagnosis: dict[str, Any]
    wall_s: float
    cpu_s: float


def ask(path: Path) -> Answer:
    """Diagnoses a pair with the engine of ptycho-contracts."""
    from ptycho_adapters.diagnosis import diagnose  # noqa: PLC0415 - the generator must import none of it

    wall, cpu = time.perf_counter(), time.process_time()
    diagnosis = diagnose(path).model_dump(mode="json")
    return Answer(diagnosis, time.perf_counter() - wall, time.process_time() - cpu)
