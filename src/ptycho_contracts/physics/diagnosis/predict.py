"""Predicted signatures at any place of the stored object, fast enough for thousands of hypotheses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Exit waves transformed at once.
_BATCH_VALUES = 2**15
_KEPT_PROBES = 320
# The frequencies that are compared hold at most this share of the energy, unless they were too few.
ENERGY_SHARE = 0.985
LEAST = 96


class Predictor:
    """The forward model of `forward.py` for one object and one probe, seen at some frequencies only.

    Args:
        object_: (H, W) complex.
        probe: (M, n, n) complex; M incoherent modes.
        frequencies: (K, 2) whole frequencies (y, x), 0 at the zero frequency.
    """

    def __init__(
        self,
        object_: NDArray[np.complexfloating],
        probe: NDArray[np.complexfloating],
        frequencies: NDArray[np.intp],
    ) -> None:
        self.n = int(probe.shape[-1])
        self._padded = np.pad(object_.astype(np.complex64, copy=False), self.n)
        self._spectrum = np.fft.fft2(probe).astype(np.complex64)
        self._pixels = (frequencies[:, 0] % self.n) * self.n + frequencies[:, 1] % self.n
        self._moved: dict[tuple[float, float], NDArray[np.complex64]] = {}

    def amplitudes(self, centre_px: NDArray[np.float64], quantum_px: float | None = None) -> NDArray[np.float32]:
        """Amplitudes (k, K) at patch centres (k, 2); a patch wholly outside the object predicts zeros.

        Args:
            centre_px: Array coordinates (y, x).
            quantum_px: Round centres to multiples of this, 1/m, from patches on whole pixels; None for not at all.
        """
        corners = centre_px - (self.n - 1) / 2
        if quantum_px is not None:
            corners = np.round(corners / quantum_px) * quantum_px
        whole = np.floor(corners + 1e-6).astype(np.intp)
        parts = np.round(corners - whole, 6)
        out = np.empty((len(corners), len(self._pixels)), np.float32)
        step = max(1, _BATCH_VALUES // self.n**2)
        for start in range(0, len(corners), step):
            batch = slice(start, start + step)
            out[batch] = self._batch(whole[batch], parts[batch])
        return out

    def _batch(self, whole: NDArray[np.intp], parts: NDArray[np.float64]) -> NDArray[np.float32]:
        from scipy import fft  # noqa: PLC0415 - scipy.fft costs start-up time that header checks never need

        height, width = self._padded.shape
        y = np.clip(whole[:, 0] + self.n, 0, height - self.n)
        x = np.clip(whole[:, 1] + self.n, 0, width - self.n)
        patches = np.lib.stride_tricks.sliding_window_view(self._padded, (self.n, self.n))[y, x]
        probes = np.stack([self._probe(float(fy), float(fx)) for fy, fx in parts])
        intensity = np.zeros((len(whole), len(self._pixels)), np.float32)
        for mode in range(probes.shape[1]):
            waves = patches * probes[:, mode]
            field = fft.fft2(waves, axes=(1, 2), overwrite_x=True).reshape(len(whole), -1)[:, self._pixels]
            intensity += field.real**2 + field.imag**2
        return np.sqrt(intensity)

    def _probe(self, fy: float, fx: float) -> NDArray[np.complex64]:
        """The probe (M, n, n) moved by a sub-pixel part towards larger indices."""
        key = (fy, fx)
        if key not in self._moved:
            if len(self._moved) >= _KEPT_PROBES:
                self._moved.clear()
            self._moved[key] = self._shifted(fy, fx)
        return self._moved[key]

    def _shifted(self, fy: float, fx: float) -> NDArray[np.complex64]:
        from scipy import fft  # noqa: PLC0415 - as above

        ramp_y, ramp_x = (np.exp(-2j * np.pi * part * np.fft.fftfreq(self.n)).astype(np.complex64) for part in (fy, fx))
        spectrum = self._spectrum * ramp_y[:, None]
        spectrum *= ramp_x
        moved: NDArray[np.complex64] = fft.ifft2(spectrum, axes=(1, 2), overwrite_x=True)
        return moved


def every_frequency(n: int) -> NDArray[np.intp]:
    """(n², 2) whole frequencies (y, x) in the order of a pattern's pixels, the zero frequency at n/2."""
    line = np.arange(n) - n // 2
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)


def bright_frequencies(
    object_: NDArray[np.complexfloating], probe: NDArray[np.complexfloating], most: int
) -> NDArray[np.intp]:
    """About `most` frequencies (K, 2) where the model predicts most signal, closed under every turn.

    The mean pattern over places spread over the object, and over the eight turns of each frequency. Where next to
    nothing is predicted, nothing is told: the square root of a count below 1 is biased.
    """
    n = int(probe.shape[-1])
    every = every_frequency(n)
    mean = np.square(Predictor(object_, probe, every).amplitudes(_spread_places(object_.shape, n))).mean(axis=0)
    folded = mean.reshape(n, n)
    # The highest frequency of an even size is its own opposite. Sums of two do not depend on their order, so the
    # values of one orbit are equal to the last bit, and an orbit is kept or left whole.
    reverse = (2 * (n // 2) - np.arange(n)) % n
    folded = folded + folded[reverse]
    folded = folded + folded[:, reverse]
    folded = (folded + folded.T).reshape(-1)
    ranked = np.sort(folded)[::-1]
    holding = int(np.searchsorted(np.cumsum(ranked), ENERGY_SHARE * ranked.sum())) + 1
    chosen: NDArray[np.intp] = every[folded >= ranked[min(most, max(holding, LEAST)) - 1]]
    return chosen


def _spread_places(shape: tuple[int, ...], n: int) -> NDArray[np.float64]:
    """16 patch centres over the canvas."""
    lines = [np.linspace(0, max(0, size - n), 4).astype(np.intp) + (n - 1) / 2 for size in shape]
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
