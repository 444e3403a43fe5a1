"""The far-field forward model: diffraction amplitude from object, probe and position.

`A = sqrt(Σ_modes |fftshift(fft2(patch · probe))|²)`, un-normalised FFT, zero frequency at index n/2: the model
of PtychoViT's loss (flat generation, February 2026) and, up to a constant, of PtychoPINN 2.0.0. The patch of a
position is centred on patch index (n−1)/2; y is the row, x the column, no flip, no conjugate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Below this a position counts as lying on whole pixels, where no sub-pixel shift is needed.
_WHOLE_PX = 1e-4
# Exit waves transformed at once: four of 256² stay in the cache, 32 take three times as long for each.
_BATCH = 4
# Probes moved by a sub-pixel part that are kept: a raster has few distinct ones, jitter has none twice.
_KEPT_PROBES = 32


@dataclass(frozen=True)
class Places:
    """Where patches lie: `object_index` (k,) int and `centre_px` (k, 2) float64, (y, x) in object pixels."""

    object_index: NDArray[np.intp]
    centre_px: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.object_index)

    def take(self, rows: NDArray[np.intp] | slice) -> Places:
        """The places of some rows."""
        return Places(self.object_index[rows], self.centre_px[rows])


class ForwardModel:
    """Predicts amplitudes for one probe and one or several objects.

    Args:
        objects: (L, H, W) complex; L different objects on equal canvases.
        probe: (M, n, n) complex; M incoherent modes.
    """

    def __init__(self, objects: NDArray[np.complexfloating], probe: NDArray[np.complexfloating]) -> None:
        if objects.ndim != 3 or probe.ndim != 3 or probe.shape[1] != probe.shape[2]:
            raise ValueError(
                f"objects (L, H, W) and a square probe (M, n, n) are needed, not {objects.shape}, {probe.shape}"
            )
        self.n: int = probe.shape[-1]
        self.canvas: tuple[int, int] = (objects.shape[1], objects.shape[2])
        self._probe = probe.astype(np.complex64, copy=False)
        # A margin of zeros keeps patches that leave the canvas in bounds; uncovered object transmits nothing.
        self._objects = np.pad(objects.astype(np.complex64, copy=False), ((0, 0), (self.n,) * 2, (self.n,) * 2))
        self._shifted: dict[tuple[float, float], NDArray[np.complex64]] = {}

    def amplitudes(self, places: Places, pixels: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Predicted amplitudes (k, n, n), or (k, len(pixels)) at flat detector pixels of the shifted pattern.

        Args:
            places: k places; those whose patch lies wholly outside the canvas predict zeros.
            pixels: Flat indices into the (n, n) pattern with the zero frequency at n/2.
        """
        wanted = _Wanted.of(np.arange(self.n * self.n) if pixels is None else pixels, self.n)
        out = np.empty((len(places), len(wanted.pixels)), np.float32)
        for start in range(0, len(places), _BATCH):
            batch = places.take(slice(start, start + _BATCH))
            out[start : start + len(batch)] = self._batch(batch, wanted)
        return out.reshape(len(places), self.n, self.n) if pixels is None else out

    def _batch(self, places: Places, wanted: _Wanted) -> NDArray[np.float32]:
        from scipy import fft  # noqa: PLC0415 - scipy.fft costs start-up time that header checks never need

        corners = places.centre_px - (self.n - 1) / 2
        whole = np.floor(corners + _WHOLE_PX).astype(np.intp)
        patches = self._patches(places.object_index, whole)
        probes = self._probes(corners - whole)
        intensity = np.zeros((len(places), len(wanted.pixels)), np.float32)
        waves = np.empty((len(places), self.n, self.n), np.complex64)
        for mode in range(self._probe.shape[0]):
            for patch, probe, wave in zip(patches, probes(mode), waves, strict=True):
                np.multiply(patch, probe, out=wave)
            # The second transform only where somebody looks: bright pixels lie in a third of the columns.
            rows = fft.fft(waves, axis=2, overwrite_x=True)
            columns = fft.fft(rows[:, :, wanted.columns], axis=1, overwrite_x=True)
            field = columns.reshape(len(places), -1)[:, wanted.pixels]
            intensity += field.real**2 + field.imag**2
        return np.sqrt(intensity)

    def _patches(self, index: NDArray[np.intp], corner: NDArray[np.intp]) -> list[NDArray[np.complex64]]:
        """Views into the padded objects."""
        height, width = self._objects.shape[1:]
        y = np.clip(corner[:, 0] + self.n, 0, height - self.n).tolist()
        x = np.clip(corner[:, 1] + self.n, 0, width - self.n).tolist()
        return [self._objects[i, v : v + self.n, u : u + self.n] for i, v, u in zip(index, y, x, strict=True)]

    def _probes(self, fraction: NDArray[np.float64]) -> Callable[[int], list[NDArray[np.complex64]]]:
        """Mode → the probe of each place, moved by the sub-pixel part of its position.

        Moving the probe by +f instead of the object by −f moves the exit wave as a whole, which its amplitude
        in the far field does not see; the probe is compact, so its Fourier shift has no edge to ring at.
        """
        whole = np.all(np.abs(fraction) <= 2 * _WHOLE_PX, axis=1)
        moved = [
            self._probe if on_pixel else self._move_probe(float(fy), float(fx))
            for on_pixel, (fy, fx) in zip(whole, fraction, strict=True)
        ]
        return lambda mode: [probe[mode] for probe in moved]

    def _move_probe(self, fy: float, fx: float) -> NDArray[np.complex64]:
        key = (round(fy, 6), round(fx, 6))
        if key not in self._shifted:
            if len(self._shifted) >= _KEPT_PROBES:
                self._shifted.clear()
            self._shifted[key] = fourier_shift(self._probe, key)
        return self._shifted[key]

    def energies(self, places: Places) -> NDArray[np.float64]:
        """n²·Σ|patch·probe|² of each place: the total intensity that the model predicts, by Parseval.

        Sub-pixel parts are ignored: the illuminated energy varies slowly over a pixel.
        """
        corner = np.round(places.centre_px - (self.n - 1) / 2).astype(np.intp) + self.n
        illumination = np.sum(np.abs(self._probe.astype(np.complex128)) ** 2, axis=0)
        out = np.zeros(len(places))
        for index in np.unique(places.object_index):
            total = _correlate(np.abs(self._objects[index].astype(np.complex128)) ** 2, illumination)
            mine = places.object_index == index
            y = np.clip(corner[mine, 0], 0, total.shape[0] - 1)
            x = np.clip(corner[mine, 1], 0, total.shape[1] - 1)
            out[mine] = np.maximum(total[y, x], 0)
        return out * self.n**2


