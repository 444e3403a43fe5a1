"""`fix` repairs what is safe in a copy, says what it did, and leaves the source and everything else alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, convert
from ptycho_adapters.fix.run import fix
from ptycho_contracts import validate

Split = dict[str, NDArray[Any]]


@pytest.fixture(scope="session")
def good(simulated: Callable[..., Split], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right pair, with members and attributes that no scan carries."""
    folder = tmp_path_factory.mktemp("good")
    np.savez(folder / "split.npz", **simulated("test"))
    dp = convert(folder / "split.npz", folder, "ptychovit-pair", name="scan").files[0]["dp"]
    # Without its last row the raster is not square: on a square one, swapped axes are columns that come first.
    with h5py.File(dp, "r+") as file, h5py.File(folder / "scan_para.hdf5", "r+") as para:
        replaced(file, "dp", file["dp"][:-6])
        for name in ("probe_position_y_m", "probe_position_x_m", "probe_position_indexes"):
            replaced(para, name, para[name][:-6])
        para["loss_values"] = np.arange(3.0)
        para["notes/shift"] = "night shift"
        para.attrs["comments"] = "sample 7"
    return dp


@pytest.fixture
def broken(good: Path, tmp_path: Path) -> Callable[[Callable[[h5py.File, h5py.File], None]], Path]:
    """A copy of the pair with something done to it."""

    def make(spoil: Callable[[h5py.File, h5py.File], None]) -> Path:
        folder = tmp_path / "source"
        folder.mkdir()
        for path in good.parent.glob("scan_*.hdf5"):
            (folder / path.name).write_bytes(path.read_bytes())
        with h5py.File(folder / "scan_dp.hdf5", "r+") as dp, h5py.File(folder / "scan_para.hdf5", "r+") as para:
            spoil(dp, para)
        return folder / "scan_dp.hdf5"

    return make


def replaced(file: h5py.File, name: str, value: NDArray[Any]) -> None:
    attributes = dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, data=value).attrs.update(attributes)


def same_as(good: Path, fixed: Path) -> None:
    """Every array of the right pair, within rounding."""
    with h5py.File(good) as a, h5py.File(fixed) as b:
        np.testing.assert_allclose(a["dp"][()], b["dp"][()], rtol=1e-5, atol=1e-7 * a["dp"][()].max())
    with h5py.File(para_of(good)) as a, h5py.File(para_of(fixed)) as b:
        pixel = a["object"].attrs["pixel_height_m"]
        assert b["object"].attrs["pixel_height_m"] == pytest.approx(pixel, rel=2e-3)
        for name in ("probe_position_y_m", "probe_position_x_m"):
            # In pixels: a pixel size is found to a few thousandths.
            np.testing.assert_allclose(a[name][()] / pixel, b[name][()] / pixel, atol=0.1)
        for name in ("object", "probe"):
            np.testing.assert_allclose(a[name][()], b[name][()], rtol=2e-2, atol=2e-2 * np.abs(a[name][()]).max())


def para_of(dp: Path) -> Path:
    return dp.with_name("scan_para.hdf5")


def test_what_follows_from_the_file_itself_is_repaired(good: Path, broken: Any, tmp_path: Path) -> None:
    def spoil(dp: h5py.File, para: h5py.File) -> None:
        replaced(para, "probe", para["probe"][0])
        replaced(para, "object", para["object"][0])
        del para["object"].attrs["pixel_height_m"]
        replaced(para, "probe_position_x_m", para["probe_position_x_m"][()].astype(">f8"))

    source = broken(spoil)
    before = source.read_bytes(), para_of(source).read_bytes()
    assert {f.code for f in validate(source).errors} == {"PTY103", "PTY104"}
    done = fix(source, tmp_path / "out")
    assert done.record is not None
    told = {item.location: item for item in done.record.fixed}
    assert told["para:/probe"].what == "shape (1, 32, 32) → (1, 1, 32, 32)"
    assert told["para:/object@pixel_height_m"].what.endswith("as para:/probe@pixel_height_m")
    assert done.after.ok
    same_as(good, done.files["dp"])
    assert (source.read_bytes(), para_of(source).read_bytes()) == before


