"""Profile `standard`: published definitions on aligned fields, amplitude and phase each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ptycho_adapters.evaluation.arrays import ComplexArray, Mask, RealArray
from ptycho_adapters.evaluation.errors import EvaluationError, ImageTooSmallError
from ptycho_adapters.evaluation.metrics.frc import crossing, ring_correlation
from ptycho_adapters.evaluation.metrics.result import Channel, MetricTable
from ptycho_adapters.evaluation.metrics.similarity import ms_ssim, ssim

FRC_THRESHOLDS = {"frc50": 1 / 2, "frc1over7": 1 / 7}
NYQUIST = 0.5
# Relative rounding of single precision with a margin: an image that varies less is flat.
FLAT = 1e-6
# Relative rounding of our own double precision: images that differ by less are equal.
EQUAL = 1e-12
_FLAT_TRUTH = "the truth is flat in the compared region"
_FLAT_RECON = "the reconstruction is flat in the compared region"


@dataclass(frozen=True, slots=True, eq=False)
class _Images:
    """One channel of both fields, real (h, w), on the common valid pixels.

    `unit` is what the channel's rounding is relative to: the truth's RMS amplitude, or 1 rad.
    """

    channel: Channel
    recon: RealArray
    truth: RealArray
    valid: Mask
    unit: float

    @property
    def data_range(self) -> float:
        """The truth's maximum less its minimum."""
        return float(np.ptp(self.truth[self.valid]))

    def is_flat(self, image: RealArray) -> bool:
        """Whether an image varies by no more than rounding."""
        return bool(image[self.valid].std() <= FLAT * self.unit)


def standard(recon: ComplexArray, truth: ComplexArray, valid: Mask, max_frequency: float = NYQUIST) -> MetricTable:
    """Return mae, mse, psnr, ssim, ms_ssim, pearson, frc50, frc1over7 and frc of amplitude and phase.

    The fields are compared as they are: alignment is the caller's. Phase errors are wrapped differences.
    Where whole phase images are compared, the truth's phase is taken around its circular mean and the
    reconstruction's is the truth's plus the wrapped difference: no wrap is seen where the two agree. frc50
    and frc1over7 are spatial frequencies in cycles/px of the given grid; element r of the curve belongs to
    r/min(h, w) cycles/px.

    Args:
        recon: (h, w), aligned with the truth.
        truth: (h, w).
        valid: (h, w), pixels to compare; what lies in the others has no influence.
        max_frequency: end of the ring correlation, cycles/px; less than Nyquist on a grid that is finer
            than the data.

    Raises:
        EvaluationError: shapes differ, no pixel is valid, or a valid pixel is not finite.
        ImportError: scikit-image is missing.

    """
    _check(recon, truth, valid)
    table = MetricTable()
    for images in (_amplitudes(recon, truth, valid), _phases(recon, truth, valid)):
        _put_errors(table, images)
        _put_similarities(table, images)
        _put_pearson(table, images)
        _put_ring_correlation(table, images, min(max_frequency, NYQUIST))
    return table


def _check(recon: ComplexArray, truth: ComplexArray, valid: Mask) -> None:
    if not recon.shape == truth.shape == valid.shape or recon.ndim != 2:
        raise EvaluationError(
            f"fields and mask are 2-D of one shape, got {recon.shape}, {truth.shape} and {valid.shape}"
        )
    if not valid.any():
        raise EvaluationError("no pixel of the region is covered")
    if not (np.isfinite(recon[valid]).all() and np.isfinite(truth[valid]).all()):
        raise EvaluationError("a covered pixel is not finite")


def _amplitudes(recon: ComplexArray, truth: ComplexArray, valid: Mask) -> _Images:
    amplitude, reference = (np.where(valid, np.abs(field), 0.0) for field in (recon, truth))
    rms = float(np.sqrt(np.mean(reference[valid] ** 2)))
    return _Images("amplitude", amplitude, reference, valid, rms)


def _phases(recon: ComplexArray, truth: ComplexArray, valid: Mask) -> _Images:
    known, field = (np.where(valid, values, 1.0) for values in (truth, recon))
    mean = np.angle(np.sum(np.exp(1j * np.angle(known[valid]))))
    reference = np.where(valid, np.angle(known * np.exp(-1j * mean)), 0.0)
    return _Images("phase", reference + np.angle(field * known.conj()), reference, valid, 1.0)


def _put_errors(table: MetricTable, images: _Images) -> None:
    channel = images.channel
    difference = (images.recon - images.truth)[images.valid]
    mse = float(np.mean(difference**2))
    table.put("mae", channel, float(np.mean(np.abs(difference))))
    table.put("mse", channel, mse)
    if images.is_flat(images.truth):
        table.put("psnr", channel, np.nan, _FLAT_TRUTH)
    elif np.sqrt(mse) <= EQUAL * images.unit:
        table.put("psnr", channel, np.inf, "infinite: the images are equal within rounding")
    else:
        table.put("psnr", channel, float(10 * np.log10(images.data_range**2 / mse)))


def _put_similarities(table: MetricTable, images: _Images) -> None:
    similarity: Callable[[RealArray, RealArray, Mask, float], float]
    for name, similarity in (("ssim", ssim), ("ms_ssim", ms_ssim)):
        value, reason = np.nan, _FLAT_TRUTH
        if not images.is_flat(images.truth):
            try:
                value = similarity(images.recon, images.truth, images.valid, images.data_range)
            except ImageTooSmallError as small:
                reason = str(small)
        table.put(name, images.channel, value, reason)


def _put_pearson(table: MetricTable, images: _Images) -> None:
    recon, truth = images.recon[images.valid], images.truth[images.valid]
    for image, reason in ((images.truth, _FLAT_TRUTH), (images.recon, _FLAT_RECON)):
        if images.is_flat(image):
            table.put("pearson", images.channel, np.nan, reason)
            return
    deviation, reference = recon - recon.mean(), truth - truth.mean()
    covariance = np.mean(deviation * reference)
    table.put("pearson", images.channel, float(covariance / (deviation.std() * reference.std())))


def _put_ring_correlation(table: MetricTable, images: _Images, max_frequency: float) -> None:
    channel, side = images.channel, min(images.truth.shape)
    try:
        curve = ring_correlation(images.recon, images.truth, images.valid, max_frequency, FLAT * images.unit)
    except ImageTooSmallError as small:
        curve, reason = np.full(1, np.nan), str(small)
    else:
        reason = "neither image has structure at these frequencies"
    for name, threshold in FRC_THRESHOLDS.items():
        ring, crossed = crossing(curve, threshold)
        table.put(name, channel, ring / side, reason)
        if np.isfinite(ring) and not crossed:
            table.note(name, channel, "never below the threshold: the last compared frequency")
    table.put_curve("frc", channel, curve.tolist(), reason)
