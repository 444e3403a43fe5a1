from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptycho_adapters import ConversionError, Recon, read_recon, truth_recon, write_recon
from ptycho_adapters.gauge import rescale_object
from ptycho_adapters.scan import make_scan
from ptycho_contracts.validation import validate

FIELD = (np.arange(12).reshape(3, 4) * np.exp(0.3j)).astype(np.complex64)


def test_all_members_return(tmp_path: Path) -> None:
    path = tmp_path / "recons" / "arm" / "recon.npz"
    occupancy = np.arange(12, dtype=np.float64).reshape(3, 4)
    write_recon(path, FIELD.astype(np.complex128), occupancy, (2, 3.5), 0.25)
    recon = read_recon(path)
    assert recon.occupancy is not None
    assert recon.origin_px is not None
    np.testing.assert_array_equal(recon.field, FIELD)
    np.testing.assert_array_equal(recon.occupancy, occupancy)
    np.testing.assert_array_equal(recon.origin_px, [2, 3.5])
    assert recon.gauge == 0.25
    with np.load(path) as stored:
        kinds = {name: (stored[name].dtype.name, stored[name].shape) for name in stored}
    assert kinds == {
        "YY_pred": ("complex64", (3, 4)),
        "amp": ("float32", (3, 4)),
        "phase": ("float32", (3, 4)),
        "occupancy": ("float32", (3, 4)),
        "origin_px": ("float64", (2,)),
        "gauge": ("float64", ()),
    }
    assert validate(path, depth="data").findings == ()


def test_what_is_not_said_stays_unsaid(tmp_path: Path) -> None:
    write_recon(tmp_path / "recon.npz", FIELD)
    recon = read_recon(tmp_path / "recon.npz")
    assert [recon.occupancy, recon.origin_px, recon.gauge] == [None, None, None]


def test_evaluation_of_a_file_that_says_little() -> None:
    evaluated = Recon(FIELD).for_evaluation()
    assert [evaluated.origin_px, evaluated.occupancy] == [None, None]


def test_input_of_an_evaluation() -> None:
    occupancy = np.ones((3, 4), np.float32)
    evaluated = Recon(FIELD, occupancy, np.array([1, 2.5])).for_evaluation()
    assert list(evaluated.origin_px or ()) == [1, 2.5]
    assert evaluated.occupancy is not None
    np.testing.assert_array_equal(evaluated.occupancy, occupancy)


def test_files_of_ptychopinn_are_read(shared: Path) -> None:
    recon = read_recon(shared / "ptychopinn" / "recon_pinn.npz")
    with np.load(shared / "ptychopinn" / "recon_pinn.npz") as stored:
        np.testing.assert_array_equal(recon.field, stored["YY_pred"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"field": FIELD.real},
        {"field": FIELD[0]},
        {"field": FIELD[:0]},
        {"field": FIELD * np.nan},
        {"occupancy": np.ones((3, 3))},
        {"occupancy": -np.ones((3, 4))},
        {"occupancy": np.full((3, 4), np.inf)},
        {"origin_px": (1, 2, 3)},
        {"origin_px": (1, np.nan)},
        {"gauge": 0.0},
        {"gauge": float("nan")},
    ],
)
def test_what_is_impossible_is_refused_and_nothing_is_written(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        write_recon(tmp_path / "recon.npz", **({"field": FIELD} | arguments))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_survives_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "recon.npz"
    write_recon(path, FIELD)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("ptycho_adapters.npz_writer.np.lib.format.write_array", full)
    with pytest.raises(OSError, match="no space"):
        write_recon(path, 2 * FIELD)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_findings_of_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        read_recon(tmp_path / "recon.npz")
    assert [f.code for f in caught.value.findings] == ["PTY001"]
    np.savez(tmp_path / "recon.npz", YY_pred=FIELD.real, amp=np.abs(FIELD))
    with pytest.raises(ConversionError) as caught:
        read_recon(tmp_path / "recon.npz")
    assert {(f.code, f.location) for f in caught.value.findings} == {
        ("PTY102", "npz:/YY_pred"),
        ("PTY101", "npz:/phase"),
    }


def test_truth_of_a_scan_in_the_gauge_of_its_source() -> None:
    object_ = FIELD[None] + 1
    scan = make_scan(np.ones((1, 2, 2)), np.ones((1, 2)), np.ones((1, 2, 2), np.complex64), object_, {})
    recon = truth_recon(rescale_object(scan, 4.0))
    np.testing.assert_array_equal(recon.field, object_[0])
    assert recon.origin_px is not None
    np.testing.assert_array_equal(recon.origin_px, [0, 0])
    with pytest.raises(ValueError, match="no object"):
        truth_recon(scan.drop_vars("object"))
