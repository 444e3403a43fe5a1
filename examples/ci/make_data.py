"""Small data in the place of a beamtime's: a PtychoViT pair with its physics, and a RawData file of older days."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

N, STEP_PX, SIDE = 32, 6, 6
PIXEL_M = 10e-9
PHOTONS = 3e5


def main() -> None:
    """Write `data/` beside this file."""
    rng = np.random.default_rng(0)
    folder = Path(__file__).parent / "data"
    corners = STEP_PX * np.stack(np.divmod(np.arange(SIDE**2), SIDE), axis=1) + rng.integers(0, 3, (SIDE**2, 2))
    object_ = textured_object((N + STEP_PX * SIDE + 2, N + STEP_PX * SIDE + 6), rng)
    probe = focused_probe(N)
    waves = np.stack([object_[y : y + N, x : x + N] * probe for y, x in corners])
    mean = np.abs(np.fft.fftshift(np.fft.fft2(waves), axes=(1, 2))) ** 2
    scale = PHOTONS / mean.sum(axis=(1, 2)).mean()
    counts = rng.poisson(mean * scale).astype(np.float32)
    centres_px = corners + (N - 1) / 2
    write_pair(folder / "pairs", counts, object_, probe * scale**0.5, centres_px)
    write_legacy(folder / "legacy", counts, probe, centres_px)


def textured_object(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A complex object that is different everywhere: smoothed noise in amplitude and phase."""
    envelope = np.exp(-40 * np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")) ** 2)
    amplitude, phase = (np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) * envelope).real for _ in range(2))
    return (1 - 0.3 * np.clip(amplitude / np.ptp(amplitude) + 0.5, 0, 1)) * np.exp(1.5j * phase / phase.std())


def focused_probe(n: int) -> np.ndarray:
    """A Gaussian with a curved front, a little wider in y."""
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    return np.exp(-((y / 7) ** 2 + (x / 6) ** 2) / 2 + 0.02j * (y**2 + x**2))


def write_pair(
    folder: Path, counts: np.ndarray, object_: np.ndarray, probe: np.ndarray, centres_px: np.ndarray
) -> None:
    """Both halves; positions in metres from PtychoViT's origin, which the file names."""
    folder.mkdir(parents=True, exist_ok=True)
    origin = np.array([round(size / 2) + 0.5 for size in object_.shape])
    y_m, x_m = ((centres_px - origin) * PIXEL_M).T
    pixel = {"pixel_height_m": PIXEL_M, "pixel_width_m": PIXEL_M}
    with h5py.File(folder / "scan_001_dp.hdf5", "w") as file:
        file["dp"] = counts
    with h5py.File(folder / "scan_001_para.hdf5", "w") as file:
        file.attrs["ptycho_contracts_frame"] = "ptychovit"
        file["object"] = object_[None].astype("c8")
        file["probe"] = probe[None, None].astype("c8")
        file["probe_position_y_m"], file["probe_position_x_m"] = y_m, x_m
        for member in ("object", "probe"):
            file[member].attrs.update(pixel)
        file["object"].attrs.update({"center_x_m": 0.0, "center_y_m": 0.0})


def write_legacy(folder: Path, counts: np.ndarray, probe: np.ndarray, centres_px: np.ndarray) -> None:
    """Amplitudes, probe and positions of 2019, no object, and one dead frame that somebody stored as NaN."""
    folder.mkdir(parents=True, exist_ok=True)
    amplitudes = np.sqrt(counts)
    amplitudes[3] = np.nan
    y, x = centres_px.T
    np.savez(
        folder / "scan_2019.npz",
        diff3d=amplitudes,
        probeGuess=probe.astype("c8"),
        xcoords=x,
        ycoords=y,
        xcoords_start=x,
        ycoords_start=y,
        scan_index=np.zeros(len(x), int),
    )


if __name__ == "__main__":
    main()
