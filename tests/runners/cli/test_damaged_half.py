"""Half of a pair is damaged or absent: every command says which half, whichever of the two was named."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from ptycho_runners.cli import app


def ptycho(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command run in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write_pair(folder: Path) -> None:
    """The pair `scan`: three patterns."""
    with h5py.File(folder / "scan_dp.hdf5", "w") as file:
        file["dp"] = np.ones((3, 8, 8), "f4")
    with h5py.File(folder / "scan_para.hdf5", "w") as file:
        file["object"] = np.ones((1, 16, 16), "c8")
        file["object"].attrs.update({"pixel_height_m": 1e-8, "pixel_width_m": 1e-8})
        file["probe"] = np.ones((1, 1, 8, 8), "c8")
        for axis in "xy":
            file[f"probe_position_{axis}_m"] = np.arange(3) * 1e-8


@pytest.fixture(params=["dp", "para"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The role of the half that was cut."""
    write_pair(tmp_path)
    path = tmp_path / f"scan_{request.param}.hdf5"
    path.write_bytes(path.read_bytes()[:-500])
    return str(request.param)


@pytest.mark.parametrize("named", ["dp", "para"])
@pytest.mark.parametrize("command", ["validate", "describe", "diagnose", "convert", "fix"])
def test_the_damaged_half_is_told(tmp_path: Path, damaged: str, named: str, command: str) -> None:
    more = {"convert": [tmp_path / "out", "--to", "cxi"], "fix": [tmp_path / "out"]}.get(command, [])
    code, out, err = ptycho(command, tmp_path / f"scan_{named}.hdf5", *more)
    assert code == 1
    told = out if command == "validate" else err
    assert f"PTY002 {damaged}:/" in told
    assert "the file is truncated" in told
    assert "see: ptycho explain PTY002" in told
    assert not (tmp_path / "out").exists()


def test_the_other_half_is_described_and_examined(tmp_path: Path, damaged: str) -> None:
    other = {"dp": "para", "para": "dp"}[damaged]
    path = tmp_path / f"scan_{damaged}.hdf5"
    assert ptycho("describe", path)[1].startswith(f"{other}: ")
    out = ptycho("validate", path, "--depth", "physics")[1]
    assert "ptychovit-pair" in out
    assert f"{damaged} is missing or cannot be read" in out


@pytest.mark.parametrize("absent", ["dp", "para"])
@pytest.mark.parametrize("command", ["validate", "describe", "diagnose", "convert", "fix"])
def test_the_absent_half_is_told(tmp_path: Path, absent: str, command: str) -> None:
    write_pair(tmp_path)
    (tmp_path / f"scan_{absent}.hdf5").unlink()
    there = {"dp": "para", "para": "dp"}[absent]
    more = {"convert": [tmp_path / "out", "--to", "cxi"], "fix": [tmp_path / "out"]}.get(command, [])
    code, out, err = ptycho(command, tmp_path / f"scan_{there}.hdf5", *more)
    assert code == 1
    assert f"PTY008 {absent}:/" in (out if command == "validate" else err)
