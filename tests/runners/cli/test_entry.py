"""The entry point: what the operating system refuses is one line and exit code 1, whichever command it stops."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from ptycho_adapters.recon import write_recon
from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines
from ptycho_runners import cli


def ended(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str]:
    """Exit code and stderr of the entry point."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    return caught.value.code, capsys.readouterr().err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split, a study of it, and a file where a folder is wanted."""
    root = tmp_path_factory.mktemp("entry")
    write_grid_lines(root, GridLinesSettings(N=32, size=96, step_px=12, seed=2))
    write_recon(root / "recon.npz", np.ones((96, 96), "c8"))
    arm = {"id": "a", "kind": "precomputed", "options": {"recon": "recon.npz"}}
    (root / "study.yaml").write_text(yaml.safe_dump({"name": "t", "data": {"test": "test.npz"}, "arms": [arm]}))
    (root / "file").write_text("no folder")
    return root


@pytest.mark.parametrize("target", ["file", "file/below"])
@pytest.mark.parametrize("command", ["convert", "simulate", "study"])
def test_impossible_output_folders(folder: Path, capsys: pytest.CaptureFixture[str], command: str, target: str) -> None:
    out = folder / target
    code, err = ended(capsys, *{
        "convert": ("convert", folder / "test.npz", out, "--to", "raw-data-npz"),
        "simulate": ("simulate", "grid-lines", "--n", 32, "--object-size-px", 96, "--out", out),
        "study": ("study", "run", folder / "study.yaml", "--output", out),
    }[command])  # fmt: skip
    reason = "Not a directory" if target == "file/below" else "File exists"
    assert (code, err) == (1, f"ptycho: {reason}: {out}\n")


@pytest.mark.parametrize("to", ["raw-data-npz", "ptychovit-pair"])
def test_forbidden_folder_is_named_and_not_our_temporary_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str
) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    code, err = ended(capsys, "convert", folder / "test.npz", tmp_path, "--to", to)
    assert (code, err) == (1, f"ptycho: Permission denied: {tmp_path}\n")


def test_installed_command_prints_no_traceback(folder: Path) -> None:
    arguments = ["simulate", "grid-lines", "--n", "32", "--object-size-px", "96", "--out", str(folder / "file")]
    code = "from ptycho_runners.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"ptycho: File exists: {folder / 'file'}\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.npz"), "ptycho: No space left on device: x.npz\n"),
        (PermissionError(errno.EACCES, "denied", "/dev/absent/.x.tmp.npz"), "ptycho: Permission denied: /dev\n"),
        (PermissionError(errno.EACCES, "HDF5 (name = '/dev/.x.hdf5', …)"), "ptycho: Permission denied: /dev\n"),
        (OSError("HDF5 says\nmore"), "ptycho: HDF5 says more\n"),
        (OSError(), "ptycho: OSError\n"),
    ],
)
def test_every_system_error_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: OSError, line: str
) -> None:
    def refused(_arguments: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", refused)
    assert ended(capsys, "describe", "x") == (1, line)


def test_codes_of_commands_pass_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "--version") == (0, "")
    assert ended(capsys, "explain", "PTY000")[0] == 2
