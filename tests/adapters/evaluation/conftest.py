"""Objects to evaluate: soft lines whose every shift is exact, and the real ones beside the checkout."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

SHARED = Path(__file__).parents[4] / "shared" / "data"
LineObject = Callable[..., NDArray[np.complex128]]


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of real sample files is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def lines() -> LineObject:
    """Draw crossing soft lines, amplitude 0.9 … 5 and phase up to 0.9 rad, at any sub-pixel displacement."""

    @cache
    def draw(
        shape: tuple[int, int] = (256, 256),
        shift: tuple[float, float] = (0.0, 0.0),
        amplitude_step: float = 1.0,
        seed: int = 1,
    ) -> NDArray[np.complex128]:
        rng = np.random.default_rng(seed)
        y, x = np.indices(shape, dtype=np.float64) - np.reshape(shift, (2, 1, 1))
        density = np.zeros(shape)
        for _ in range(24):
            angle, offset, half_width = rng.uniform(0, np.pi), rng.uniform(-90, 90), rng.uniform(2, 6)
            distance = (y - 128) * np.sin(angle) + (x - 128) * np.cos(angle) - offset
            density += np.tanh((distance + half_width) / 1.5) - np.tanh((distance - half_width) / 1.5)
        field = (0.9 + amplitude_step * 0.5 * density) * np.exp(1j * 0.11 * density)
        field.flags.writeable = False
        return np.asarray(field, dtype=np.complex128)

    return draw


@pytest.fixture(scope="session")
def real_lines(shared: Path) -> NDArray[np.complex64]:
    """PtychoPINN's own line object, (360, 360)."""
    with np.load(shared / "ptychopinn" / "grid_lines_N256_test.npz") as archive:
        return np.asarray(archive["YY_full"][0, :, :, 0])
