"""A sample of a subject's patterns on which hypotheses are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import unit
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Hypothesis, Op, Values, relative_probe
from ptycho_contracts.physics.diagnosis.predict import Predictor
from ptycho_contracts.physics.diagnosis.space import all_values
from ptycho_contracts.physics.diagnosis.subject import Subject
from ptycho_contracts.physics.readings import to_amplitude


class Bench:
    """Predictions and stored signatures of some patterns; both are kept, so that hypotheses share them.

    Args:
        subject: What is diagnosed.
        rows: Ascending numbers of the sampled patterns.
        frequencies: (K, 2) frequencies that are compared, closed under every turn.
        predictors: Shared between benches of one subject with the same frequencies.
    """

    def __init__(
        self,
        subject: Subject,
        rows: NDArray[np.intp],
        frequencies: NDArray[np.intp],
        predictors: dict[Op, Predictor],
    ) -> None:
        self.subject = subject
        self.rows = rows
        self.frequencies = frequencies
        self.values = all_values(subject.n)
        self._predictors = predictors
        self._flat = subject.patterns.take(rows).reshape(len(rows), -1)
        self._stored: dict[tuple[Values, Op], NDArray[np.float32]] = {}

    @property
    def pixels(self) -> int:
        """K, how many frequencies are compared."""
        return len(self.frequencies)

    def more(self, rows: NDArray[np.intp]) -> Bench:
        """The same of other patterns."""
        return Bench(self.subject, rows, self.frequencies, self._predictors)

    def predictor(self, relative: Op) -> Predictor:
        """The forward model whose probe stands to the stored object as this says."""
        if relative not in self._predictors:
            probe = relative_probe(self.subject.probe, relative)
            self._predictors[relative] = Predictor(self.subject.object, probe, self.frequencies)
        return self._predictors[relative]

    def stored(self, values: Values, object_: Op) -> NDArray[np.float32]:
        """Unit amplitudes (J, K) of the sampled patterns at the frequencies of the stored object's predictions."""
        key = (values, object_)
        if key not in self._stored:
            self._stored[key] = unit(self.stored_amplitudes(values, object_))
        return self._stored[key]

    def stored_amplitudes(self, values: Values, object_: Op) -> NDArray[np.float32]:
        """The same, as large as they are stored."""
        at = values.pixels(self.frequencies, self.subject.n, object_)
        return to_amplitude(self._flat[:, at], values.unit)

    def residuals(
        self, geometries: Sequence[Geometry], values: Sequence[Values], quantum_px: float
    ) -> NDArray[np.float32]:
        """Residuals (C, V, J) of geometries that share the object's and the probe's state, each with all values."""
        first = geometries[0]
        places = np.stack([g.centres_px(self.subject, self.rows) for g in geometries])
        return self.residuals_at(first.relative, first.object, places, values, quantum_px)

    def residuals_at(
        self,
        relative: Op,
        object_: Op,
        places: NDArray[np.float64],
        values: Sequence[Values],
        quantum_px: float | None,
    ) -> NDArray[np.float32]:
        """Residuals (C, V, J) at places (C, J, 2) in the stored object."""
        count, sampled = places.shape[:2]
        stored = np.stack([self.stored(v, object_) for v in values])
        out = np.empty((count, len(values), sampled), np.float32)
        # 64 MiB of predictions at a time.
        step = max(1, 2**24 // (sampled * self.pixels))
        for start in range(0, count, step):
            block = places[start : start + step]
            flat = self.predictor(relative).amplitudes(block.reshape(-1, 2), quantum_px)
            predicted = unit(flat).reshape(len(block), sampled, -1)
            overlap = np.matmul(predicted.transpose(1, 0, 2), stored.transpose(1, 2, 0))
            out[start : start + len(block)] = np.clip(1 - overlap.transpose(1, 2, 0) ** 2, 0, 1)
        return out

    def exact(self, hypothesis: Hypothesis, raw: bool = False) -> NDArray[np.float64]:
        """Residuals (J,) of one hypothesis, with positions as they are and sums in float64.

        Args:
            hypothesis: What is predicted.
            raw: Whether the square roots of the stored values are compared whatever their unit is said to be.
                Between hypotheses of different units nothing else is fair: a root makes noise, and so the residual,
                smaller. Otherwise amplitudes are, whose noise is the same everywhere.
        """
        geometry, values = hypothesis.geometry, hypothesis.values
        places = geometry.centres_px(self.subject, self.rows)
        amplitudes = self.predictor(geometry.relative).amplitudes(places)
        if raw and values.unit == "amplitude":
            amplitudes, values = np.sqrt(amplitudes), replace(values, unit="intensity")
        overlap = np.einsum("jk,jk->j", unit(amplitudes), self.stored(values, geometry.object), dtype=np.float64)
        return np.asarray(np.clip(1 - overlap**2, 0, 1))
