"""A run that was killed between its last epoch and the end of main.py is completed without training."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ptycho_contracts.atomic import sha256_of
from ptycho_contracts.sources.pickle_file import PickleSource
from ptycho_runners.cli import main
from ptycho_runners.errors import RunError
from ptycho_runners.lineage import details
from ptycho_runners.ptychovit.checkout import find_checkout
from ptycho_runners.ptychovit.execute import perform
from ptycho_runners.ptychovit.request import ResumeRequest, TrainOptions, TrainRequest
from ptycho_runners.rundir import state_of

KEPT = ("best_model.pth", "checkpoint_model.pth", "checkpoint.state", "config.yaml")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory, data: Any) -> Path:
    model = yaml.safe_load((find_checkout("reference").root / "config.yaml").read_text())["model"]
    model["encoder"] |= {"embed_dim": 16, "depth": 1, "num_heads": 2}
    model["decoder"] |= {"base_channels": 4}
    request = TrainRequest(
        runs_dir=tmp_path_factory.mktemp("ended"),
        data_path=data.train,
        options=TrainOptions(epochs=1, batch_size=4, train_split=0.75),
        model=model,
        device="cpu",
        threads=1,
    )
    return perform(request).run_dir


@pytest.fixture
def killed(complete: Path, tmp_path: Path) -> Path:
    """What a SIGKILL right after the last epoch's checkpoint leaves."""
    run = Path(shutil.copytree(complete, tmp_path / "run1", symlinks=True))
    (run / "metrics.pickle").unlink()
    (run / "result.json").unlink()
    for name, value in (("manifest.json", {"outcome": "running"}), ("state.json", {"state": "running"})):
        document = json.loads((run / name).read_text()) | value
        (run / name).write_text(json.dumps(document))
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["attempts"][-1]["outcome"] = "running"
    (run / "manifest.json").write_text(json.dumps(manifest))
    os.replace(run / "checkpoint.state", run / "checkpoint.state.next")  # killed before the last rename
    assert state_of(run) == "interrupted"
    return run


def test_its_end_is_written_and_nothing_is_trained(killed: Path, complete: Path) -> None:
    record = perform(ResumeRequest(run=killed), on_event=lambda event: pytest.fail(f"something was started: {event}"))
    assert (state_of(killed), record.manifest.outcome) == ("complete", "complete")
    assert {name: sha256_of(killed / name) for name in KEPT} == {name: sha256_of(complete / name) for name in KEPT}
    with PickleSource(killed / "metrics.pickle") as ours, PickleSource(complete / "metrics.pickle") as theirs:
        assert ours.describe().members.keys() == theirs.describe().members.keys()
        for name in theirs.describe().members:
            assert ours.read(name) == theirs.read(name)
    assert [attempt.outcome for attempt in record.manifest.attempts] == ["interrupted"]
    assert {output.path for output in record.manifest.outputs} == {*KEPT, "metrics.pickle"}
    assert not list(killed.glob("*.next"))


def test_a_plan_of_it_says_so_and_writes_nothing(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(killed.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(["ptychovit", "resume", str(killed), "--dry-run"])
    assert ended.value.code == 0
    assert "nothing is left to train" in capsys.readouterr().out
    assert sorted(killed.iterdir()) == before


def test_a_run_that_ended_well_is_refused_as_before(complete: Path) -> None:
    with pytest.raises(RunError) as caught:
        perform(ResumeRequest(run=complete))
    assert [found.code for found in caught.value.findings] == ["PTY521"]


def test_files_that_do_not_belong_together_are_not_ended(killed: Path) -> None:
    shutil.copyfile(find_checkout("reference").root / "weights" / "best_model.pth", killed / "checkpoint_model.pth")
    with pytest.raises(RunError) as caught:
        perform(ResumeRequest(run=killed))
    assert {"PTY518", "PTY519", "PTY521"} <= {found.code for found in caught.value.findings}
    assert not (killed / "metrics.pickle").exists()


def test_runs_show_names_the_killed_process_and_the_way_on(killed: Path) -> None:
    shown = details(killed)
    assert [attempt.outcome for attempt in shown.attempts] == ["interrupted"]
    assert shown.way_on == f"ptycho ptychovit resume {killed}"
    perform(ResumeRequest(run=killed))
    assert details(killed).way_on.startswith("ptycho ptychovit infer ")
