"""`ptycho validate` as projects use it: folders, lists, configuration, baseline, formats, and the exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from ptycho_contracts.batch import examine as engine
from ptycho_contracts.finding import Report
from ptycho_contracts.render import FORMATS
from ptycho_contracts.validation import validate
from ptycho_runners.cli import app
from ptycho_runners.cli.validate import ReportFormat


def ptycho(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command run in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write_raw(path: Path, **changes: Any) -> Path:
    """A RawData file that is valid but for `changes`; None leaves a member out."""
    count, size = 5, 8
    members: dict[str, Any] = {
        "xcoords": np.arange(count, dtype="f8"),
        "ycoords": np.arange(count, dtype="f8") ** 2,
        "diff3d": np.ones((count, size, size), "f4"),
        "probeGuess": np.ones((size, size), "c8"),
        "objectGuess": np.ones((40, 40), "c8"),
        "scan_index": np.zeros(count, "i8"),
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: value for name, value in members.items() if value is not None})
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two good files and one that lacks its probe."""
    write_raw(tmp_path / "data/good.npz")
    write_raw(tmp_path / "data/more/good.npz")
    write_raw(tmp_path / "data/bad.npz", ycoords=None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def timeless(text: str) -> str:
    return re.sub(r"\d+-\d+-\d+T[\d:.]+Z?|time=.[\d.]+.", "", text)


def codes(out: str) -> set[str]:
    return set(re.findall(r"PTY\d{3}", out))


@pytest.mark.usefixtures("project")
class TestWhatIsExamined:
    def test_a_folder(self) -> None:
        code, out, _ = ptycho("validate", ".")
        assert code == 1
        assert "2 of 3 valid" in out
        assert "PTY101 npz:/ycoords" in out

    def test_a_quoted_pattern_and_exclude(self) -> None:
        assert "1 of 1 valid" in ptycho("validate", "data/*.npz", "--exclude", "bad.npz")[1]
        assert "2 of 2 valid" in ptycho("validate", "data/**/*.npz", "--exclude", "data/bad*")[1]

    def test_lists(self) -> None:
        Path("list.txt").write_text("data/good.npz\n\ndata/more\n")
        assert "2 of 2 valid" in ptycho("validate", "--files-from", "list.txt")[1]
        assert "2 of 2 valid" in ptycho("validate", "-", stdin="data/good.npz\ndata/more\n")[1]
        assert "1 of 1 valid" in ptycho("validate", "--files-from", "-", stdin="data/good.npz\n")[1]

    def test_an_empty_list_is_fine_and_says_so(self) -> None:
        assert ptycho("validate", "-", stdin="\n") == (0, "", "ptycho: nothing was validated: the list is empty\n")

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "name files or folders"),
            (["empty"], "nothing to validate in empty"),
            (["*.tif"], "nothing to validate in *.tif"),
            (["data", "--files-from", "nowhere.txt"], "nowhere.txt cannot be read"),
            (["data", "--select", "PTY98"], "no code is or begins with 'PTY98'"),
            (["data", "--ignore", "PTY0"], "only by their whole code"),
            (["data", "--exclude", "[z-a]"], "no pattern of paths"),
            (["data", "--baseline", "nowhere.json"], "the baseline nowhere.json does not exist"),
            (["data", "--config", "nowhere.toml"], "the configuration nowhere.toml cannot be used"),
            (["data", "--config", "x.toml", "--isolated"], "contradict"),
            (["data", "--jobs", "0"], "--jobs"),
            (["data", "--also", "x.sarif"], "--also is FORMAT=FILE"),
            (["data", "--also", "pdf=x.pdf"], "--also is FORMAT=FILE"),
        ],
    )
    def test_misuse(self, arguments: list[str], told: str) -> None:
        Path("empty").mkdir()
        code, out, err = ptycho("validate", *arguments)
        assert (code, out) == (2, "")
        assert told in err

    def test_all_excluded_is_fine_and_says_so(self) -> None:
        code, _, err = ptycho("validate", "data/bad.npz", "--exclude", "data")
        assert code == 0
        assert "all that was named is excluded" in err

    def test_several_processes_say_the_same(self) -> None:
        one, two = (ptycho("validate", ".", "--jobs", n, "--format", "json") for n in (1, 2))
        assert json.loads(one[1])["reports"] == json.loads(two[1])["reports"]
        assert one[0] == two[0] == 1


