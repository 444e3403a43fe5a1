"""What a profile returns: numbers nested as PtychoPINN nests them, and a reason for every missing one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

Channel: TypeAlias = Literal["amplitude", "phase"]
CHANNELS: tuple[Channel, Channel] = ("amplitude", "phase")
Curve: TypeAlias = list[float | None]
Value: TypeAlias = float | Curve | None


@dataclass(slots=True)
class MetricTable:
    """Metrics as {name: [amplitude, phase]}, strict JSON: what is not finite is None, with a reason.

    `reasons` explains missing numbers, `notes` qualifies present ones; keys are `name.amplitude` and
    `name.phase`.
    """

    metrics: dict[str, list[Value]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, channel: Channel, value: float, reason: str = "not a finite number") -> None:
        """Enter a number; if it is not finite, None and the reason."""
        finite = bool(np.isfinite(value))
        self._slot(name)[CHANNELS.index(channel)] = float(value) if finite else None
        if not finite:
            self.reasons[f"{name}.{channel}"] = reason

    def put_curve(self, name: str, channel: Channel, curve: Sequence[float], reason: str) -> None:
        """Enter a curve; its undefined points become None and share one reason."""
        values: Curve = [float(v) if np.isfinite(v) else None for v in curve]
        self._slot(name)[CHANNELS.index(channel)] = values
        if None in values:
            self.reasons[f"{name}.{channel}"] = reason

    def note(self, name: str, channel: Channel, text: str) -> None:
        """Qualify a number."""
        self.notes[f"{name}.{channel}"] = text

    def _slot(self, name: str) -> list[Value]:
        return self.metrics.setdefault(name, [None, None])
