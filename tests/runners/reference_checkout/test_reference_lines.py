from types import SimpleNamespace

import numpy as np
import pytest

from ptycho_adapters.simulate.objects import random_lines_object
from ptycho_adapters.simulate.probes import zone_plate_probe


def test_default_probe_is_the_simulators(checkout: SimpleNamespace) -> None:
    """The checkout may not import the simulator, so it has the formula again: the two must agree."""
    ours = checkout.lines.zone_plate(256, checkout.lines.DEFAULT_PROBE).numpy()
    simulated = zone_plate_probe(256)
    np.testing.assert_allclose(ours / np.abs(ours).max(), simulated, atol=1e-5)


def test_objects_are_in_the_pairs_gauge_and_like_the_simulators(checkout: SimpleNamespace) -> None:
    ours = np.stack([checkout.lines.random_object(200, np.random.default_rng(seed)) for seed in range(6)])
    np.testing.assert_allclose(np.median(np.abs(ours), axis=(1, 2)), 1.0, atol=1e-3)
    simulated = np.stack([random_lines_object(200, np.random.default_rng(seed)) for seed in range(6)])
    simulated /= np.median(np.abs(simulated))
    levels = [0.05, 0.5, 0.95]
    for part in (np.abs, np.angle):
        np.testing.assert_allclose(np.quantile(part(ours), levels), np.quantile(part(simulated), levels), atol=0.2)


def test_probes_of_the_family_differ_and_have_unit_energy(checkout: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    probes = [checkout.lines.random_zone_plate(256, rng).numpy() for _ in range(6)]
    np.testing.assert_allclose([np.linalg.norm(probe) for probe in probes], 1.0, rtol=1e-4)
    default = checkout.lines.zone_plate(256, checkout.lines.DEFAULT_PROBE).numpy()
    assert sum(np.abs(np.vdot(probe, default)) < 0.9 for probe in probes) >= 3


def test_same_seed_same_batches(checkout: SimpleNamespace) -> None:
    worlds = [checkout.lines.LineWorld(np.random.default_rng(1), stock=1) for _ in range(2)]
    draws = []
    for world in worlds:
        world.renew()
        draws.append(world.draw())
    for one, two in zip(*draws, strict=True):
        np.testing.assert_array_equal(one, two)


def test_given_probes_are_kept(checkout: SimpleNamespace) -> None:
    torch = pytest.importorskip("torch")
    probe = torch.ones(2, 256, 256, dtype=torch.complex64)
    world = checkout.lines.LineWorld(np.random.default_rng(1), [probe], stock=1)
    world.renew()
    patch, drawn = world.draw()
    assert drawn is probe
    assert (patch.shape, patch.dtype) == ((256, 256), torch.complex64)
