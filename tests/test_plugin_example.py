"""The example plug-in installs, and `ptycho` knows its format; a broken plug-in is one warning and no failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ptycho_contracts.contract import ArrayContract, get_contract
from ptycho_contracts.testing.drawn import write_artifact
from ptycho_contracts.testing.simulated import Size, pair_of, simulate_scan

EXAMPLE = Path(__file__).parents[1] / "examples" / "plugin"
BROKEN = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "ptycho-broken"
version = "0.9"
[project.entry-points."ptycho_contracts.contracts"]
impostor = "ptycho_broken.impostor:CONTRACT"
licence = "ptycho_broken.licence:CONTRACT"
[project.entry-points."ptycho_adapters.formats"]
absent = "ptycho_broken.impostor:CODEC"
[project.entry-points."ptycho_runners.arms"]
arms = "ptycho_broken.arms:ARMS"
[tool.hatch.build.targets.wheel]
packages = ["ptycho_broken"]
""",
    "ptycho_broken/__init__.py": "",
    "ptycho_broken/arms.py": """
class Precomputed:
    kind, options, plan, run = "precomputed", dict, None, None
class Mine:
    kind, options, plan, run = "mine", dict, None, None
ARMS = (Precomputed, Mine)
""",
    "ptycho_broken/licence.py": "raise RuntimeError('no licence found')\n",
    "ptycho_broken/impostor.py": """
from ptycho_contracts.contracts.raw_data_npz import RawDataFile
from ptycho_contracts.extending import ArrayContract
CONTRACT = ArrayContract("raw-data-npz", "9.0.0", "not ours", {"npz": RawDataFile})
""",
}
PROBLEMS = [
    "contract plug-in 'impostor' (ptycho_broken.impostor:CONTRACT) of ptycho-broken 0.9: 'raw-data-npz' refused, "
    "because the name is taken",
    "contract plug-in 'licence' (ptycho_broken.licence:CONTRACT) of ptycho-broken 0.9: left out, because RuntimeError: "
    "no licence found",
]
Run = Callable[..., subprocess.CompletedProcess[str]]


def install(package: Path, site: Path) -> Path:
    pytest.importorskip("hatchling", reason="plug-ins are built with hatchling (an extra of ours: dev)")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(package)], check=True, capture_output=True, text=True)
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(EXAMPLE, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def broken_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "ptycho_broken").mkdir()
    for name, text in BROKEN.items():
        (folder / name).write_text(text)
    return install(folder, tmp_path_factory.mktemp("broken_site"))


def runner(site: Path, folder: Path) -> Run:
    def run(*command: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run(
            [str(program), *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    pair = get_contract("ptychovit-pair")
    assert isinstance(pair, ArrayContract)
    write_artifact(pair_of(simulate_scan(2, Size(n=16, rows=5, columns=5))), pair, tmp_path, "scan")
    return runner(site, tmp_path)


def test_the_format_is_converted_validated_and_described(run: Run, tmp_path: Path) -> None:
    said = run("ptycho", "convert", "scan_dp.hdf5", "lab", "--to", "lab-scan-npz").stdout
    assert "ptychovit-pair → lab-scan-npz" in said
    assert "wrote lab/scan.npz" in said
    report = run("ptycho", "validate", "lab/scan.npz", "--depth", "data").stdout
    assert "lab/scan.npz: valid (lab-scan-npz 1.0.0, depth data)" in report
    assert "/stage_um  float64 (25, 2)" in run("ptycho", "describe", "lab/scan.npz").stdout
    schema = json.loads(run("ptycho", "schema", "show", "lab-scan-npz").stdout)
    assert schema["$id"] == "urn:ptycho-contracts:lab-scan-npz:1.0.0"
    run("ptycho", "convert", "lab/scan.npz", "back", "--to", "ptychovit-pair")
    physics = run("ptycho", "validate", "back/scan_dp.hdf5", "--depth", "physics").stdout
    assert "25 of 25 patterns are explained best at their own place" in physics
    assert sorted(p.name for p in (tmp_path / "back").iterdir() if p.suffix == ".hdf5") == [
        "scan_dp.hdf5",
        "scan_para.hdf5",
    ]


def test_a_broken_file_of_the_format_is_found(run: Run, tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "bad.npz", frames=np.ones((3, 8, 8)), stage_um=np.ones((4, 2)), pixel_um=1.0)
    report = run("ptycho", "validate", "bad.npz", status=1).stdout
    assert "ERROR PTY101 npz:/probe" in report
    assert "ERROR PTY201" in report


def test_xarray_opens_the_format(run: Run) -> None:
    run("ptycho", "convert", "scan_dp.hdf5", "lab", "--to", "lab-scan-npz")
    code = "import xarray; print(xarray.open_dataset('lab/scan.npz', engine='ptycho').intensity[3].shape)"
    assert run("python", "-c", code).stdout.splitlines()[0] == "(16, 16)"


def test_its_own_tests_pass_with_our_strategies_and_fixtures(run: Run) -> None:
    said = run("pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)).stdout
    assert "3 passed" in said


def test_the_list_of_plugins(run: Run) -> None:
    listed = json.loads(run("ptycho", "plugins", "--format", "json").stdout)
    assert [(entry["adds"], entry["ids"], entry["distribution"], entry["problem"]) for entry in listed] == [
        ("contract", ["lab-scan-npz"], "ptycho-lab 0.1.0", None),
        ("format", ["lab-scan-npz"], "ptycho-lab 0.1.0", None),
    ]
    assert (
        "contract lab-scan-npz  of ptycho-lab 0.1.0 (ptycho_lab.contract:CONTRACT)" in run("ptycho", "plugins").stdout
    )


def test_a_broken_plugin_is_a_warning_and_all_else_works(broken_site: Path, run: Run, tmp_path: Path) -> None:
    broken = runner(broken_site, tmp_path)
    done = broken("ptycho", "validate", "scan_dp.hdf5", "--jobs", "2")
    assert "scan_dp.hdf5: valid (ptychovit-pair 1.0.0" in done.stdout
    assert done.stderr.splitlines() == [f"ptycho: warning: {problem}" for problem in PROBLEMS]
    listed = broken("ptycho", "plugins", status=1)
    assert listed.stderr == ""
    assert listed.stdout.splitlines() == [
        "contract (nothing)  of ptycho-broken 0.9 (ptycho_broken.impostor:CONTRACT)",
        "  PROBLEM: 'raw-data-npz' refused, because the name is taken",
        "contract (nothing)  of ptycho-broken 0.9 (ptycho_broken.licence:CONTRACT)",
        "  PROBLEM: left out, because RuntimeError: no licence found",
        "format   (nothing)  of ptycho-broken 0.9 (ptycho_broken.impostor:CODEC)",
        "  PROBLEM: left out, because AttributeError: module 'ptycho_broken.impostor' has no attribute 'CODEC'",
        "arm      mine  of ptycho-broken 0.9 (ptycho_broken.arms:ARMS)",
        "  PROBLEM: 'precomputed' refused, because the name is taken",
    ]


def test_without_plugins_the_list_says_so(run: Run, tmp_path: Path) -> None:
    assert runner(tmp_path, tmp_path)("ptycho", "plugins").stdout == "no plug-ins are installed\n"
