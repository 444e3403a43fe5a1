"""Ptychodus 1.7.0 opens what we write and puts it on the same pixels; we read what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ReadOptions, convert, read
from ptycho_adapters.scan import centres_px

pytestmark = pytest.mark.usefixtures("ptychodus")

TRUSTED = ReadOptions(order="as-stored")
PIXEL_M = (4.0e-8, 6.0e-8)


def placed_by_ptychodus(product: Any) -> NDArray[np.float64]:
    """(scan, 2) object pixels (y, x) of the patch centres, by its own geometry."""
    geometry = product.object_.get_geometry()
    positions = product.probe_positions
    y = geometry.map_probe_positions_to_object_y_px(positions)
    x = geometry.map_probe_positions_to_object_x_px(positions)
    return np.column_stack([y, x])


@pytest.fixture
def source(shared: Path) -> Path:
    return shared / "pairs" / "s64_dp.hdf5"


def assert_same_as_scan(product: Any, source: Path) -> None:
    with read(source) as loaded:
        scan = loaded.scans[0]
        np.testing.assert_allclose(placed_by_ptychodus(product), centres_px(scan), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(product.object_.get_array(), scan["object"])
        np.testing.assert_array_equal(product.probes.get_array()[0], scan["probe"])
        np.testing.assert_array_equal(product.probe_positions.get_indexes(), scan["frame_index"])
        assert product.metadata.photon_energy_eV == scan.attrs["photon_energy_eV"]
        assert product.metadata.detector_distance_m == scan.attrs["detector_object_distance_m"]


def test_our_product_lies_on_the_same_pixels(source: Path, tmp_path: Path) -> None:
    from ptychodus.api.io import load_product

    done = convert(source, tmp_path, "ptychodus-product")
    assert_same_as_scan(load_product(done.files[0]["product"]), source)


def test_our_pair_is_a_product_on_the_same_pixels(source: Path, tmp_path: Path) -> None:
    from ptychodus.api.io import load_product

    done = convert(source, tmp_path, "ptychovit-pair", name="ours")
    assert_same_as_scan(load_product(done.files[0]["para"]), source)


def test_our_product_and_diffraction_join_to_a_whole_scan(source: Path, tmp_path: Path) -> None:
    from ptychodus.api.io import load_diffraction_data, load_product
    from ptychodus.api.reconstruct import prepare_reconstruct_input

    product = load_product(convert(source, tmp_path, "ptychodus-product").files[0]["product"])
    data = load_diffraction_data(convert(source, tmp_path, "ptychodus-diffraction").files[0]["diffraction"])
    whole = prepare_reconstruct_input(data, product)
    with read(source) as loaded:
        np.testing.assert_array_equal(whole.diffraction_patterns, loaded.scans[0]["intensity"])
        assert len(whole.product.probe_positions) == loaded.scans[0].sizes["scan"]
    assert data.get_pixel_geometry().width_m == pytest.approx(75e-6, rel=1e-6)
    assert not data.get_bad_pixels().any()


def ptychodus_product(size: tuple[int, int], layers: int, opr: int) -> Any:
    """A product of its own classes: unequal pixels, an object centre that is not 0, gaps in the frame numbers."""
    from ptychodus.api.geometry import PixelGeometry
    from ptychodus.api.object import Object, ObjectCenter
    from ptychodus.api.probe import ProbeSequence
    from ptychodus.api.probe_positions import ProbePosition, ProbePositionSequence
    from ptychodus.api.product import LossValue, Product, ProductMetadata

    rng = np.random.default_rng(1)

    def field(*shape: int) -> NDArray[Any]:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)

    pixel = PixelGeometry(width_m=PIXEL_M[1], height_m=PIXEL_M[0])
    centre = ObjectCenter(x_m=3.25e-6, y_m=-1.5e-6)
    places = rng.uniform(-1e-6, 1e-6, (7, 2)) + np.array([centre.x_m, centre.y_m])
    points = [ProbePosition(3 * k + 1, x, y) for k, (x, y) in enumerate(places)]
    return Product(
        metadata=ProductMetadata("n", "c", 2.5, 9000.0, 1e6, 0.2, 0.0, 0.0),
        probe_positions=ProbePositionSequence(points),
        probes=ProbeSequence(field(opr, 2, 8, 8), rng.normal(size=(7, opr)) if opr > 1 else None, pixel),
        object_=Object(field(layers, *size), pixel, centre, [1e-6] * (layers - 1)),
        losses=[LossValue(0, 1.0)],
    )


@pytest.mark.parametrize("size", [(40, 51), (41, 50)])
@pytest.mark.parametrize(("layers", "opr"), [(1, 1), (3, 2)])
def test_its_product_is_read_on_the_same_pixels(size: tuple[int, int], layers: int, opr: int, tmp_path: Path) -> None:
    from ptychodus.api.io import load_product, save_product

    theirs = ptychodus_product(size, layers, opr)
    save_product(tmp_path / "theirs.h5", theirs)
    with read(tmp_path / "theirs.h5") as loaded:
        scan = loaded.scans[0]
        np.testing.assert_allclose(centres_px(scan), placed_by_ptychodus(theirs), rtol=0, atol=1e-9)
        np.testing.assert_array_equal(scan["object"], theirs.object_.get_array())
        np.testing.assert_array_equal(scan["probe"], theirs.probes.get_array()[0])
        np.testing.assert_array_equal(scan["frame_index"], theirs.probe_positions.get_indexes())
        assert loaded.decisions["frame"]["method"] == "by version"
        assert any("OPR rows" in text for text in loaded.dropped) == (opr > 1)
    back = load_product(convert(tmp_path / "theirs.h5", tmp_path, "ptychodus-product", name="ours").files[0]["product"])
    np.testing.assert_allclose(placed_by_ptychodus(back), placed_by_ptychodus(theirs), rtol=0, atol=1e-9)
    assert list(back.object_.layer_spacing_m) == [1e-6] * (layers - 1)


def reconstruct_input(source: Path, folder: Path) -> Any:
    """What Ptychodus hands to its exporters, with three bad pixels."""
    from ptychodus.api.io import load_diffraction_data, load_product
    from ptychodus.api.reconstruct import prepare_reconstruct_input

    product = load_product(source.with_name("s64_para.hdf5"))
    data = load_diffraction_data(convert(source, folder, "ptychodus-diffraction").files[0]["diffraction"])
    data.get_bad_pixels()[[3, 50, 51], [4, 40, 40]] = True
    return prepare_reconstruct_input(data, product)


def test_its_training_file_is_read_and_proven(source: Path, tmp_path: Path) -> None:
    from ptychodus.api.io import save_training_data

    whole = reconstruct_input(source, tmp_path)
    save_training_data(tmp_path / "training.h5", whole)
    done = convert(tmp_path / "training.h5", tmp_path / "out", "ptychovit-pair")
    assert done.manifest.source_contract == "ptychodus-training"
    assert done.manifest.decisions["physics"]["method"] == "stated by the file, proven"
    with read(source) as mine, read(tmp_path / "training.h5", TRUSTED) as theirs:
        np.testing.assert_allclose(centres_px(theirs.scans[0]), centres_px(mine.scans[0]), rtol=0, atol=1e-6)
        assert int(theirs.scans[0]["bad_pixels"].sum()) == 3


def test_its_ptychopinn_export_is_read_as_intensities(source: Path, tmp_path: Path) -> None:
    from ptychodus.api.io import save_ptychopinn_training_data

    save_ptychopinn_training_data(tmp_path / "pinn.npz", reconstruct_input(source, tmp_path))
    with read(source) as mine, read(tmp_path / "pinn.npz") as theirs:
        assert theirs.decisions["reading"]["values"] == "intensity"
        np.testing.assert_allclose(centres_px(theirs.scans[0]), centres_px(mine.scans[0]), rtol=0, atol=1e-6)
        assert int(theirs.scans[0]["bad_pixels"].sum()) == 3
