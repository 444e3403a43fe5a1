"""ptycho-fm's packed HDF5: every object comes out as it went in, whatever the padding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ptycho_adapters import ConversionError, ReadOptions, convert, read
from ptycho_adapters.scan import centres_px
from ptycho_contracts.validation import validate

KEYS = ("set_a/first", "set_b/second")
MODES = 4


@pytest.fixture
def pairs(simulated: Callable[..., Any], tmp_path: Path) -> list[Path]:
    """Two pairs of different canvases and numbers of patterns, the second in the frame of Ptychodus."""
    made = []
    for name, size in (("first", 72), ("second", 64)):
        np.savez(tmp_path / f"{name}.npz", **simulated("test", size=size))
        done = convert(tmp_path / f"{name}.npz", tmp_path, "ptychovit-pair", options=ReadOptions(pixel_size_m=1e-8))
        made.append(done.files[0]["dp"])
    with h5py.File(str(made[1]).replace("_dp", "_para"), "a") as file:
        for letter, size in zip("yx", file["object"].shape[1:], strict=True):
            # From PtychoViT's origin to (size − 1)/2.
            file[f"probe_position_{letter}_m"][...] += (round(size / 2) + 0.5 - (size - 1) / 2) * 1e-8
            file["object"].attrs[f"center_{letter}_m"] = 0.0
        file.attrs["ptycho_contracts_frame"] = "geometric-centre"
    return made


@pytest.fixture
def packed(pairs: list[Path], tmp_path: Path) -> Path:
    """As its `pack_hdf5.py` lays the pairs out."""
    return pack(pairs, tmp_path / "packed_00000.hdf5")


def pack(pairs: list[Path], path: Path) -> Path:
    members: list[dict[str, Any]] = []
    for dp in pairs:
        with h5py.File(dp) as patterns, h5py.File(str(dp).replace("_dp", "_para")) as para:
            names = ("object", "probe", "probe_position_x_m", "probe_position_y_m")
            members.append({"dp": patterns["dp"][()]} | {name: para[name][()] for name in names})
            members[-1]["probe"] = members[-1]["probe"][0]
    with h5py.File(path, "w") as file:
        file.attrs["max_probe_modes"] = MODES
        for name in members[0]:
            shapes = np.array([m[name].shape for m in members])
            shape = shapes.max(axis=0)
            if name == "probe":
                shape[0] = MODES
            block = np.zeros((len(members), *shape), members[0][name].dtype)
            for row, member in enumerate(members):
                block[(row, *map(slice, member[name].shape))] = member[name]
            file[name] = block[:, None] if name == "probe" else block
        file["n_dp"] = np.array([len(m["dp"]) for m in members])
        file["normalization"] = np.full(len(members), np.nan)
        file["pixel_height_m"] = np.full(len(members), 1e-8)
        file.create_dataset("object_key", data=list(KEYS), dtype=h5py.string_dtype())
    return path


def test_every_object_comes_out_as_it_went_in(pairs: list[Path], packed: Path) -> None:
    report = validate(packed, depth="data")
    assert (report.contract, report.findings) == ("ptychofm-packed", ())
    with read(packed) as loaded:
        assert [d["frame"] for d in loaded.decisions.values()] == ["ptychovit", "geometric-centre"]
        assert list(loaded.decisions) == [f"frame of {key}" for key in KEYS]
        assert loaded.dropped == ["normalization (a Scan has no room for it)"]
        for scan, pair in zip(loaded.scans, pairs, strict=True):
            with read(pair) as alone:
                for name in ("intensity", "object", "probe"):
                    np.testing.assert_array_equal(scan[name].values, alone.scans[0][name].values)
                np.testing.assert_allclose(centres_px(scan), centres_px(alone.scans[0]), atol=1e-6)
        assert loaded.scans[0]["object"].shape != loaded.scans[1]["object"].shape


def test_it_becomes_one_pair_for_each_object(packed: Path, tmp_path: Path) -> None:
    done = convert(packed, tmp_path / "out", "ptychovit-pair")
    assert [files["dp"].name for files in done.files] == ["packed_00000_000_dp.hdf5", "packed_00000_001_dp.hdf5"]


def test_a_frame_may_be_named_and_is_verified(packed: Path) -> None:
    with pytest.raises(ConversionError) as contradicted:
        read(packed, ReadOptions(frame="ptychovit"))
    assert contradicted.value.findings[0].location.startswith("packed:/probe_position_y_m[1]")


def test_padding_of_the_detector_is_cut_only_where_the_patterns_are_dark_too(pairs: list[Path], packed: Path) -> None:
    with h5py.File(packed, "a") as file:
        for name, width in (("dp", ((0, 0), (0, 0), (0, 5), (0, 5))), ("probe", ((0, 0),) * 3 + ((0, 5), (0, 5)))):
            larger = np.pad(file[name][()], width)
            del file[name]
            file[name] = larger
    with read(packed) as loaded, read(pairs[0]) as alone:
        np.testing.assert_array_equal(loaded.scans[0]["intensity"].values, alone.scans[0]["intensity"].values)
    with h5py.File(packed, "a") as file:
        file["dp"][0, 3, 0, -1] = 1.0
    with read(packed, ReadOptions(order="as-stored")) as loaded:
        assert loaded.scans[0].sizes["detector_x"] == alone.scans[0].sizes["detector_x"] + 5
        assert loaded.scans[1].sizes["detector_x"] == alone.scans[0].sizes["detector_x"]


@pytest.mark.parametrize("count", [0, 10_000])
def test_impossible_counts_are_refused(packed: Path, count: int) -> None:
    with h5py.File(packed, "a") as file:
        file["n_dp"][1] = count
    with pytest.raises(ConversionError, match=f"set_b/second has {count} patterns"):
        read(packed)


def test_a_pixel_size_that_was_not_packed_is_asked_for(packed: Path) -> None:
    with h5py.File(packed, "a") as file:
        file["pixel_height_m"][:] = np.nan
    with pytest.raises(ConversionError) as refused:
        read(packed)
    assert "`--pixel-size-m`" in (refused.value.findings[0].fix or "")
    with read(packed, ReadOptions(pixel_size_m=1e-8)) as loaded:
        assert len(loaded.scans) == 2


def test_the_index_beside_it_is_a_document_of_its_own(tmp_path: Path) -> None:
    index = tmp_path / "pack_index.json"
    index.write_text(json.dumps({"packed_00000.hdf5": list(KEYS)}))
    assert (validate(index).contract, validate(index).findings) == ("ptychofm-pack-index", ())
    index.write_text(json.dumps({"packed_00000.hdf5": 2}))
    assert [f.code for f in validate(index).errors] == ["PTY110"]
