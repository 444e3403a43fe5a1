"""What the alignment removes, and what it must leave."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ptycho_adapters.evaluation.alignment import Alignment, align
from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.harmonize import Patch, Region, cut
from ptycho_adapters.evaluation.reconstruction import Reconstruction

LineObject = Callable[..., NDArray[np.complex128]]
REGION = Region(20, 30, 120, 110)
Y, X = np.indices((160, 160))
OBJECTS = {
    "lines": lambda f: f,
    "phase only": lambda f: np.exp(1j * np.angle(f)),
    "amplitude only": lambda f: np.abs(f).astype(complex),
}


def tilt(ramp: tuple[float, float], offset: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.complex128]:
    """A phase ramp (rad/px) at the pixels of an array, displaced by an offset."""
    return np.asarray(np.exp(1j * (ramp[0] * (Y + offset[0]) + ramp[1] * (X + offset[1]))))


def aligned(field: NDArray[np.complex128], truth: NDArray[np.complex128], **options: float) -> tuple[Patch, Alignment]:
    known = cut(Reconstruction(truth, (0.0, 0.0)), REGION)
    return align(Reconstruction(field, (0.0, 0.0)), known, REGION, **options)


@pytest.mark.parametrize("kind", OBJECTS)
@settings(max_examples=4, deadline=None)
@given(
    shift=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    ramp=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    modulus=st.floats(0.01, 100),
    phase=st.floats(-np.pi, np.pi),
)
def test_shift_ramp_and_scale_are_recovered_together(
    lines: LineObject,
    kind: str,
    shift: tuple[float, float],
    ramp: tuple[float, float],
    modulus: float,
    phase: float,
) -> None:
    truth = OBJECTS[kind](lines((160, 160)))
    moved = OBJECTS[kind](lines((160, 160), shift=shift))
    patch, record = aligned(modulus * np.exp(1j * phase) * tilt(ramp) * moved, truth)
    assert record.ramp_rad_per_px == pytest.approx(ramp, abs=1e-4)
    assert record.misfit < 1e-5
    assert abs(complex(record.scale_re, record.scale_im)) == pytest.approx(1 / modulus, rel=1e-3)
    if record.shift_removed:
        assert record.shift_px == pytest.approx(shift, abs=0.02)
    else:
        assert np.abs(shift).max() < 0.02
    # The record's formula, with the reconstruction's analytic form put in, is what came back.
    moved_by = record.shift_px
    rest = OBJECTS[kind](lines((160, 160), shift=(shift[0] - moved_by[0], shift[1] - moved_by[1])))
    recon = modulus * np.exp(1j * phase) * tilt(ramp, moved_by) * rest
    centre = -(REGION.y + (REGION.height - 1) / 2), -(REGION.x + (REGION.width - 1) / 2)
    formula = complex(record.scale_re, record.scale_im) * recon / tilt(record.ramp_rad_per_px, centre)
    assert np.abs(patch.field - formula[20:140, 30:140]).max() < 0.02 * np.abs(truth).max()


def test_noise_does_not_shift(lines: LineObject) -> None:
    truth = lines((160, 160))
    noise = np.random.default_rng(3).normal(size=(2, 160, 160))
    _, still = aligned(truth + 0.5 * (noise[0] + 1j * noise[1]), truth)
    assert not still.shift_removed
    _, moved = aligned(lines((160, 160), shift=(1.4, -0.6)) + 0.5 * (noise[0] + 1j * noise[1]), truth)
    assert moved.shift_px == pytest.approx((1.4, -0.6), abs=0.05)


def test_a_conjugate_stays_one(lines: LineObject) -> None:
    truth = lines((160, 160))
    _, record = aligned(truth.conj(), truth)
    assert record.misfit > 0.02
    _, same = aligned(truth, truth)
    assert same.misfit < 1e-20


def test_a_field_without_structure_stays_in_place(lines: LineObject) -> None:
    _, record = aligned(np.full((160, 160), 3 - 2j), lines((160, 160)))
    assert (record.shift_removed, record.shift_px) == (False, (0.0, 0.0))
    assert record.shift_reason == "a translation does not improve the fit"


def test_the_search_is_limited(lines: LineObject) -> None:
    truth, far = lines((160, 160)), lines((160, 160), shift=(2.5, 0.0))
    _, near = aligned(far, truth, max_shift_px=1.0)
    assert not near.shift_removed
    assert near.shift_reason == "the best translation lies outside the search range"
    _, never = aligned(far, truth, max_shift_px=0.0)
    assert never.shift_reason == "not looked for"
    _, found = aligned(far, truth, max_shift_px=3.0)
    assert found.shift_px == pytest.approx((2.5, 0.0), abs=0.01)


def test_uncovered_pixels_have_no_say(lines: LineObject) -> None:
    truth = lines((160, 160))
    field = 2j * lines((160, 160), shift=(0.7, -1.2)) * tilt((0.2, 0.1))
    occupancy = np.ones((160, 160))
    occupancy[40:70, 50:120] = 0
    known = cut(Reconstruction(truth, (0.0, 0.0)), REGION)
    records = [
        align(Reconstruction(np.where(occupancy > 0, field, junk), (0.0, 0.0), occupancy), known, REGION)[1]
        for junk in (0, 1e3)
    ]
    assert records[0] == records[1]
    assert records[0].shift_px == pytest.approx((0.7, -1.2), abs=0.01)
    assert records[0].ramp_rad_per_px == pytest.approx((0.2, 0.1), abs=1e-4)


def test_nothing_to_compare_is_an_error(lines: LineObject) -> None:
    truth = lines((160, 160))
    with pytest.raises(EvaluationError, match="zero in the region"):
        aligned(np.zeros((160, 160), complex), truth)
    known = cut(Reconstruction(truth, (0.0, 0.0)), REGION)
    with pytest.raises(EvaluationError, match="no pixel of the region is covered"):
        align(Reconstruction(truth, (900.0, 900.0)), known, REGION)
