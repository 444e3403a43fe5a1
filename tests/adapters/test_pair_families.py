"""The two families that are called `_dp` and `_para`: each is read as what it is, and halves alone are parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, ReadOptions, convert, read
from ptycho_adapters.scan import centres_px
from ptycho_contracts.validation import validate

WAVELENGTH_M = 1.5498024804150033e-10


@pytest.fixture
def s64(shared: Path) -> Path:
    return shared / "pairs" / "s64_dp.hdf5"


def fold_slice(s64: Path, folder: Path, form: tuple[int, ...] = (-1,), **changes: Any) -> Path:
    """The scan of `s64` as fold_slice reads it; `form` is the shape of its position arrays."""
    with h5py.File(s64) as dp, h5py.File(s64.with_name("s64_para.hdf5")) as para:
        members: dict[str, Any] = {
            "ppX": para["probe_position_x_m"][()].reshape(form),
            "ppY": para["probe_position_y_m"][()].reshape(form),
            "lambda": WAVELENGTH_M,
            "dx": para["object"].attrs["pixel_width_m"],
            "angle": 30.0,
        }
        return write(folder, dp["dp"][()], members | changes)


def write(folder: Path, patterns: NDArray[Any], members: dict[str, Any]) -> Path:
    with h5py.File(folder / "aps_dp.hdf5", "w") as file:
        file["dp"] = patterns
    with h5py.File(folder / "aps_para.hdf5", "w") as file:
        for name, value in members.items():
            if value is not None:
                file[name] = value
    return folder / "aps_dp.hdf5"


@pytest.mark.parametrize("form", [(-1,), (1, -1), (-1, 1)])
def test_a_fold_slice_pair_is_recognised_and_read(s64: Path, tmp_path: Path, form: tuple[int, ...]) -> None:
    dp = fold_slice(s64, tmp_path, form)
    report = validate(dp, depth="data")
    assert (report.contract, report.findings) == ("fold-slice-pair", ())
    with read(s64) as theirs, read(dp) as mine:
        scan, known = mine.scans[0], theirs.scans[0]
        # No object says where the scan lies; distances and order are the same.
        moved = centres_px(scan) - centres_px(known)
        np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-6)
        assert centres_px(scan).min(axis=0) == pytest.approx([31.5, 31.5])
        np.testing.assert_array_equal(scan["intensity"], known["intensity"])
        assert scan.attrs["photon_energy_eV"] == pytest.approx(8000, rel=1e-6)
        assert scan.attrs["pixel_size_y_m"] == known.attrs["pixel_size_y_m"]
        assert "angle (a Scan has no room for it)" in mine.dropped
        assert ("MATLAB" in mine.decisions["orientation"]["trusted"]) == (form == (1, -1))


def test_it_becomes_a_pair_with_object_and_probe_from_elsewhere_and_is_proven(s64: Path, tmp_path: Path) -> None:
    dp = fold_slice(s64, tmp_path)
    with pytest.raises(ConversionError) as refused:
        convert(dp, tmp_path / "out", "ptychovit-pair")
    assert {f.code for f in refused.value.findings} == {"PTY013"}
    fixes = " ".join(f.fix or "" for f in refused.value.findings)
    assert "`--probe-from FILE`" in fixes
    assert "`--object-from FILE`" in fixes
    take = {"object": s64, "probe": s64}
    done = convert(dp, tmp_path / "out", "ptychovit-pair", take=take)
    assert done.manifest.decisions["parts"]["method"] == "put together by the caller, proven"
    with read(done.files[0]["dp"]) as mine, read(s64) as theirs:
        np.testing.assert_allclose(centres_px(mine.scans[0]), centres_px(theirs.scans[0]), atol=1e-6)


def test_patterns_that_matlab_transposed_are_not_taken_for_right(s64: Path, tmp_path: Path) -> None:
    with h5py.File(s64) as file:
        patterns = file["dp"][()].swapaxes(1, 2)
    dp = fold_slice(s64, tmp_path, (1, -1))
    with h5py.File(dp, "w") as file:
        file["dp"] = patterns
    take = {"object": s64, "probe": s64}
    with pytest.raises(ConversionError, match="explain"):
        convert(dp, tmp_path / "out", "ptychovit-pair", take=take)


def test_without_a_pixel_size_it_is_asked_for_by_name(s64: Path, tmp_path: Path) -> None:
    dp = fold_slice(s64, tmp_path, dx=None)
    with pytest.raises(ConversionError) as refused:
        read(dp)
    assert [f.code for f in refused.value.findings] == ["PTY013"]
    assert "`--pixel-size-m`" in (refused.value.findings[0].fix or "")
    with read(dp, ReadOptions(pixel_size_m=6.4e-8)) as loaded:
        assert loaded.scans[0].attrs["pixel_size_x_m"] == 6.4e-8
    with pytest.raises(ConversionError, match="contradicts"):
        read(fold_slice(s64, tmp_path), ReadOptions(pixel_size_m=6.4e-8))
    with pytest.raises(ConversionError, match="no length"):
        read(fold_slice(s64, tmp_path, dx=0.0))


def test_each_family_is_named_where_the_other_is_expected(s64: Path, tmp_path: Path) -> None:
    ours = validate(fold_slice(s64, tmp_path), "ptychovit-pair")
    assert [(f.code, f.location) for f in ours.errors] == [("PTY014", "para:/ppX")]
    assert "this is a fold-slice-pair, not a ptychovit-pair" in ours.errors[0].message
    theirs = validate(s64, "fold-slice-pair")
    assert [(f.code, f.location) for f in theirs.errors] == [("PTY014", "para:/object")]
    half = validate(tmp_path / "aps_para.hdf5", "ptychovit-para")
    assert [f.code for f in half.errors] == ["PTY014"]


def test_a_broken_pair_is_of_its_own_family(s64: Path, tmp_path: Path) -> None:
    assert validate(fold_slice(s64, tmp_path, ppY=None)).contract == "fold-slice-pair"
    with h5py.File(tmp_path / "aps_para.hdf5", "w") as file:
        file["object"] = np.ones((1, 70, 70), np.complex64)
    report = validate(tmp_path / "aps_dp.hdf5")
    assert report.contract == "ptychovit-pair"
    assert "PTY014" not in {f.code for f in report.findings}
    # Nothing but patterns says of which family the parameters were to be: what is asked for is what is missing.
    with h5py.File(tmp_path / "aps_para.hdf5", "w"):
        pass
    assert {f.code for f in validate(tmp_path / "aps_dp.hdf5", "ptychovit-pair").errors} == {"PTY101"}


def test_halves_alone_join_by_name_of_their_parts(s64: Path, tmp_path: Path) -> None:
    (tmp_path / "a_dp.hdf5").write_bytes(s64.read_bytes())
    para = tmp_path / "b_para.hdf5"
    para.write_bytes(s64.with_name("s64_para.hdf5").read_bytes())
    take = {"patterns": tmp_path / "a_dp.hdf5"}
    with pytest.raises(ConversionError, match="needs patterns"):
        convert(para, tmp_path / "out", "ptychovit-pair")
    # Nothing names the frame, so PtychoViT's is assumed; joined patterns contradict it, and the finding says the name.
    with pytest.raises(ConversionError) as contradicted:
        convert(para, tmp_path / "out", "ptychovit-pair", take=take)
    assert [f.code for f in contradicted.value.findings] == ["PTY313"]
    options = ReadOptions(frame="geometric-centre")
    done = convert(para, tmp_path / "out", "ptychovit-pair", take=take, options=options)
    assert done.manifest.source_contract == "ptychovit-para"
    assert done.manifest.decisions["parts"]["method"] == "put together by the caller, proven"
    with read(done.files[0]["dp"]) as mine, read(s64) as theirs:
        np.testing.assert_allclose(centres_px(mine.scans[0]), centres_px(theirs.scans[0]), atol=1e-6)
    with read(tmp_path / "a_dp.hdf5") as alone:
        assert set(alone.scans[0].variables) == {"intensity"}


def test_ptychodus_export_for_ptychofm_is_an_ordinary_pair(shared: Path, tmp_path: Path) -> None:
    """Counts stay integers; its frame is Ptychodus' own, which no member says and the evidence does."""
    dp = shared / "ptychodus" / "ptychofm_dp.hdf5"
    done = convert(dp, tmp_path, "ptychovit-pair", name="ours")
    assert done.manifest.decisions["frame"]["frame"] == "geometric-centre"
    with h5py.File(dp) as theirs, h5py.File(done.files[0]["dp"]) as mine:
        assert mine["dp"].dtype == np.uint16
        np.testing.assert_array_equal(mine["dp"][::9], theirs["dp"][::9])
    with pytest.raises(ConversionError) as refused:
        convert(dp, tmp_path, "ptychodus-product")
    assert [f.fix for f in refused.value.findings] == ["`--energy-ev VALUE` says it.", "`--distance-m VALUE` says it."]
    options = ReadOptions(energy_eV=8000.0, distance_m=2.0)
    written = convert(dp, tmp_path, "ptychodus-diffraction", options=options).files[0]["diffraction"]
    with h5py.File(written) as file:
        assert file["patterns"].dtype == np.uint16
        assert file["patterns"].attrs["detector_pixel_width_m"] == pytest.approx(75e-6, rel=1e-6)


def test_an_object_centre_counts_for_the_frames_of_ptychodus_only(s64: Path, tmp_path: Path) -> None:
    """A product renamed to a para file, moved with its object: Ptychodus finds it, so do we."""
    with h5py.File(s64.with_name("s64_para.hdf5")) as source, h5py.File(tmp_path / "m_para.hdf5", "w") as file:
        for name in source:
            source.copy(name, file)
        pixel = file["object"].attrs["pixel_height_m"]
        file["object"].attrs["center_y_m"] = 5.5 * pixel
        file["probe_position_y_m"][...] += 5.5 * pixel
    (tmp_path / "m_dp.hdf5").write_bytes(s64.read_bytes())
    with read(tmp_path / "m_dp.hdf5") as mine, read(s64) as theirs:
        assert mine.decisions["frame"]["frame"] == "geometric-centre"
        np.testing.assert_allclose(centres_px(mine.scans[0]), centres_px(theirs.scans[0]), atol=1e-6)
