"""pty-chi 2.2.0 reconstructs from our pair, and its object lies where the frames say that it will."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import convert
from ptycho_contracts.physics.frames import PTYCHI_2_1, PTYCHOVIT

EPOCHS = 15


def reconstruct(api: Any, dp: Path, para: Path) -> NDArray[np.complex64]:
    """LSQML with the stored probe as it is, from a flat object; positions as users load them: metres over pixel."""
    import torch
    from ptychi.api.task import PtychographyTask

    torch.manual_seed(0)
    options = api.LSQMLOptions()
    options.probe_options.optimizable = False
    options.object_options.remove_object_probe_ambiguity.enabled = False
    options.reconstructor_options.rescale_probe_intensity_in_first_epoch = False
    options.reconstructor_options.num_epochs = EPOCHS
    options.reconstructor_options.batch_size = 48
    options.reconstructor_options.default_device = api.Devices.CPU
    with h5py.File(dp) as patterns, h5py.File(para) as file:
        pixel = float(file["object"].attrs["pixel_height_m"])
        options.object_options.pixel_size_m = pixel
        data = {
            "diffraction_data": patterns["dp"][()],
            "object_data": np.ones(file["object"].shape, np.complex64),
            "probe_data": file["probe"][()],
            "probe_position_x_px": file["probe_position_x_m"][()] / pixel,
            "probe_position_y_px": file["probe_position_y_m"][()] / pixel,
        }
    with PtychographyTask(options, **data) as task:
        task.run()
        found: NDArray[np.complex64] = task.get_data_to_cpu("object", as_numpy=True)[0]
    return found


def shift_px(stored: NDArray[Any], found: NDArray[Any]) -> NDArray[np.float64]:
    """How far (y, x) what was found lies from what is stored, by their middle, where every pixel was lit often."""
    from skimage.registration import phase_cross_correlation

    inner = (slice(40, -40), slice(40, -40))
    window = np.outer(*(np.hanning(size - 80) for size in stored.shape))
    middle = [(image[inner] - image[inner].mean()) * window for image in (stored, found)]
    back, _, _ = phase_cross_correlation(*middle, upsample_factor=100, normalization=None)
    return -np.asarray(back, np.float64)


def test_the_object_lies_at_the_predicted_index(ptychi: Any, shared: Path, tmp_path: Path) -> None:
    files = convert(shared / "pairs" / "s64_dp.hdf5", tmp_path, "ptychovit-pair", name="ours").files[0]
    found = reconstruct(ptychi, files["dp"], files["para"])
    with h5py.File(files["para"]) as file:
        stored = file["object"][0]
    predicted = [PTYCHI_2_1.origin_px(size) - PTYCHOVIT.origin_px(size) for size in stored.shape]
    assert predicted == [-1.0, -1.0]
    np.testing.assert_allclose(shift_px(stored, found), predicted, atol=0.1)
    a, b = stored[40:-40, 40:-40].ravel(), found[39:-41, 39:-41].ravel()
    assert abs(np.vdot(a, b)) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real) > 0.99
    # The probe is taken as it is stored, so its scale is right for pty-chi too.
    assert np.abs(b).mean() == pytest.approx(np.abs(a).mean(), rel=0.01)