def _swap(dp: h5py.File, para: h5py.File) -> None:
    y, x = para["probe_position_y_m"][()], para["probe_position_x_m"][()]
    replaced(para, "probe_position_y_m", x)
    replaced(para, "probe_position_x_m", y)


def _corner(dp: h5py.File, para: h5py.File) -> None:
    replaced(dp, "dp", np.fft.ifftshift(dp["dp"][()], axes=(1, 2)))


def _amplitude(dp: h5py.File, para: h5py.File) -> None:
    replaced(dp, "dp", np.sqrt(dp["dp"][()]))


def _conjugated(dp: h5py.File, para: h5py.File) -> None:
    replaced(para, "object", para["object"][()].conj())


def _transposed_object(dp: h5py.File, para: h5py.File) -> None:
    replaced(para, "object", np.swapaxes(para["object"][()], 1, 2))


def _flipped(dp: h5py.File, para: h5py.File) -> None:
    replaced(dp, "dp", dp["dp"][()][:, :, ::-1])


def _shuffled(dp: h5py.File, para: h5py.File) -> None:
    order = np.random.default_rng(3).permutation(len(dp["dp"]))
    replaced(dp, "dp", dp["dp"][()][order])


def _pixel(dp: h5py.File, para: h5py.File) -> None:
    for name in ("object", "probe"):
        for side in ("height", "width"):
            para[name].attrs[f"pixel_{side}_m"] *= 1.25


MISTAKES: dict[str, tuple[Callable[[h5py.File, h5py.File], None], str]] = {
    "swapped-axes": (_swap, "PTY312"),
    "patterns:corner": (_corner, "PTY318"),
    "patterns:amplitude": (_amplitude, "PTY311"),
    "object:conjugated": (_conjugated, ""),
    "object:transposed": (_transposed_object, ""),
    "patterns:flipped-x": (_flipped, ""),
    "order:shuffled": (_shuffled, "PTY310"),
    "pixel-size:1.25": (_pixel, ""),
}


@pytest.mark.parametrize("slug", MISTAKES)
def test_what_the_patterns_prove_is_undone(slug: str, good: Path, broken: Any, tmp_path: Path) -> None:
    spoil, code = MISTAKES[slug]
    source = broken(spoil)
    done = fix(source, tmp_path / "out")
    assert done.record is not None
    # Without noise a descent may leave a hundredth of a pixel beside the factor.
    assert [found.what for found in done.record.fixed if "(shift:" not in found.what] == [done.record.fixed[0].what]
    item = done.record.fixed[0]
    assert slug.partition(":")[0] in item.what
    if code:
        assert item.codes == (code,)
    assert done.after.ok, done.after.findings
    if slug == "order:shuffled":
        assert [f.code for f in done.after.findings if f.severity == "warning"] == [
            f.code for f in validate(good, depth="physics").findings if f.severity == "warning"
        ]
    else:
        same_as(good, done.files["dp"])


def test_what_no_scan_carries_goes_along(good: Path, broken: Any, tmp_path: Path) -> None:
    done = fix(broken(_swap), tmp_path / "out")
    with h5py.File(done.files["para"]) as para:
        assert para["loss_values"][()].tolist() == [0, 1, 2]
        assert para["notes/shift"].asstr()[()] == "night shift"
        assert para.attrs["comments"] == "sample 7"


@pytest.mark.parametrize("spoil", [_swap, _amplitude])
def test_patterns_stay_compressed(spoil: Callable[..., None], broken: Any, tmp_path: Path) -> None:
    """Rewritten patterns too; otherwise the copy of a compressed measurement is many times as large."""

    def compressed(dp: h5py.File, para: h5py.File) -> None:
        spoil(dp, para)
        values = dp["dp"][()]
        del dp["dp"]
        dp.create_dataset("dp", data=values, chunks=(4, 32, 32), compression="gzip", compression_opts=3, shuffle=True)

    done = fix(broken(compressed), tmp_path / "out")
    with h5py.File(done.files["dp"]) as dp:
        kept = dp["dp"]
        assert (kept.chunks, kept.compression, kept.compression_opts, kept.shuffle) == ((4, 32, 32), "gzip", 3, True)
    assert done.after.ok