def _correlate(canvas: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ canvas[y+i, x+j]·window[i, j] for every (y, x) at which the window lies inside."""
    # numpy's FFT: this much is needed to write any pair, and scipy's costs 0.3 s to import.
    spectrum = np.fft.rfft2(canvas) * np.conj(np.fft.rfft2(window, canvas.shape))
    valid = tuple(length - n + 1 for length, n in zip(canvas.shape, window.shape, strict=True))
    total: NDArray[np.float64] = np.fft.irfft2(spectrum, canvas.shape)[: valid[0], : valid[1]]
    return total


def before_shift(pixels: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Where these flat pixels of a pattern with the zero frequency at n/2 lie in one that has it at [0, 0]."""
    unshifted = np.fft.fftshift(np.arange(n))
    row, column = np.divmod(pixels, n)
    return unshifted[row] * n + unshifted[column]


def fourier_shift(field: NDArray[np.complexfloating], shift_px: tuple[float, float]) -> NDArray[np.complex64]:
    """`field` (…, h, w) moved by `shift_px` (y, x) towards larger indices, periodic, band-limited."""
    h, w = field.shape[-2:]
    ramp_y = np.exp(-2j * np.pi * np.fft.fftfreq(h) * shift_px[0])
    ramp_x = np.exp(-2j * np.pi * np.fft.fftfreq(w) * shift_px[1])
    spectrum = np.fft.fft2(field) * ramp_y[:, None] * ramp_x[None, :]
    moved: NDArray[np.complex64] = np.fft.ifft2(spectrum).astype(np.complex64)
    return moved


@dataclass(frozen=True)
class _Wanted:
    """Detector pixels that are looked at: the FFT's columns that hold them, and where they lie in those.

    `pixels` are flat indices into (n, len(columns)), rows in the FFT's own order.
    """

    columns: NDArray[np.intp]
    pixels: NDArray[np.intp]

    @classmethod
    def of(cls, shifted: NDArray[np.intp], n: int) -> _Wanted:
        """From flat indices into a pattern with the zero frequency at n/2."""
        row, column = np.divmod(before_shift(shifted, n), n)
        columns, place = np.unique(column, return_inverse=True)
        return cls(columns, row * len(columns) + place.reshape(-1))
