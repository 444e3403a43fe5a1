"""Where on the object the sampled patterns can lie: a map that answers every question about places by a look-up.

One map for each state of object and probe serves all turns of the positions, frames, orders, pixel sizes and shifts.
At one frequency u the exit waves of *all* places are a correlation, `Σ_r O(c + r)·P(r)·exp(−2πi·u·r/n)`, which is one
product of spectra: on a canvas padded to a multiple of n, the probe's spectrum moves by whole samples with u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.physics.agreement import residuals, unit
from ptycho_contracts.physics.diagnosis.bench import Bench
from ptycho_contracts.physics.diagnosis.hypothesis import Geometry, Op, Values, relative_probe
from ptycho_contracts.physics.diagnosis.space import by_unit
from ptycho_contracts.physics.diagnosis.subject import Subject

# A wide canvas is seen through a coarser net, so that its map does not cost more.
MOST_PLACES = 2**15
STEPS_PX = (1, 2, 4, 8)
# Patches may lie this far outside the canvas.
MARGIN_PX = 4


@dataclass(frozen=True)
class Atlas:
    """Residuals (J, V, rows·columns) of sampled patterns at places `start + step · (row, column)`."""

    values: tuple[Values, ...]
    start: NDArray[np.float64]
    step: int
    size: tuple[int, int]
    residual: NDArray[np.float32]

    def look_up(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        """Residuals (…, J, V) at places (…, J, 2), each pattern at its own; 1 outside the map."""
        inside, flat = self._index(places)
        found = self.residual[np.arange(len(self.residual)), :, flat]
        return np.where(inside[..., None], found, np.float32(1))

    def best_of(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        """Residuals (J, V) of every pattern at the best of these places (k, 2)."""
        inside, flat = self._index(places)
        best: NDArray[np.float32] = self.residual[:, :, np.unique(flat[inside])].min(axis=2, initial=1)
        return best

    def _index(self, places: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        at = np.round((places - self.start) / self.step).astype(np.intp)
        inside: NDArray[np.bool_] = np.all((at >= 0) & (at < self.size), axis=-1)
        at = np.clip(at, 0, np.array(self.size) - 1)
        return inside, at[..., 0] * self.size[1] + at[..., 1]


class Chart:
    """Predicted unit signatures (K, rows·columns) at every place, for one relative state of object and probe."""

    def __init__(self, subject: Subject, relative: Op, frequencies: NDArray[np.intp]) -> None:
        n = subject.n
        room = np.maximum(np.array(subject.canvas) - n, 0) + 2 * MARGIN_PX
        self.step = next((s for s in STEPS_PX if (room // s + 1).prod() <= MOST_PLACES), STEPS_PX[-1])
        rows, columns = (room // self.step + 1).tolist()
        self.size = (int(rows), int(columns))
        self.start = np.full(2, (n - 1) / 2 - MARGIN_PX)
        intensity = _correlated(subject, relative, frequencies, self.step, self.size)
        self.mean = unit(np.sqrt(intensity.mean(axis=1)))
        np.sqrt(intensity, out=intensity)
        intensity /= np.maximum(np.sqrt(np.einsum("kp,kp->p", intensity, intensity)), 1e-30)
        self.signatures = intensity

    def atlas(self, bench: Bench, geometry: Geometry, kept: int) -> Atlas:
        """The residuals of a bench's patterns, under those values that the mean pattern speaks for most."""
        values = likely_values(bench, geometry.object, self.mean, kept)
        stored = np.stack([bench.stored(v, geometry.object) for v in values], axis=1)
        overlap = np.matmul(stored.reshape(-1, stored.shape[-1]), self.signatures)
        residual = np.clip(1 - overlap**2, 0, 1).reshape(*stored.shape[:2], -1)
        return Atlas(tuple(values), self.start, self.step, self.size, residual)


def _correlated(
    subject: Subject, relative: Op, frequencies: NDArray[np.intp], step: int, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Predicted intensities (K, rows·columns)."""
    from scipy import fft  # noqa: PLC0415 - scipy.fft costs start-up time that header checks never need

    n = subject.n
    needed = [max(s * step + n, full + 2 * MARGIN_PX) for s, full in zip(size, subject.canvas, strict=True)]
    unit_length = n * step // int(np.gcd(n, step))
    padded = [-(-length // unit_length) * unit_length for length in needed]
    canvas = np.zeros(padded, np.complex64)
    canvas[MARGIN_PX : MARGIN_PX + subject.canvas[0], MARGIN_PX : MARGIN_PX + subject.canvas[1]] = subject.object
    spectrum = fft.fft2(canvas)
    lengths = [length // step for length in padded]
    out = np.zeros((len(frequencies), size[0] * size[1]), np.float32)
    for mode in relative_probe(subject.probe, relative):
        # The spectrum of a probe that looks the other way; twice in each direction, so that moving it is a slice.
        window = np.tile(fft.ifft2(mode, s=padded).astype(np.complex64) * np.float32(np.prod(lengths)), (2, 2))
        for k, (y, x) in enumerate(frequencies.tolist()):
            top, left = (-y * padded[0] // n) % padded[0], (-x * padded[1] // n) % padded[1]
            product = spectrum * window[top : top + padded[0], left : left + padded[1]]
            folded = product.reshape(step, lengths[0], step, lengths[1]).sum(axis=(0, 2)) if step > 1 else product
            field = fft.ifft2(folded, overwrite_x=True)[: size[0], : size[1]]
            out[k] += (field.real**2 + field.imag**2).reshape(-1)
    return out


def likely_values(bench: Bench, object_: Op, mean: NDArray[np.float32], kept: int) -> list[Values]:
    """The values, so many of each unit, under which the mean stored pattern looks most like the mean predicted one."""
    stored = [
        np.sqrt(np.mean(np.square(bench.stored_amplitudes(v, object_)), axis=0, dtype=np.float64)) for v in bench.values
    ]
    unlike = residuals(unit(np.stack(stored)), mean)
    ranked = np.argsort(unlike, kind="stable")
    return [bench.values[ranked[k]] for among in by_unit([bench.values[k] for k in ranked]) for k in among[:kept]]
