"""Real files of the field: those with an object are modelled, the others are left to the overlap."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_adapters.codec import ConversionError, OptionError, ReadOptions
from ptycho_adapters.diagnosis import diagnose, diagnosed
from ptycho_adapters.simulate.grid_lines import Defects


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


def test_patterns_that_lie_among_those_of_another_object_are_found(
    simulated: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Neither object alone can say so: half of its patterns stand beside positions of the other."""
    path = tmp_path / "train.npz"
    np.savez(path, **simulated(n_train_objects=2, defects=Defects(shuffle=True, repeat_coordinates=True)))
    for number in (0, 1):
        with diagnosed(path, object=number) as found:
            assert (found.diagnosis.verdict, found.diagnosis.ranked[0].changes) == ("mistaken", ("order:shuffled",))
            assert found.diagnosis.repair == f"ptycho convert {path} FOLDER --to grid-lines-npz"
            assert found.judged is not None
            assert len(found.judged.hypotheses) == len(found.diagnosis.ranked)
    assert any("about object 1" in note for note in found.diagnosis.notes)
    assert any("image-major" in note and "known shuffle" in note for note in found.diagnosis.notes)


def test_exchanged_offsets_of_several_objects_are_swapped_axes(
    simulated: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    np.savez(tmp_path / "test.npz", **simulated("test", n_test_objects=2, defects=Defects(axes="xy")))
    found = diagnose(tmp_path / "test.npz")
    assert (found.verdict, found.ranked[0].changes) == ("mistaken", ("swapped-axes",))


def test_several_objects_that_are_right_or_beyond_known_orders(
    simulated: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    split = simulated("test", n_test_objects=2)
    np.savez(tmp_path / "right.npz", **split)
    right = diagnose(tmp_path / "right.npz", object=1)
    assert (right.verdict, right.repair) == ("as stated", None)
    split["YY_full"] = split["YY_full"].conj()
    np.savez(tmp_path / "conjugated.npz", **split)
    wrong = diagnose(tmp_path / "conjugated.npz", object=1)
    assert (wrong.verdict, wrong.ranked[0].changes) == ("mistaken", ("object:conjugated",))
    assert wrong.repair is None  # neither `fix` nor `convert` undoes it in a file of several objects
    assert any("as they lie" in note for note in wrong.notes)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "number", "why"),
    [
        ("pairs/s64_dp.hdf5", 1, "holds 1 object"),
        ("ptychopinn/grid_lines_N64_two_objects_test.npz", 2, "holds 2 objects"),
        ("ptychopinn/rawdata.npz", -1, "holds 1 object"),
    ],
)
def test_an_object_that_is_not_there_is_refused(shared: Path, name: str, number: int, why: str) -> None:
    with pytest.raises(OptionError, match=why):
        diagnose(shared / name, object=number)


@pytest.mark.shared_data
def test_a_frame_that_nobody_knows_is_refused_with_those_that_are(shared: Path) -> None:
    with pytest.raises(KeyError, match=r"known: ptychovit, .*, array-corner.*; did you mean 'half-size'\?"):
        diagnose(shared / "pairs" / "s64_dp.hdf5", ReadOptions(frame="half_size"))
    with pytest.raises(OptionError, match="--frame means nothing to raw-data-npz"):
        diagnose(shared / "ptychopinn" / "rawdata.npz", ReadOptions(frame="half-size"))
