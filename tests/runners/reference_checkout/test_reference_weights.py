"""The shipped weights: whole, loadable, and good on objects and seeds that they were not trained on."""

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from ptycho_adapters.simulate.grid_lines import GridLinesSettings, simulate_grid_lines

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

SETTINGS = GridLinesSettings(N=256, size=360, step_px=20, seed=20)


@pytest.fixture(scope="module")
def trained(checkout: SimpleNamespace) -> Any:
    folder = checkout.root / "weights"
    model = checkout.model.PtychoViT(yaml.safe_load((folder / "config.yaml").read_text())["model"])
    model.load_state_dict(torch.load(folder / "best_model.pth", weights_only=True), strict=True)
    return model.eval()


def test_manifest_describes_the_file(checkout: SimpleNamespace, trained: Any) -> None:
    folder = checkout.root / "weights"
    manifest = json.loads((folder / "manifest.json").read_text())
    content = (folder / "best_model.pth").read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"]["best_model.pth"]
    assert len(content) <= 8 * 1024**2
    assert sum(parameter.numel() for parameter in trained.parameters()) == manifest["parameters"]
    # Simulated files have seeds below 2³²: another entropy, hence other streams.
    assert manifest["root_seed"] >= 2**64


def test_stitched_reconstruction_of_a_fresh_object(trained: Any) -> None:
    """Patches averaged over their central 64 px, as the real project places them."""
    split = simulate_grid_lines(SETTINGS).test
    truth, probe, starts = in_gauge(split)
    x = torch.from_numpy(np.moveaxis(split["diffraction"], -1, 1).copy())
    probe_as_real = torch.view_as_real(torch.from_numpy(probe)).expand(12, 1, 1, 256, 256, 2)
    one = torch.ones(1)
    with torch.no_grad():
        parts = [trained(x[k : k + 12], probe_as_real, one, one)[1:] for k in range(0, len(x), 12)]
    patches = torch.cat([amplitude * torch.exp(1j * phase) for amplitude, phase in parts])[:, 0].numpy()
    stitched, occupancy = np.zeros(truth.shape, complex), np.zeros(truth.shape)
    for patch, (y, x0) in zip(patches, starts, strict=True):
        place = (slice(y + 96, y + 160), slice(x0 + 96, x0 + 160))
        stitched[place] += patch[96:160, 96:160]
        occupancy[place] += 1
    covered = occupancy > 0
    stitched[covered] /= occupancy[covered]
    for part in (np.abs, np.angle):
        assert np.corrcoef(part(stitched[covered]), part(truth[covered]))[0, 1] > 0.94


def in_gauge(split: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Object with a median of 1, the probe scaled to the patterns' energy, and the patches' corners."""
    field = split["YY_full"][0, ..., 0]
    field = field / np.median(np.abs(field))
    starts = (split["coords_offsets"][:, 0, :, 0] - 127.5).astype(int)
    probe = split["probe_simulated"]
    energy = sum(np.sum(np.abs(field[y : y + 256, x : x + 256] * probe) ** 2) for y, x in starts)
    measured = np.sum(split["diffraction"].astype(np.float64) ** 2)
    return field, (probe * np.sqrt(measured / (256**2 * energy))).astype(np.complex64), starts
