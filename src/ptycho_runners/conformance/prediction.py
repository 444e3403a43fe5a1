"""Promises about the model: its forward model, the ranges of its heads, and inference with trained weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import h5py
import numpy as np
from numpy.typing import NDArray

from ptycho_contracts.sources.torch_zip import TorchSource
from ptycho_runners.conformance.data import GeneratedPair, N
from ptycho_runners.conformance.items import Items, read_items
from ptycho_runners.conformance.promise import Judged, NotTestableError, Promise, at_most

if TYPE_CHECKING:
    from ptycho_runners.conformance.examination import Examination

HEAD = 1.7159
"""The heads are HEAD·tanh(2x/3), LeCun's scaled tangent."""

_FORWARD = 1e-3
_FLOAT32 = 1e-3


def _outputs(examination: Examination) -> Judged:
    for items in read_items(examination):
        for name, values in items.model.items():
            if values.shape != (len(items.truth.dp), 1, N, N):
                return Judged(False, f"{name} is {values.shape}, not {len(items.truth.dp)} × 1 × {N} × {N}")
            if not np.isfinite(values).all():
                return Judged(False, f"{name} of {items.truth.paths.name} holds values that are not finite")
    return Judged(True, f"three arrays of {N} × {N} for each pattern, all finite")


def _forward(examination: Examination) -> Judged:
    worst = 0.0
    for items in read_items(examination):
        predicted = items.model["diffraction_amplitude"][:, 0].astype(np.float64)
        own = _diffraction(items)
        errors = np.linalg.norm(predicted - own, axis=(1, 2)) / np.linalg.norm(own, axis=(1, 2))
        worst = max(worst, float(errors.max()))
    return at_most(worst, _FORWARD, "largest relative difference of a predicted pattern from our own: {}")


def _diffraction(items: Items) -> NDArray[np.float64]:
    """(item, n, n) diffraction amplitudes of the model's own amplitude and phase."""
    amplitude, phase = (items.model[name][:, 0].astype(np.float64) for name in ("amplitude", "phase"))
    field = amplitude * np.exp(1j * phase)
    norm, scale = (items.quiet[name].astype(np.float64).reshape(-1, 1, 1) for name in ("normalization", "scale"))
    intensity = np.zeros(field.shape)
    for mode in np.moveaxis(items.quiet["probe"][:, 0], 1, 0):
        intensity += np.abs(np.fft.fft2(field * mode)) ** 2
    shown: NDArray[np.float64] = np.fft.fftshift(np.sqrt(intensity / norm * scale), axes=(1, 2))
    return shown


def _positive(examination: Examination) -> Judged:
    lowest = min(float(items.model["amplitude"].min()) for items in read_items(examination))
    return Judged(lowest > 0, f"least amplitude {lowest:.3g} (above 0)", lowest)


def _phase(examination: Examination) -> Judged:
    greatest = max(float(np.abs(items.model["phase"]).max()) for items in read_items(examination))
    return at_most(greatest, round(HEAD * math.pi + _FLOAT32, 3), "greatest phase {} rad")


def _inference(examination: Examination) -> Judged:
    ran = examination.inferred
    if not ran.finished:
        return Judged(False, ran.trouble)
    for pair, patches in _patches(examination):
        if patches.shape != (len(pair.dp), N, N):
            return Judged(False, f"patches of {pair.paths.name} are {patches.shape}, not {len(pair.dp)} × {N} × {N}")
        if not np.isfinite(patches).all():
            return Judged(False, f"patches of {pair.paths.name} hold values that are not finite")
    count = sum(len(pair.dp) for pair in examination.data.pairs)
    return Judged(True, f"{count} patches of {N} × {N}, all finite", count)


def _patches(examination: Examination) -> Iterator[tuple[GeneratedPair, NDArray[np.complex64]]]:
    """Every pair with the patches that inference wrote for it."""
    for pair in examination.data.pairs:
        with h5py.File(examination.inferred.folder / f"{pair.paths.name}_patches.h5") as file:
            yield pair, file["patches"][()]


def _bound(examination: Examination) -> Judged:
    with TorchSource(examination.require_weights(), "pth") as source:
        if "log_scale_amp" not in source.describe().members:
            raise NotTestableError("the weights hold no log_scale_amp")
        half = HEAD * math.exp(float(source.read("log_scale_amp")))
    amplitudes = [np.abs(patches) for _, patches in _patches(examination)]
    spread = float(max(a.max() for a in amplitudes) - min(a.min() for a in amplitudes))
    return at_most(spread, round(2 * half + _FLOAT32, 3), "greatest minus least amplitude {}")


PROMISES = (
    Promise(
        "model-outputs",
        "the model",
        "The model answers with diffraction amplitude, amplitude and phase of every pattern.",
        "forward(x, probe_as_real (B, OPR, M, 256, 256, 2), norm, scale) gives three (B, 1, 256, 256).",
        "run",
        "Shapes and finite values, for every item, with the weights that the checkout begins with.",
        _outputs,
        ("item-shapes",),
    ),
    Promise(
        "forward-model",
        "the model",
        "The predicted diffraction follows from the predicted amplitude and phase by the forward model.",
        "I = Σ_modes |fftshift(fft2(patch · probe))|², FFT un-normalised, compared as sqrt(I / normalization · scale).",
        "run",
        f"Against the same sum computed by us from the model's own answer, relative error at most {_FORWARD:g}.",
        _forward,
        ("model-outputs",),
    ),
    Promise(
        "amplitude-positive",
        "the model",
        "Predicted amplitudes are positive.",
        "amplitude = a·exp(log_scale_amp) + offset with |a| < 1.7159; scale and offset differ between commits, and "
        "leave 0.932 … 1.018 in February 2026.",
        "run",
        "Least amplitude of all items.",
        _positive,
        ("model-outputs",),
    ),
    Promise(
        "phase-range",
        "the model",
        "Predicted phases are bounded.",
        f"phase = a·π with |a| < {HEAD}: ±5.39 rad, more than one turn.",
        "run",
        "Greatest absolute phase of all items.",
        _phase,
        ("model-outputs",),
    ),
    Promise(
        "inference",
        "the model",
        "Trained weights load into a model that is built from the run's config, and predict every pattern.",
        "A state dict holds no architecture: section `model` of the run's config.yaml must rebuild it.",
        "run",
        "The bridge's inference over three pairs: number and shape of the patches, finite values.",
        _inference,
        ("item-shapes", "trains", "weight-families"),
    ),
    Promise(
        "amplitude-range",
        "the model",
        "Predicted amplitudes lie within the range that the checkpoint states.",
        "amplitude = a·exp(log_scale_amp) + offset, |a| < 1.7159: the scale is in the checkpoint, the offset is not.",
        "run",
        "Greatest minus least amplitude of the inference against 2 · 1.7159 · exp(log_scale_amp).",
        _bound,
        # A model may move its answer towards the pattern; what it makes of a wrong one says nothing of its heads.
        ("inference", "intensity", "zero-frequency", "probe-row"),
    ),
)
