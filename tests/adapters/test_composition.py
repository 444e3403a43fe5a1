"""Parts from several artifacts: joined, verified, and refused where they do not belong together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, ReadOptions, convert
from ptycho_adapters.codec import OptionError
from ptycho_adapters.compose import compose
from ptycho_adapters.needs import Part
from ptycho_adapters.scan import make_scan

Split = dict[str, NDArray[Any]]


@pytest.fixture
def whole(simulated: Callable[..., Split], tmp_path: Path) -> Path:
    """A pair that holds everything."""
    np.savez(tmp_path / "split.npz", **simulated("test"))
    return convert(tmp_path / "split.npz", tmp_path, "ptychovit-pair", name="whole").files[0]["dp"]


@pytest.fixture
def bare(whole: Path, tmp_path: Path) -> Path:
    """The same scan as a RawData file without its object."""
    full = convert(whole, tmp_path, "raw-data-npz", name="full").files[0]["npz"]
    with np.load(full) as members:
        np.savez(tmp_path / "bare.npz", **{k: members[k] for k in members.files if k != "objectGuess"})
    return tmp_path / "bare.npz"


def test_an_object_from_elsewhere_makes_the_pair_whole(whole: Path, bare: Path, tmp_path: Path) -> None:
    options = ReadOptions(values="amplitude")
    with pytest.raises(ConversionError, match="needs an object") as refused:
        convert(bare, tmp_path / "out", "ptychovit-pair", options=options)
    assert refused.value.findings[0].fix == "`--object-from FILE` takes it from another artifact."
    done = convert(bare, tmp_path / "out", "ptychovit-pair", options=options, take={"object": whole})
    evidence = done.manifest.decisions["parts"]
    assert evidence["method"] == "put together by the caller, proven"
    assert done.manifest.options["object_from"] == str(whole)
    assert [record.role for record in done.manifest.source] == ["npz", "object-from:dp", "object-from:para"]
    assert_same_pair(done.files[0]["dp"], whole)


def assert_same_pair(written: Path, whole: Path) -> None:
    import h5py

    with h5py.File(written) as mine, h5py.File(whole) as theirs:
        np.testing.assert_allclose(mine["dp"][()], theirs["dp"][()], rtol=1e-6)
    paras = [str(path).replace("_dp", "_para") for path in (written, whole)]
    with h5py.File(paras[0]) as mine, h5py.File(paras[1]) as theirs:
        for member in ("object", "probe", "probe_position_y_m", "probe_position_x_m"):
            np.testing.assert_allclose(mine[member][()], theirs[member][()], rtol=1e-5, atol=1e-7)


def test_parts_that_contradict_each_other_are_refused(whole: Path, bare: Path, tmp_path: Path) -> None:
    with np.load(bare) as members:
        wrong = dict(members) | {"xcoords": members["ycoords"], "ycoords": members["xcoords"]}
    np.savez(tmp_path / "swapped.npz", **wrong)
    options = ReadOptions(values="amplitude")
    take: dict[Part, Path | str] = {"object": whole, "positions": tmp_path / "swapped.npz"}
    with pytest.raises(ConversionError) as refused:
        convert(bare, tmp_path / "out", "ptychovit-pair", options=options, take=take)
    assert {f.code for f in refused.value.findings} & {"PTY312", "PTY316"}


def test_an_object_whose_positions_are_others_is_refused(whole: Path, bare: Path, tmp_path: Path) -> None:
    with np.load(bare) as members:
        wrong = dict(members) | {"xcoords": members["ycoords"][::-1], "ycoords": members["xcoords"]}
    np.savez(tmp_path / "wrong.npz", **wrong)
    options = ReadOptions(values="amplitude")
    with pytest.raises(ConversionError, match="contradict those of the source by up to") as refused:
        convert(tmp_path / "wrong.npz", tmp_path / "out", "ptychovit-pair", options=options, take={"object": whole})
    assert "--positions-from" in (refused.value.findings[0].fix or "")
    take: dict[Part, Path | str] = {"object": whole, "positions": whole}
    done = convert(tmp_path / "wrong.npz", tmp_path / "out", "ptychovit-pair", options=options, take=take)
    assert done.manifest.decisions["parts"]["taken"]["positions"] == str(whole)


def _scan(**parts: Any) -> Any:
    given: dict[str, Any] = {"intensity": None, "centre_px": None, "probe": None, "object_": None, "attributes": {}}
    return make_scan(**(given | parts))


def test_frames_of_two_files_are_joined_by_their_numbers() -> None:
    patterns = _scan(intensity=np.arange(4.0)[:, None, None] * np.ones((4, 2, 2)), frame_index=np.array([9, 3, 5, 7]))
    positions = _scan(centre_px=np.array([[5.0, 50], [3, 30], [8, 80]]), frame_index=np.array([5, 3, 8]))
    joined = compose(positions, {"patterns": patterns})
    assert joined["position_y"].values.tolist() == [5.0, 3.0]
    assert joined["intensity"].values[:, 0, 0].tolist() == [2.0, 1.0]
    assert joined["frame_index"].values.tolist() == [5, 3]


def test_different_numbers_of_frames_without_indexes_are_refused() -> None:
    patterns = _scan(intensity=np.ones((3, 2, 2)))
    positions = _scan(centre_px=np.ones((2, 2)))
    with pytest.raises(ConversionError, match="differ in number: 2 and 3"):
        compose(positions, {"patterns": patterns})


def test_an_artifact_without_the_named_part_is_refused() -> None:
    with pytest.raises(ConversionError, match="the artifact named for the probe holds none"):
        compose(_scan(centre_px=np.ones((2, 2))), {"probe": _scan(centre_px=np.ones((2, 2)))})


def test_a_probe_of_another_size_is_refused() -> None:
    patterns = _scan(intensity=np.ones((3, 4, 4)), centre_px=np.ones((3, 2)))
    with pytest.raises(ConversionError, match=r"the probe has \(2, 2\) pixels"):
        compose(patterns, {"probe": _scan(probe=np.ones((1, 2, 2), np.complex64))})


def test_quantities_come_with_their_part_and_do_not_replace_known_ones() -> None:
    base = _scan(centre_px=np.ones((3, 2)), attributes={"photon_energy_eV": 8000.0})
    attributes = {"photon_energy_eV": 9000.0, "detector_object_distance_m": 2.0}
    joined = compose(base, {"patterns": _scan(intensity=np.ones((3, 4, 4)), attributes=attributes)})
    assert joined.attrs["photon_energy_eV"] == 8000.0
    assert joined.attrs["detector_object_distance_m"] == 2.0
    assert joined.attrs["probe_scale"] == "unknown"


@pytest.mark.shared_data
def test_positions_that_know_no_origin_are_laid_over_the_own(shared: Path, tmp_path: Path) -> None:
    """As a reconstruction refines them and writes them beside the patterns; the patterns then prove them."""
    import h5py

    whole = shared / "pairs" / "s64_dp.hdf5"
    refined = tmp_path / "refined.hdf5"
    refined.write_bytes((shared / "ptylab" / "s64_ptylab.hdf5").read_bytes())
    with h5py.File(refined, "a") as file:
        jitter = np.random.default_rng(2).uniform(-1e-9, 1e-9, file["encoder"].shape)
        file["encoder"][...] += jitter + np.array([3e-5, -4e-6])  # of a motor
    done = convert(whole, tmp_path / "out", "ptychovit-pair", take={"positions": refined})
    decided = done.manifest.decisions["parts"]
    assert decided["method"] == "put together by the caller, proven"
    again = convert(whole, tmp_path / "again", "ptychovit-pair")
    places = []
    for made in (done, again):
        with h5py.File(made.files[0]["para"]) as para:
            y, x = (para[f"probe_position_{letter}_m"][()] for letter in "yx")
            places.append(np.column_stack([y, x]) / para["object"].attrs["pixel_height_m"])
    apart = np.abs(places[0] - places[1])
    assert 0 < apart.max() < 0.1
    with h5py.File(refined, "a") as file:
        file["encoder"][...] = file["encoder"][()][::-1]
    with pytest.raises(ConversionError):
        convert(whole, tmp_path / "reversed", "ptychovit-pair", take={"positions": refined})


def test_positions_with_an_origin_stay_where_they_are(whole: Path, bare: Path, tmp_path: Path) -> None:
    """RawData counts from the first pixel of an array, so a scan that is moved there is another one."""
    moved = tmp_path / "moved.npz"
    with np.load(bare) as members:
        np.savez(moved, **(dict(members) | {"xcoords": members["xcoords"] + 2}))
    options = ReadOptions(order="as-stored")
    done = convert(whole, tmp_path / "out", "ptychovit-pair", take={"positions": moved}, options=options)
    assert "positions_moved_px" not in done.manifest.decisions["parts"]


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "factor"), [("photon_energy_eV", 2.0), ("detector_object_distance_m", 1.1)])
def test_artifacts_that_state_other_quantities_are_refused(
    shared: Path, tmp_path: Path, name: str, factor: float
) -> None:
    """Whatever the patterns say: one of the two files is about another measurement, or wrong."""
    import h5py

    product = tmp_path / "product.h5"
    product.write_bytes((shared / "ptychodus" / "product_1.7.h5").read_bytes())
    with h5py.File(product, "a") as file:
        file.attrs[name] = file.attrs[name] * factor
    take: dict[Part, Path | str] = {"probe": product, "object": product}
    with pytest.raises(ConversionError) as refused:
        convert(shared / "ptylab" / "s64_ptylab.hdf5", tmp_path / "out", "ptychovit-pair", take=take)
    assert {(f.code, f.location) for f in refused.value.findings} == {("PTY012", f"scan:/@{name}")}
    assert all("product.h5 states" in f.message for f in refused.value.findings)


@pytest.mark.shared_data
def test_a_finding_about_another_artifact_names_it(shared: Path, tmp_path: Path) -> None:
    import h5py

    product = tmp_path / "other.h5"
    product.write_bytes((shared / "ptychodus" / "product_1.7.h5").read_bytes())
    with h5py.File(product, "a") as file:
        file["object"][0, 0, 0] = np.nan
    with pytest.raises(ConversionError, match=r"other\.h5: 1 of"):
        convert(shared / "ptylab" / "s64_ptylab.hdf5", tmp_path / "out", "ptychovit-pair", take={"object": product})


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".."])
def test_a_name_is_no_path(whole: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match="without a folder"):
        convert(whole, tmp_path / "out", "cxi", name=name)
