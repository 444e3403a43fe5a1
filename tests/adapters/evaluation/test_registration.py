"""Placing an array without an origin."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters.evaluation.errors import EvaluationError
from ptycho_adapters.evaluation.reconstruction import Reconstruction
from ptycho_adapters.evaluation.registration import register_origin

LineObject = Callable[..., NDArray[np.complex128]]


@pytest.fixture
def truth(lines: LineObject) -> Reconstruction:
    return Reconstruction(lines(), (100.0, 50.0))


@pytest.mark.parametrize("corner", [(0, 0), (7, 13), (16, 16)])
def test_a_crop_is_found_with_certainty(truth: Reconstruction, corner: tuple[int, int]) -> None:
    y, x = corner
    found = register_origin(Reconstruction(truth.field[y : y + 240, x : x + 240]), truth)
    assert found.origin_px == pytest.approx((100 + y, 50 + x), abs=0.05)
    assert found.correlation == pytest.approx(1, abs=1e-6)
    assert found.sureness > 0.1


def test_gauge_and_noise_do_not_mislead(truth: Reconstruction) -> None:
    y, x = np.indices((200, 210))
    rng = np.random.default_rng(0)
    crop = truth.field[21:221, 9:219] * (0.3 - 2j) * np.exp(1j * (0.3 * y - 0.5 * x))
    noisy = crop + 0.3 * (rng.normal(size=crop.shape) + 1j * rng.normal(size=crop.shape))
    found = register_origin(Reconstruction(noisy), truth)
    assert found.origin_px == pytest.approx((121, 59), abs=0.25)
    assert found.sureness > 0.1


def test_an_array_reaching_beyond_the_truth_is_found(lines: LineObject) -> None:
    whole = lines((300, 300))
    occupancy = np.ones((240, 240))
    occupancy[:, :20] = 0
    field = np.where(occupancy > 0, whole[:240, :240], 99)
    found = register_origin(Reconstruction(field, None, occupancy), Reconstruction(whole[40:280, 10:250]))
    assert found.origin_px == pytest.approx((-40, -10), abs=0.1)


def test_phase_objects_and_amplitude_objects(truth: Reconstruction) -> None:
    for known in (np.exp(1j * np.angle(truth.field)), np.abs(truth.field).astype(complex)):
        found = register_origin(Reconstruction(known[12:200, 30:230]), Reconstruction(known))
        assert found.origin_px == pytest.approx((12, 30), abs=0.05)


def test_noise_is_not_sure(truth: Reconstruction) -> None:
    noise = np.random.default_rng(0).normal(size=(2, 200, 200))
    found = register_origin(Reconstruction(5 + noise[0] + 1j * noise[1]), truth)
    assert found.correlation < 0.05


def test_no_structure_is_refused(truth: Reconstruction) -> None:
    with pytest.raises(EvaluationError, match="without structure"):
        register_origin(Reconstruction(np.full((99, 99), 2 - 1j)), truth)
    with pytest.raises(EvaluationError, match="too few"):
        register_origin(Reconstruction(np.ones((1, 1), complex)), truth)
