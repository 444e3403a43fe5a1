"""The command line: exit codes, output formats, and a start that costs little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ptycho_adapters.simulate.grid_lines import GridLinesSettings, write_grid_lines
from ptycho_runners.cli import app

HEAVY = ("numpy", "h5py", "scipy", "xarray", "pandas", "torch", "matplotlib", "pydantic", "skimage")


def ptycho(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command run in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="session")
def splits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    settings = GridLinesSettings(N=64, size=128, step_px=12, n_train_objects=2, photons=1e6, seed=5)
    return write_grid_lines(tmp_path_factory.mktemp("splits"), settings)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, ptycho_runners.cli; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


@pytest.mark.parametrize(
    "command", ["describe", "validate", "explain", "convert", "evaluate", "simulate", "schema", "study"]
)
def test_every_command_has_help(command: str) -> None:
    code, out, _ = ptycho(command, "--help")
    assert code == 0
    assert "Usage" in out


def test_version() -> None:
    code, out, _ = ptycho("--version")
    assert (code, out.split()[0]) == (0, "ptycho-contracts")


class TestValidate:
    def test_valid_file_exits_0(self, splits: tuple[Path, Path]) -> None:
        code, out, _ = ptycho("validate", splits[1])
        assert code == 0
        assert "1 of 1 valid" in out

    def test_findings_exit_1_and_name_code_and_place(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "cut.npz", diffraction=np.ones((4, 8, 8, 1), "f4"), probeGuess=np.ones((8, 8), "c8"))
        code, out, _ = ptycho("validate", tmp_path / "cut.npz", "--contract", "grid-lines-npz")
        assert code == 1
        assert "PTY101 npz:/coords_offsets" in out

    def test_absent_file_is_a_finding(self, tmp_path: Path) -> None:
        code, out, _ = ptycho("validate", tmp_path / "nothing.npz")
        assert code == 1
        assert "PTY001" in out

    def test_unknown_contract_is_misuse(self, splits: tuple[Path, Path]) -> None:
        code, _, err = ptycho("validate", splits[1], "--contract", "grid-line-npz")
        assert code == 2
        assert "did you mean 'grid-lines-npz'" in err

    def test_unknown_option_is_misuse(self, splits: tuple[Path, Path]) -> None:
        assert ptycho("validate", splits[1], "--depth", "bottom")[0] == 2

    def test_json_is_strict_and_complete(self, splits: tuple[Path, Path]) -> None:
        code, out, _ = ptycho("validate", *splits, "--format", "json", "--depth", "physics")
        told = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert code == 0
        assert told["ok"] is True
        assert [report["evidence"]["physics"]["verdict"] for report in told["reports"]] == ["proven", "proven"]


class TestDescribe:
    def test_json_fits_the_schema(self, splits: tuple[Path, Path], tmp_path: Path) -> None:
        import jsonschema

        described = json.loads(ptycho("describe", splits[0], "--format", "json")[1])
        schema = json.loads(ptycho("schema", "show", "grid-lines-npz")[1])
        jsonschema.Draft202012Validator(schema).validate(described)

    def test_text_names_members(self, splits: tuple[Path, Path]) -> None:
        code, out, _ = ptycho("describe", splits[0])
        assert code == 0
        assert "/diffraction  float32 (" in out

    def test_damaged_file_exits_1(self, tmp_path: Path) -> None:
        (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 and then nothing")
        code, _, err = ptycho("describe", tmp_path / "x.npz")
        assert code == 1
        assert "PTY002" in err


class TestExplain:
    def test_one(self) -> None:
        code, out, _ = ptycho("explain", "pty310")
        assert code == 0
        assert "Why it matters" in out

    def test_all_and_none(self) -> None:
        assert "PTY101" in ptycho("explain")[1]
        assert ptycho("explain", "PTY000")[0] == 2


class TestConvert:
    def test_writes_pairs_and_manifest(self, splits: tuple[Path, Path], tmp_path: Path) -> None:
        code, out, _ = ptycho("convert", splits[0], tmp_path, "--to", "ptychovit-pair", "--name", "a")
        assert code == 0
        assert {p.name for p in tmp_path.iterdir()} == {
            "a_000_dp.hdf5", "a_000_para.hdf5", "a_001_dp.hdf5", "a_001_para.hdf5", "a_conversion.json",
        }  # fmt: skip
        assert "placeholder: pixel size" in out
        assert ptycho("validate", *sorted(tmp_path.iterdir()), "--depth", "physics")[0] == 0

    def test_refuses_to_overwrite(self, splits: tuple[Path, Path], tmp_path: Path) -> None:
        assert ptycho("convert", splits[1], tmp_path, "--to", "raw-data-npz")[0] == 0
        code, _, err = ptycho("convert", splits[1], tmp_path, "--to", "raw-data-npz")
        assert code == 1
        assert "PTY010" in err
        assert ptycho("convert", splits[1], tmp_path, "--to", "raw-data-npz", "--overwrite")[0] == 0

    def test_unprovable_order_is_refused_with_the_way_out(self, splits: tuple[Path, Path], tmp_path: Path) -> None:
        held = dict(np.load(splits[1]))
        held["diffraction"] = np.random.default_rng(1).permutation(held["diffraction"])
        np.savez(tmp_path / "mixed.npz", **held)
        code, _, err = ptycho("convert", tmp_path / "mixed.npz", tmp_path / "out", "--to", "ptychovit-pair")
        assert code == 1
        assert "PTY310" in err
        assert "--order match" in err
        assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
        again = ("convert", tmp_path / "mixed.npz", tmp_path / "out", "--to", "ptychovit-pair", "--order", "match")
        assert ptycho(*again)[0] == 0

    @pytest.mark.parametrize("wrong", [("--to", "nonsense"), ("--to", "ptychovit-pair", "--pixel-size-m", "-1")])
    def test_misuse(self, splits: tuple[Path, Path], tmp_path: Path, wrong: tuple[str, ...]) -> None:
        assert ptycho("convert", splits[1], tmp_path, *wrong)[0] == 2


class TestEvaluate:
    def test_json_has_pairs_of_numbers(self, tmp_path: Path) -> None:
        from ptycho_adapters.recon import write_recon
        from ptycho_adapters.simulate.objects import random_lines_object

        truth = random_lines_object(128, np.random.default_rng(0))
        write_recon(tmp_path / "truth.npz", truth)
        write_recon(tmp_path / "recon.npz", truth * np.complex64(0.5 * np.exp(2j)))
        code, out, _ = ptycho("evaluate", tmp_path / "recon.npz", tmp_path / "truth.npz", "--format", "json")
        told = json.loads(out)
        assert code == 0
        assert min(told["metrics"]["pearson"]) > 0.9999
        assert told["evaluation"]["grid_shape"] == [256, 256]
        assert "pearson" in ptycho("evaluate", tmp_path / "recon.npz", tmp_path / "truth.npz")[1]

    def test_wrong_file_exits_1(self, splits: tuple[Path, Path]) -> None:
        assert ptycho("evaluate", splits[0], splits[1])[0] == 1


def test_simulate_is_seeded(tmp_path: Path) -> None:
    for name in "ab":
        arguments = ("--n", 32, "--object-size-px", 64, "--seed", 3, "--out", tmp_path / name)
        assert ptycho("simulate", "grid-lines", *arguments)[0] == 0
    first, second = (np.load(tmp_path / name / "test.npz") for name in "ab")
    assert np.array_equal(first["diffraction"], second["diffraction"])
    assert ptycho("simulate", "grid-lines", "--n", 31, "--out", tmp_path)[0] == 2


def test_schema_check_finds_drift(tmp_path: Path) -> None:
    assert ptycho("schema", "write", "--folder", tmp_path)[0] == 0
    assert ptycho("schema", "check", "--folder", tmp_path)[0] == 0
    next(tmp_path.rglob("*.json")).write_text("{}")
    assert ptycho("schema", "check", "--folder", tmp_path)[0] == 1
    assert ptycho("schema", "show", "nonsense")[0] == 2


def test_simulated_files_are_not_overwritten_unasked(tmp_path: Path) -> None:
    call = ["simulate", "grid-lines", "--n", "32", "--object-size-px", "72", "--step-px", "12", "--out", str(tmp_path)]
    assert ptycho(*call)[0] == 0
    (tmp_path / "test.npz").unlink()
    code, _, err = ptycho(*call)
    assert (code, "PTY010" in err, "already holds train.npz" in err) == (1, True, True)
    assert not (tmp_path / "test.npz").exists()
    assert ptycho(*call, "--overwrite")[0] == 0
    assert (tmp_path / "test.npz").exists()
