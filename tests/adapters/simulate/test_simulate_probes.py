import numpy as np
import pytest

from ptycho_adapters.simulate.probes import ZonePlate, zone_plate_probe

SIZES = (64, 128, 256)


@pytest.mark.parametrize("N", SIZES)
def test_far_field_is_a_ring_around_n_over_2(N: int) -> None:
    probe = zone_plate_probe(N)
    far = np.abs(np.fft.fftshift(np.fft.fft2(probe))) ** 2
    zoom = 256 / N
    y, x = np.indices(far.shape) - N // 2
    radius = zoom * np.hypot(y, x)
    assert far[radius < 18].sum() < 0.01 * far.sum()
    assert far[radius > 75].sum() < 0.01 * far.sum()
    centre = [(np.arange(N) @ far.sum(axis)).item() / far.sum() for axis in (1, 0)]
    np.testing.assert_allclose(centre, N / 2, atol=0.01)


@pytest.mark.parametrize("N", SIZES)
def test_light_falls_into_the_central_half_and_is_centred(N: int) -> None:
    light = np.abs(zone_plate_probe(N)) ** 2
    half = light[N // 4 : -N // 4, N // 4 : -N // 4]
    assert half.sum() > 0.97 * light.sum()
    centre = [(np.arange(N) @ light.sum(axis)).item() / light.sum() for axis in (1, 0)]
    np.testing.assert_allclose(centre, (N - 1) / 2, atol=0.2)


def test_probe_is_complex64_normalised_and_deterministic() -> None:
    probe = zone_plate_probe(64)
    assert probe.dtype == np.complex64
    assert np.abs(probe).max() == pytest.approx(1.0)
    np.testing.assert_array_equal(probe, zone_plate_probe(64))


def test_probe_is_not_its_own_mirror_or_transpose() -> None:
    probe = np.abs(zone_plate_probe(128))
    norm = np.linalg.norm(probe)
    for other in (probe.T, probe[::-1], probe[:, ::-1], probe[::-1, ::-1]):
        assert np.linalg.norm(probe - other) > 0.05 * norm


def test_defocus_spreads_the_light() -> None:
    near = zone_plate_probe(256, ZonePlate(spot_radius_px=10.0))
    far = zone_plate_probe(256, ZonePlate(spot_radius_px=40.0))
    y, x = np.indices(near.shape) - 127.5
    radius = np.hypot(y, x)
    spread = [float((radius * np.abs(p) ** 2).sum() / (np.abs(p) ** 2).sum()) for p in (near, far)]
    assert spread[1] > 1.5 * spread[0]


def test_probe_looks_like_the_real_one() -> None:
    """The real probe (see the data folder's README) has half of its power inside 20 px, 92 % inside 30."""
    light = np.abs(zone_plate_probe(256)) ** 2
    y, x = np.indices(light.shape) - 127.5
    radius = np.hypot(y, x)
    inside = [light[radius < limit].sum() / light.sum() for limit in (10, 20, 30)]
    assert 0.03 < inside[0] < 0.2
    assert 0.4 < inside[1] < 0.8
    assert inside[2] > 0.9


@pytest.mark.parametrize("N", [0, 15, 63])
def test_unusable_size_is_refused(N: int) -> None:
    with pytest.raises(ValueError, match="N must be even and at least 16"):
        zone_plate_probe(N)


@pytest.mark.parametrize(
    ("radii", "message"),
    [
        ({"stop_radius_px": 80.0}, "must be smaller than the pupil"),
        ({"edge_px": 0.0}, "must be positive"),
        ({"falloff_px": -1.0}, "must be positive"),
    ],
)
def test_impossible_optics_are_refused(radii: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZonePlate(**radii)
