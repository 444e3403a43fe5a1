"""cdtools 0.3.2 and Ptychodus 1.7.0 open the CXI files that we write; we read theirs as they do."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from ptycho_adapters import ReadOptions, convert, read
from ptycho_adapters.scan import centres_px

NEAR = ReadOptions(propagation="near-field", pixel_size_m=1.787e-7)


def written(source: Path, folder: Path, options: ReadOptions | None = None) -> tuple[Path, xr.Dataset]:
    """Our CXI file of a source, and the Scan that it was made of."""
    done = convert(source, folder, "cxi", name="ours", options=options)
    with read(source, options) as loaded:
        return done.files[0]["cxi"], loaded.scans[0].load()


def pixels_by_cdtools(cdtools: Any, dataset: Any, near: bool) -> NDArray[np.float64]:
    """(scan, 2) pixels (row, column) from any origin, by its own geometry."""
    torch, tools = importlib.import_module("torch"), cdtools.tools
    geometry = dataset.detector_geometry
    basis = torch.as_tensor(np.asarray(geometry["basis"], np.float32))
    if not near:
        basis = tools.initializers.exit_wave_geometry(
            basis, dataset.patterns.shape[1:], float(dataset.wavelength), float(geometry["distance"])
        )
    pixels = tools.interactions.translations_to_pixel(basis, dataset.translations)
    return np.asarray(pixels.numpy(), np.float64)


def from_first(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = pixels - pixels[0]
    return moved


def test_cdtools_opens_our_file_and_puts_it_on_the_same_pixels(cdtools: Any, shared: Path, tmp_path: Path) -> None:
    path, scan = written(shared / "pairs" / "s64_dp.hdf5", tmp_path)
    dataset = cdtools.datasets.Ptycho2DDataset.from_cxi(path)
    np.testing.assert_array_equal(dataset.patterns.numpy(), scan["intensity"])
    pixels = pixels_by_cdtools(cdtools, dataset, near=False)
    np.testing.assert_allclose(from_first(pixels), from_first(centres_px(scan)), rtol=0, atol=2e-4)
    assert float(dataset.wavelength) == pytest.approx(1.239841984e-6 / scan.attrs["photon_energy_eV"], rel=1e-6)
    assert float(dataset.detector_geometry["distance"]) == scan.attrs["detector_object_distance_m"]
    assert bool(dataset.mask.all())


def test_cdtools_sees_mask_and_geometry_of_a_near_field(cdtools: Any, shared: Path, tmp_path: Path) -> None:
    """The file that cdtools itself ships, through our Scan and back."""
    source = shared / "cxi" / "petra3_p25_near_field.cxi"
    path, scan = written(source, tmp_path, NEAR)
    ours, theirs = (cdtools.datasets.Ptycho2DDataset.from_cxi(p) for p in (path, source))
    assert int((~ours.mask).sum()) == int((~theirs.mask).sum()) == int(scan["bad_pixels"].sum())
    np.testing.assert_array_equal(ours.mask, theirs.mask)
    np.testing.assert_array_equal(ours.patterns, theirs.patterns)
    np.testing.assert_allclose(ours.detector_geometry["basis"], theirs.detector_geometry["basis"], rtol=1e-6)
    moved = [np.diff(d.translations.numpy(), axis=0) for d in (ours, theirs)]
    np.testing.assert_allclose(*moved, rtol=0, atol=1e-11)


def test_what_cdtools_writes_again_is_the_same_scan(cdtools: Any, shared: Path, tmp_path: Path) -> None:
    path, scan = written(shared / "pairs" / "s64_dp.hdf5", tmp_path)
    cdtools.datasets.Ptycho2DDataset.from_cxi(path).to_cxi(str(tmp_path / "theirs.cxi"))
    with read(tmp_path / "theirs.cxi") as loaded:
        again = loaded.scans[0]
        np.testing.assert_array_equal(again["intensity"], scan["intensity"])
        np.testing.assert_allclose(from_first(centres_px(again)), from_first(centres_px(scan)), rtol=0, atol=1e-4)
        assert again.attrs["pixel_size_y_m"] == pytest.approx(scan.attrs["pixel_size_y_m"], rel=1e-6)


@pytest.mark.usefixtures("ptychodus")
def test_ptychodus_opens_our_file_as_product_and_as_diffraction(shared: Path, tmp_path: Path) -> None:
    plugin = importlib.import_module("ptychodus.plugins.cxi_file")
    path, scan = written(shared / "pairs" / "s64_dp.hdf5", tmp_path)
    product = plugin.CXIProductFileIO().read(path)
    geometry = product.object_.get_geometry()
    y = geometry.map_probe_positions_to_object_y_px(product.probe_positions)
    x = geometry.map_probe_positions_to_object_x_px(product.probe_positions)
    np.testing.assert_allclose(np.column_stack([y, x]), centres_px(scan), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(product.object_.get_array(), scan["object"])
    np.testing.assert_array_equal(product.probes.get_array()[0], scan["probe"])
    assert product.metadata.photon_energy_eV == pytest.approx(scan.attrs["photon_energy_eV"], rel=1e-9)
    dataset = plugin.CXIDiffractionFileReader().read(path)
    np.testing.assert_array_equal(dataset[0].get_patterns(), scan["intensity"])
    metadata = dataset.get_metadata()
    assert metadata.detector_distance_m == scan.attrs["detector_object_distance_m"]
    assert metadata.detector_pixel_geometry.width_m == pytest.approx(75e-6, rel=1e-6)
    np.testing.assert_array_equal(dataset[0].get_indexes(), product.probe_positions.get_indexes())


@pytest.mark.usefixtures("ptychodus")
def test_ptychodus_sees_our_bad_pixels(shared: Path, tmp_path: Path) -> None:
    plugin = importlib.import_module("ptychodus.plugins.cxi_file")
    path, scan = written(shared / "cxi" / "petra3_p25_near_field.cxi", tmp_path, NEAR)
    dataset = plugin.CXIDiffractionFileReader().read(path)
    np.testing.assert_array_equal(dataset.get_bad_pixels(), scan["bad_pixels"])
    np.testing.assert_array_equal(dataset[0].get_patterns(), scan["intensity"])