@pytest.mark.usefixtures("project")
class TestPolicy:
    def test_select_ignore_and_fail_on(self) -> None:
        assert ptycho("validate", "data", "--ignore", "PTY1")[0] == 0
        assert ptycho("validate", "data", "--select", "pty4,PTY3")[0] == 0
        code, out, _ = ptycho("validate", "data", "--fail-on", "never")
        assert (code, codes(out)) == (0, {"PTY101"})
        hinted = ("data", "--config", "ptycho.toml")
        Path("ptycho.toml").write_text('severity = {PTY101 = "warning"}')
        assert ptycho("validate", *hinted)[0] == 0
        assert ptycho("validate", *hinted, "--fail-on", "warning")[0] == 1
        assert ptycho("validate", *hinted, "--profile", "strict")[0] == 1

    def test_the_configuration_of_the_folder_above_and_isolated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("pyproject.toml").write_text('[tool.ptycho-contracts.per-path."data/bad.npz"]\nignore = ["PTY101"]\n')
        monkeypatch.chdir("data")
        assert ptycho("validate", ".")[0] == 0
        assert ptycho("validate", ".", "--isolated")[0] == 1

    def test_a_wrong_configuration_stops_before_anything_is_examined(self) -> None:
        Path("ptycho-contracts.toml").write_text('fail_on = "never"\n')
        code, out, err = ptycho("validate", "data")
        assert (code, out) == (2, "")
        assert "ptycho-contracts.toml cannot be used" in err
        assert "Did you mean 'fail-on'?" in err

    def test_policy_and_digest_are_in_every_format(self) -> None:
        told = json.loads(ptycho("validate", "data", "--ignore", "PTY302", "--format", "json")[1])
        assert told["policy"]["ignore"] == ["PTY302"]
        for format in FORMATS:
            out = ptycho("validate", "data", "--ignore", "PTY302", "--format", format)[1:]
            assert told["policy_digest"][:12] in "".join(out), format


@pytest.mark.usefixtures("project")
class TestBaseline:
    def test_known_findings_pass_new_ones_fail_fixed_ones_are_told(self) -> None:
        code, _, err = ptycho("validate", "data", "--write-baseline", "ptycho-baseline.json")
        assert code == 0
        assert "1 known finding written to ptycho-baseline.json" in err
        Path("ptycho-contracts.toml").write_text('baseline = "ptycho-baseline.json"\n')
        code, out, _ = ptycho("validate", "data")
        assert code == 0
        assert "1 finding known from the baseline" in out
        write_raw(Path("data/worse.npz"), xcoords=None)
        code, out, _ = ptycho("validate", "data")
        assert code == 1
        assert "npz:/xcoords" in out
        write_raw(Path("data/bad.npz"))
        _, out, _ = ptycho("validate", "data")
        assert "remove it from the baseline: PTY101 data/bad.npz npz:/ycoords" in out

    def test_writing_again_keeps_what_was_known(self) -> None:
        Path("ptycho-contracts.toml").write_text('baseline = "known.json"\n')
        for _ in range(2):
            assert ptycho("validate", "data", "--write-baseline", "known.json")[0] == 0
        assert len(json.loads(Path("known.json").read_text())["findings"]) == 1


@pytest.mark.usefixtures("project")
class TestOutput:
    def test_the_formats_are_those_of_the_renderers(self) -> None:
        assert sorted(FORMATS) == sorted(ReportFormat)

    @pytest.mark.parametrize("format", FORMATS)
    def test_to_a_file_and_a_summary_on_stderr(self, format: str) -> None:
        code, out, _ = ptycho("validate", "data", "--format", format)
        told = ptycho("validate", "data", "--format", format, "--output", "out/report")
        assert told[0] == code == 1
        assert told[1] == ""
        assert "2 of 3 valid: 1 error, 0 warnings, 0 hints; wrote out/report" in told[2]
        timeless = [
            re.sub(r"\d+-\d+-\d+T[\d:.]+Z?|time=.[\d.]+.", "", t) for t in (out, Path("out/report").read_text())
        ]
        assert timeless[0] == timeless[1]

    def test_one_examination_several_formats(self) -> None:
        also = ("--also", "sarif=out/r.sarif", "--also", "junit=out/r.xml")
        code, out, _ = ptycho("validate", "data", "--format", "json", *also)
        assert (code, json.loads(out)["ok"]) == (1, False)
        assert "PTY101" in Path("out/r.sarif").read_text()
        assert "PTY101" in Path("out/r.xml").read_text()

    def test_no_colours_where_nobody_sees_them(self) -> None:
        assert "\x1b" not in ptycho("validate", "data")[1]