def test_a_right_file_is_left_alone(good: Path, tmp_path: Path) -> None:
    done = fix(good, tmp_path / "out")
    assert (dict(done.files), done.record) == ({}, None)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_right_pair_without_the_name_of_its_frame_gets_it(broken: Any, tmp_path: Path) -> None:
    def unname(dp: h5py.File, para: h5py.File) -> None:
        del para.attrs["ptycho_contracts_frame"]

    done = fix(broken(unname), tmp_path / "out")
    assert done.record is not None
    assert [item.codes for item in done.record.fixed] == [("PTY320",)]
    with h5py.File(done.files["para"]) as para:
        assert para.attrs["ptycho_contracts_frame"] == "ptychovit"


def test_the_source_is_never_the_target(broken: Any) -> None:
    source = broken(_swap)
    with pytest.raises(ConversionError, match="already holds") as refused:
        fix(source, source.parent, overwrite=True)
    assert "never changed" in (refused.value.findings[0].fix or "")


def test_an_existing_output_is_kept_unless_told(broken: Any, tmp_path: Path) -> None:
    source = broken(_swap)
    fix(source, tmp_path / "out")
    with pytest.raises(ConversionError, match="already holds"):
        fix(source, tmp_path / "out")
    assert fix(source, tmp_path / "out", overwrite=True).after.ok


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x_dp.hdf5").write_bytes(b"no HDF5")
    with pytest.raises(ConversionError) as refused:
        fix(tmp_path / "x_dp.hdf5", tmp_path / "out")
    assert {f.code for f in refused.value.findings} >= {"PTY002"}


def test_what_cannot_be_repaired_is_told(broken: Any, tmp_path: Path) -> None:
    def spoil(dp: h5py.File, para: h5py.File) -> None:
        replaced(para, "probe", para["probe"][0])
        values = dp["dp"][()]
        values[3, 0, 0] = np.nan
        replaced(dp, "dp", values)

    done = fix(broken(spoil), tmp_path / "out", physics=False)
    assert done.record is not None
    assert [f.code for f in done.record.remaining if f.severity == "error"] == ["PTY401"]
    assert not done.after.ok


def test_errors_beyond_repair_are_told_where_nothing_is_repaired(broken: Any, tmp_path: Path) -> None:
    def spoil(dp: h5py.File, para: h5py.File) -> None:
        values = dp["dp"][()]
        values[3, 0, 0] = -5.0
        replaced(dp, "dp", values)

    done = fix(broken(spoil), tmp_path / "out")
    assert done.record is None
    assert "PTY402" in {f.code for f in done.after.errors}


def test_a_phase_that_is_lost_is_not_made_up(broken: Any, tmp_path: Path) -> None:
    source = broken(lambda dp, para: replaced(para, "object", np.abs(para["object"][()])))
    done = fix(source, tmp_path / "out")
    assert done.record is None
    assert {f.code for f in done.after.errors} == {"PTY102"}


def test_the_record_is_a_contract(broken: Any, tmp_path: Path) -> None:
    done = fix(broken(_swap), tmp_path / "out")
    assert done.record_path is not None
    assert done.record_path.name == "scan_fix.json"
    assert validate(done.record_path).ok
    assert json.loads(done.record_path.read_text())["fixed"][0]["codes"] == ["PTY312"]


def test_a_raw_data_file_is_repaired_and_keeps_what_is_not_of_the_scan(
    simulated: Callable[..., Split], tmp_path: Path
) -> None:
    np.savez(tmp_path / "split.npz", **simulated("test"))
    raw = convert(tmp_path / "split.npz", tmp_path, "raw-data-npz", name="raw").files[0]["npz"]
    with np.load(raw) as members:
        wrong = dict(members)
    wrong |= {"xcoords": wrong["ycoords"], "ycoords": wrong["xcoords"], "operator": np.array("A. N.")}
    np.savez_compressed(tmp_path / "swapped.npz", **wrong)
    done = fix(tmp_path / "swapped.npz", tmp_path / "out")
    assert done.after.ok, done.after.findings
    with np.load(done.files["npz"]) as mended, np.load(raw) as right:
        np.testing.assert_allclose(mended["xcoords"], right["xcoords"], atol=1e-6)
        assert str(mended["operator"]) == "A. N."
