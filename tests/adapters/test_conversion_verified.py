"""A file that names its frame, or a caller who names something, does not switch the evidence off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_adapters import ConversionError, ReadOptions, convert, read
from ptycho_adapters.codec import OptionError
from ptycho_contracts.validation import validate


def _foreign(shared: Path, folder: Path, change: Callable[[h5py.File, h5py.File], None]) -> Path:
    """A pair of ours, its frame named, with something wrong in it."""
    made = convert(shared / "pairs" / "s64_dp.hdf5", folder, "ptychovit-pair", name="p").files[0]
    with h5py.File(made["dp"], "r+") as dp, h5py.File(made["para"], "r+") as para:
        change(dp, para)
    return made["dp"]


def _swap(_: h5py.File, para: h5py.File) -> None:
    y, x = para["probe_position_y_m"][:], para["probe_position_x_m"][:]
    para["probe_position_y_m"][:], para["probe_position_x_m"][:] = x, y


def _amplitude(dp: h5py.File, _: h5py.File) -> None:
    dp["dp"][:] = np.sqrt(dp["dp"][:])


def _corner(dp: h5py.File, _: h5py.File) -> None:
    dp["dp"][:] = np.fft.ifftshift(dp["dp"][:], axes=(1, 2))


def _moved(y_px: float, x_px: float) -> Callable[[h5py.File, h5py.File], None]:
    def change(_: h5py.File, para: h5py.File) -> None:
        pixel = para["object"].attrs["pixel_height_m"]
        para["probe_position_y_m"][:] += y_px * pixel
        para["probe_position_x_m"][:] += x_px * pixel

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_swap, "PTY312"),
        (_amplitude, "PTY311"),
        (_corner, "PTY318"),
        (_moved(-0.5, -0.5), "PTY313"),
        (_moved(-1, -1), "PTY313"),
        (_moved(1, 0), "PTY313"),
        (_moved(2, 2), "PTY313"),
        (_moved(-3, 1), "PTY313"),
    ],
)
def test_a_named_frame_does_not_switch_the_evidence_off(
    shared: Path, tmp_path: Path, change: Callable[[h5py.File, h5py.File], None], code: str
) -> None:
    source = _foreign(shared, tmp_path / "in", change)
    assert code in {f.code for f in validate(source, depth="physics").errors}
    with pytest.raises(ConversionError) as caught:
        convert(source, tmp_path / "out", "raw-data-npz")
    assert code in {f.code for f in caught.value.findings}
    done = convert(source, tmp_path / "out", "raw-data-npz", options=ReadOptions(order="as-stored"))
    assert done.manifest.decisions["frame"]["method"] == "as-stored"


def test_naming_the_values_leaves_the_frame_to_evidence(shared: Path, tmp_path: Path) -> None:
    source = shared / "ptychodus" / "ptychopinn_training.npz"
    done = convert(source, tmp_path, "ptychovit-pair", options=ReadOptions(values="intensity"))
    assert validate(done.files[0]["dp"], depth="physics").ok
    with read(done.files[0]["dp"]) as loaded:
        centre = np.column_stack([loaded.scans[0]["position_y"], loaded.scans[0]["position_x"]])
    assert np.abs(centre - (np.load(shared / "pairs" / "s64_truth.npz")["start"] + 31.5)).max() < 1e-6


@pytest.mark.parametrize("options", [ReadOptions(order="match"), ReadOptions(values="amplitude")])
def test_an_option_without_meaning_is_refused(shared: Path, tmp_path: Path, options: ReadOptions) -> None:
    with pytest.raises(OptionError):
        convert(shared / "pairs" / "s64_dp.hdf5", tmp_path, "raw-data-npz", options=options)


def test_a_quantity_that_the_source_states_otherwise_is_refused(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(shared / "pairs" / "s64_dp.hdf5", tmp_path, "raw-data-npz", options=ReadOptions(pixel_size_m=1e-9))
    assert [f.code for f in caught.value.findings] == ["PTY012"]


def test_negative_intensities_are_not_written_as_nan(shared: Path, tmp_path: Path) -> None:
    def spoil(dp: h5py.File, _: h5py.File) -> None:
        dp["dp"][17, 3, 4] = -2

    source = _foreign(shared, tmp_path / "in", spoil)
    with pytest.raises(ConversionError, match="pattern 17"):
        convert(source, tmp_path / "out", "raw-data-npz")
    assert not list((tmp_path / "out").glob("*"))