@pytest.mark.usefixtures("project")
def test_ctrl_c_prints_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, *rest: Any) -> Report:
        if path.parent.name == "more":
            raise KeyboardInterrupt
        return validate(path, *rest)

    monkeypatch.setattr(engine, "_forks_safely", lambda: False)  # else another process would be interrupted
    monkeypatch.setattr(engine, "validate", interrupted)
    code, out, _ = ptycho("validate", "data")
    assert code == 130
    assert "PTY101" in out
    assert "interrupted: 1 file not examined" in out
    code, _, err = ptycho("validate", "data", "--write-baseline", "known.json")
    assert code == 130
    assert "known.json was not written" in err
    assert not Path("known.json").exists()


def test_forty_pairs_from_a_terminal_with_one_broken(tmp_path: Path) -> None:
    """The whole command in a process of its own, with a pool."""
    for k in range(40):
        with h5py.File(tmp_path / f"s{k:03d}_dp.hdf5", "w") as file:
            file["dp"] = np.ones((3, 8, 8), "f4")
        with h5py.File(tmp_path / f"s{k:03d}_para.hdf5", "w") as file:
            file["object"] = np.ones((1, 16, 16), "c8")
            file["object"].attrs.update({"pixel_height_m": 1e-8, "pixel_width_m": 1e-8})
            file["probe"] = np.ones((1, 1, 8, 8), "c8")
            for axis in "xy":
                file[f"probe_position_{axis}_m"] = np.arange(3 if k != 21 else 4) * 1e-7
    command = [Path(sys.executable).with_name("ptycho"), "validate", str(tmp_path), "--jobs", "2", "--isolated"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "39 of 40 valid" in done.stdout
    assert "s021_dp.hdf5: INVALID" in done.stdout
    assert "PTY201" in done.stdout
    assert done.stderr == ""


def test_a_baseline_that_is_not_there_is_misuse_with_the_way_to_write_it(project: Path) -> None:
    code, _, err = ptycho("validate", "data", "--baseline", "known.json")
    assert code == 2
    assert "`--write-baseline known.json` writes it" in err
    assert ptycho("validate", "data", "--write-baseline", "known.json")[0] == 0
    code, out, _ = ptycho("validate", "data", "--baseline", "known.json", "--isolated")
    assert code == 0
    assert "data/bad.npz: valid, but for 1 known finding (raw-data-npz" in out


def test_an_empty_path_is_misuse(project: Path) -> None:
    code, _, err = ptycho("validate", "")
    assert (code, "empty path" in err) == (2, True)


def test_patterns_without_a_scan_are_told_as_what_they_are(project: Path) -> None:
    empty = write_raw(project / "empty.npz", diff3d=np.ones((0, 8, 8), "f4"))
    code, out, _ = ptycho("validate", empty)
    assert code == 1
    assert "diff3d is empty: (0, 8, 8), 3 axes" in out


@pytest.mark.parametrize("option", [["--output"], ["--write-baseline"], ["--also", "json="]])
def test_a_report_never_takes_the_place_of_data(project: Path, option: list[str]) -> None:
    file = project / "data/good.npz"
    before = file.read_bytes()
    named = [f"{option[-1]}{file}"] if option[-1].endswith("=") else [file]
    code, _, err = ptycho("validate", "data", option[0], *named)
    assert (code, "looks like data" in err, file.read_bytes()) == (2, True, before)


def test_figures_that_differ_among_files_are_told(project: Path) -> None:
    for number in range(6):
        write_raw(project / f"odd/{number}.npz", xcoords=np.arange(3 if number == 4 else 4, dtype="f8"))
    _, out, _ = ptycho("validate", "odd")
    assert "same finding in 6 files" in out
    assert any("in odd/4.npz: " in line and "3" in line.partition(":")[2] for line in out.splitlines())
