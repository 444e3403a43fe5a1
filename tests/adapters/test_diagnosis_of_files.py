"""Real files of the field: those with an object are modelled, the others are left to the overlap."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import h5py
import numpy as np
import pytest

from ptycho_adapters.codec import ConversionError, ReadOptions
from ptycho_adapters.diagnosis import diagnose, diagnosed


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        # Positions in the frame of Ptychodus ≥ 1.6 and pty-chi ≥ 2.1, which are one for an even size.
        ("pairs/s64_dp.hdf5", ("frame:geometric-centre",)),
        # Ptychodus' export for PtychoPINN: intensities, and coordinates of the centre instead of index N/2.
        ("ptychodus/ptychopinn_training.npz", ("patterns:intensity", "frame:array-corner")),
        ("ptychopinn/rawdata.npz", ()),
        ("ptychopinn/grid_lines_N64_gridsize2_test.npz", ()),
    ],
)
def test_files_with_an_object_are_modelled(shared: Path, name: str, changes: tuple[str, ...]) -> None:
    found = diagnose(shared / name)
    assert (found.verdict, found.method) == ("mistaken" if changes else "as stated", "forward model")
    assert set(found.ranked[0].changes) == set(changes)
    assert found.ranked[0].agree == found.ranked[0].sampled
    assert found.model_dump(mode="json")["ranked"][0]["changes"] == list(found.ranked[0].changes)


@pytest.mark.shared_data
def test_the_caller_may_name_the_frame(shared: Path) -> None:
    found = diagnose(shared / "pairs" / "s64_dp.hdf5", ReadOptions(frame="geometric-centre"))
    assert found.verdict == "as stated"


@pytest.mark.shared_data
def test_a_frame_that_honours_the_stored_centre_is_found(shared: Path, tmp_path: Path) -> None:
    """Ptychodus takes `object@center_*_m` off the positions; moved by as much, it means the same pixels."""
    for half in ("dp", "para"):
        copy(shared / "pairs" / f"s64_{half}.hdf5", tmp_path / f"s64_{half}.hdf5")
    (tmp_path / "s64_para.hdf5").chmod(0o644)
    with h5py.File(tmp_path / "s64_para.hdf5", "r+") as file:
        moved = 7 * float(np.ravel(file["object"].attrs["pixel_height_m"])[0])
        centre = float(np.ravel(file["object"].attrs["center_y_m"])[0])
        file["object"].attrs["center_y_m"] = centre + moved
        file["probe_position_y_m"][...] += moved
    assert diagnose(tmp_path / "s64_dp.hdf5").ranked[0].changes == ("frame:geometric-centre",)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["cxi/s64_cdtools.cxi", "ptypy/pair.ptyd"])
def test_without_an_object_the_overlap_decides(shared: Path, name: str) -> None:
    found = diagnose(shared / name)
    assert (found.verdict, found.method) == ("as stated", "overlap")
    assert found.undecided


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "why"), [("cxi/petra3_p25_near_field.cxi", "near-field"), ("ptychodus/product_1.7.h5", "no patterns")]
)
def test_what_cannot_be_told_says_why(shared: Path, name: str, why: str) -> None:
    found = diagnose(shared / name)
    assert found.verdict == "cannot tell"
    assert any(why in words for words in found.undecided)


@pytest.mark.shared_data
def test_the_subject_can_be_read_while_it_is_diagnosed(shared: Path) -> None:
    with diagnosed(shared / "pairs" / "s64_dp.hdf5") as found:
        assert found.subject is not None
        assert found.judged is not None
        assert len(found.judged.hypotheses) == len(found.diagnosis.ranked)
        assert found.subject.patterns.take(np.array([0, 3])).shape == (2, 64, 64)


def test_what_nothing_reads_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "voltage.npz", voltage=np.ones(3))
    with pytest.raises(ConversionError):
        diagnose(tmp_path / "voltage.npz")
