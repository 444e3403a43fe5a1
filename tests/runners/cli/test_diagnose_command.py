"""`ptycho diagnose`: what it prints, what it exits with, and that the command it names repairs the file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from ptycho_adapters.simulate.grid_lines import Defects, GridLinesSettings, simulate_grid_lines
from ptycho_contracts.physics.diagnosis.changes import Change, in_words
from ptycho_contracts.physics.diagnosis.result import Candidate, Diagnosis
from ptycho_runners.cli import app
from ptycho_runners.cli.diagnose import _lines as told


def ptycho(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a command run in this process."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def shuffled(tmp_path: Path) -> Path:
    """A training split of two objects, as PtychoPINN leaves it, in a folder with a blank in its name."""
    defects = Defects(shuffle=True, repeat_coordinates=True)
    settings = GridLinesSettings(N=32, size=72, step_px=8, n_train_objects=2, defects=defects)
    members: dict[str, Any] = simulate_grid_lines(settings).train
    path = tmp_path / "my scans" / "train.npz"
    path.parent.mkdir()
    np.savez(path, **members)
    return path


def test_the_mistake_is_named_and_the_named_command_repairs(shuffled: Path, tmp_path: Path) -> None:
    code, out, _ = ptycho("diagnose", shuffled, "--object", 1)
    assert code == 1
    head, mistake, *_ = out.splitlines()
    assert head.startswith(f"{shuffled}: mistaken (by forward model, ")
    assert mistake.strip().startswith("order:shuffled: ")
    assert "about object 1" in out
    repair = shlex.split(out.partition("repair: ptycho ")[2].replace("FOLDER", shlex.quote(str(tmp_path / "right"))))
    assert ptycho(*repair)[0] == 0
    for made in ("train_000.npz", "train_001.npz"):
        code, out, _ = ptycho("diagnose", tmp_path / "right" / made)
        assert (code, "as stated" in out.splitlines()[0]) == (0, True)


def test_json_is_the_diagnosis_and_a_picture_is_drawn(shuffled: Path, tmp_path: Path) -> None:
    picture = tmp_path / "seen.png"
    code, out, _ = ptycho("diagnose", shuffled, "--format", "json", "--picture", picture)
    told = json.loads(out)
    assert (code, told["verdict"], told["ranked"][0]["changes"]) == (1, "mistaken", ["order:shuffled"])
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--object", 2, "holds 2 objects"), ("--frame", "half-size", "--frame means nothing to grid-lines-npz")],
)
def test_what_cannot_be_asked_of_the_file_is_misuse(shuffled: Path, option: str, value: object, said: str) -> None:
    code, _, err = ptycho("diagnose", shuffled, option, value)
    assert (code, said in err) == (2, True)


def test_a_simple_name_that_explains_a_little_less_says_so() -> None:
    def candidate(slugs: tuple[str, ...], residual: float, behind: float) -> Candidate:
        words = in_words(map(Change.parse, slugs))
        return Candidate(
            changes=slugs, meaning=words, mean_residual=residual, behind_best_t=behind, agree=9, contradict=0, sampled=9
        )

    ranked = (candidate((), 0.0102, 1.25), candidate(("pixel-size:0.99",), 0.0101, 0.0))
    lines = list(told(Path("a.npz"), Diagnosis(verdict="as stated", method="forward model", ranked=ranked)))
    assert [line.split()[2:4] for line in lines[-2:]] == [["1.2", "σ"], ["–", "pixel-size:0.99"]]


def test_the_picture_shows_the_file_as_it_is_beside_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ptycho_runners import diagnosis_picture

    members = simulate_grid_lines(GridLinesSettings(N=32, size=72, step_px=8, defects=Defects(axes="xy"))).test
    np.savez(tmp_path / "swapped.npz", **members)
    drawn: list[tuple[str, str]] = []

    def keep(path: Path, numbers: Any, columns: Any) -> None:
        assert all(len(column.patterns.measured) == len(numbers) for column in columns)
        drawn.extend((column.role, column.name) for column in columns)

    monkeypatch.setattr(diagnosis_picture, "draw", keep)
    assert ptycho("diagnose", tmp_path / "swapped.npz", "--picture", tmp_path / "seen.png")[0] == 1
    assert drawn[:2] == [("best", "swapped-axes"), ("the file as it is", "as stated")]
    assert [role for role, _ in drawn[2:]] == ["runner-up"]


def test_a_picture_never_takes_the_place_of_data(shuffled: Path) -> None:
    before = shuffled.read_bytes()
    code, _, err = ptycho("diagnose", shuffled, "--picture", shuffled)
    assert (code, "no PNG" in err, shuffled.read_bytes()) == (2, True, before)
