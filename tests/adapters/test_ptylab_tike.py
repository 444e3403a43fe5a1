"""PtyLab and tike files: turned and shifted as those tools do, on the canvas that the scan spans; a lone object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from measured_files import PIXEL_M, STEPS_PX, Members, N, patterns, ptylab_members
from measured_files import write as write_file
from numpy.typing import NDArray

from ptycho_adapters import ConversionError, ReadOptions, convert, read
from ptycho_adapters.recon import write_recon
from ptycho_adapters.scan import centres_px
from ptycho_contracts.validation import validate

TRUSTED = ReadOptions(order="as-stored")
HALF = (N - 1) / 2


def scan_of(path: Path, options: ReadOptions = TRUSTED) -> xr.Dataset:
    with read(path, options) as loaded:
        return loaded.scans[0].load()


def refusal(path: Path) -> str:
    with pytest.raises(ConversionError) as caught:
        read(path, TRUSTED)
    return " ".join(f"{f.code} {f.message}" for f in caught.value.findings)


def ptylab(folder: Path, changes: Members | None = None) -> Path:
    return write_file(folder / "scan.hdf5", ptylab_members(), changes)


def test_the_sample_of_ptylab_lies_where_it_was_simulated(shared: Path, tmp_path: Path) -> None:
    """And with object and probe of the pair the physics proves it."""
    source, pair = shared / "ptylab" / "s64_ptylab.hdf5", shared / "pairs" / "s64_dp.hdf5"
    with np.load(shared / "pairs" / "s64_truth.npz") as truth:
        corners, pixel = truth["start"], float(truth["px"])
    scan = scan_of(source)
    np.testing.assert_allclose(centres_px(scan) - 31.5, corners - corners.min(axis=0), rtol=0, atol=1e-6)
    assert scan.attrs["pixel_size_y_m"] == pytest.approx(pixel)
    done = convert(source, tmp_path, "ptychovit-pair", take={"probe": pair, "object": pair})
    assert done.manifest.decisions["parts"]["evidence"]["verdict"] == "proven"


def turned(stored: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """What `ExperimentalData.setOrientation` of PtyLab 0.3.1 makes of a ptychogram, one branch after the other."""
    transposed = stored.transpose(0, 2, 1)
    return [
        stored,
        np.flip(stored, -1),
        np.flip(stored, -2),
        np.flip(stored, (-1, -2)),
        transposed,
        np.flip(transposed, -1),
        np.flip(transposed, -2),
        np.flip(transposed, (-1, -2)),
    ][orientation]


@pytest.mark.parametrize("orientation", range(8))
def test_patterns_are_turned_as_ptylab_turns_them(tmp_path: Path, orientation: int) -> None:
    stored = patterns(shape=(N, N + 2))
    scan = scan_of(ptylab(tmp_path, {"ptychogram": stored, "orientation": np.array([[orientation]])}))
    np.testing.assert_array_equal(scan["intensity"], turned(stored, orientation))
    rows = (scan.sizes["detector_y"] - 1) / 2
    np.testing.assert_allclose(scan["position_y"].min(), rows, rtol=0, atol=1e-9)


def test_two_rows_of_an_encoder_are_two_columns(tmp_path: Path) -> None:
    scan = scan_of(ptylab(tmp_path, {"encoder": (STEPS_PX * PIXEL_M).T, "zo": np.array([[2.0]])}))
    np.testing.assert_allclose(centres_px(scan), STEPS_PX + HALF, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"zo": 2000.0}, "PTY332"),
        ({"dxd": 0.075}, "PTY332"),
        ({"encoder": STEPS_PX * PIXEL_M * 1e6}, "PTY332"),
        ({"encoder": STEPS_PX * PIXEL_M * 10}, "PTY333"),
        ({"encoder": STEPS_PX * 0}, "PTY403"),
        ({"orientation": 9}, "PTY011"),
        ({"encoder": STEPS_PX[:5] * PIXEL_M}, "PTY201"),
        ({"encoder": np.zeros((len(STEPS_PX), 3))}, "PTY103"),
        ({"zo": 0.0}, "PTY013"),
    ],
)
def test_what_is_wrong_with_a_ptylab_file_is_a_finding(tmp_path: Path, changes: Members, code: str) -> None:
    assert code in refusal(ptylab(tmp_path, changes))


def tike(folder: Path, n: int = N, **changes: NDArray[np.generic]) -> Path:
    """As tike's examples: everything below a leading axis of 1, positions centred on 0, zero frequency at [0, 0]."""
    centred = patterns(shape=(n, n))
    members = {
        "data": np.roll(centred, (-(n // 2), -(n // 2)), axis=(1, 2))[None],
        "scan": (STEPS_PX - STEPS_PX.mean(axis=0)).astype(np.float32)[None],
        "probe": np.full((1, 1, 1, 2, n, n), 1 + 2j, np.complex64),
    }
    np.savez(folder / "tike.npz", allow_pickle=False, **(members | changes))
    return folder / "tike.npz"


@pytest.mark.parametrize("n", [N, N + 1])
def test_tike_patterns_come_from_the_corner(tmp_path: Path, n: int) -> None:
    """Pixel [0, 0] becomes [n//2, n//2], for even and odd n; the corner of a patch becomes its middle."""
    path = tike(tmp_path, n)
    assert validate(path, depth="data").findings == ()
    scan = scan_of(path)
    np.testing.assert_array_equal(scan["intensity"], patterns(shape=(n, n)))
    np.testing.assert_allclose(centres_px(scan), STEPS_PX + (n - 1) / 2, rtol=0, atol=1e-5)
    assert scan["probe"].shape == (2, n, n)
    assert scan.attrs["probe_scale"] == "unknown"


def test_tike_patterns_are_read_in_any_order(tmp_path: Path) -> None:
    with read(tike(tmp_path), TRUSTED) as loaded:
        rows = np.array([5, 2, 2, 11])
        np.testing.assert_array_equal(loaded.scans[0]["intensity"].variable[rows, 3].values, patterns()[rows, 3])


def test_a_tike_archive_becomes_raw_data_whose_probe_has_the_energy(tmp_path: Path) -> None:
    """Σ of the patterns = n²·Σ|probe|² per pattern, where no object says otherwise."""
    done = convert(tike(tmp_path), tmp_path / "out", "raw-data-npz")
    with np.load(done.files[0]["npz"]) as written:
        np.testing.assert_allclose(written["diff3d"] ** 2, patterns(), rtol=1e-6)
        np.testing.assert_allclose(written["ycoords"], STEPS_PX[:, 0] + N / 2, rtol=0, atol=1e-5)


def test_tike_files_of_other_forms_are_findings(tmp_path: Path) -> None:
    assert "PTY103" in refusal(tike(tmp_path, data=patterns()))
    assert "PTY201" in refusal(tike(tmp_path, scan=STEPS_PX[None, :4].astype(np.float32)))


def recon(folder: Path, origin: tuple[float, float] | None) -> Path:
    field = np.arange(1, 13).reshape(3, 4).astype(np.complex64)
    write_recon(folder / "recon.npz", field, origin_px=origin)
    return folder / "recon.npz"


def test_a_reconstruction_lies_where_it_says(tmp_path: Path) -> None:
    object_ = scan_of(recon(tmp_path, (2, 1)))["object"].values
    assert object_.shape == (1, 5, 5)
    assert object_[0, 2:, 1:].real.ravel().tolist() == list(range(1, 13))
    assert np.count_nonzero(object_) == 12
    assert scan_of(recon(tmp_path, None))["object"].shape == (1, 3, 4)


@pytest.mark.parametrize("origin", [(0.5, 0), (-1, 0)])
def test_a_reconstruction_between_pixels_is_refused(tmp_path: Path, origin: tuple[float, float]) -> None:
    assert "PTY011" in refusal(recon(tmp_path, origin))
