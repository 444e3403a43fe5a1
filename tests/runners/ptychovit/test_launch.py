"""The command line of the bridge: what torchrun gets, and that it can be read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ptycho_contracts.contracts.run_manifest import RunManifest
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.execute import perform, plan_of
from ptycho_runners.ptychovit.launch import BRIDGE, command_of, launch_of
from ptycho_runners.ptychovit.request import Launch, ResumeRequest, TrainOptions, TrainRequest

launches = st.just(Launch()) | st.builds(Launch, launcher=st.just("torchrun"), nproc_per_node=st.integers(1, 64))


@given(launches, st.sampled_from(["python3", "/envs/vit/bin/python", "-m"]), st.none() | st.integers(1, 9))
def test_a_launch_can_be_read_back_from_its_command(launch: Launch, python: str, threads: int | None) -> None:
    command = command_of(launch, python, Path("/runs/run1/job.json"), Path("/runs/run1/work"), threads)
    assert launch_of(command.argv) == (python, launch)
    assert command.argv[-2:] == (str(BRIDGE), "/runs/run1/job.json")


def test_several_processes_without_torchrun_are_no_launch() -> None:
    with pytest.raises(ValidationError, match="4 processes need `launcher: torchrun`"):
        Launch(nproc_per_node=4)


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """An interpreter that writes down how it was started, and fails."""
    python = tmp_path / "python"
    body = (
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        f"open({str(tmp_path / 'started.json')!r}, 'w').write(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]))\n"
        "sys.exit(3)\n"
    )
    python.write_text(body)
    python.chmod(0o755)
    return python


def test_torchrun_of_the_checkouts_interpreter_gets_command_and_environment(
    recorder: Path, tmp_path: Path, data: Any, fake_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    request = TrainRequest(
        checkout=str(fake_checkout),
        python=str(recorder),
        runs_dir=tmp_path / "runs",
        data_path=data.train,
        options=TrainOptions(epochs=2),
        launch=Launch(launcher="torchrun", nproc_per_node=4),
        threads=2,
    )
    plan = plan_of(request)
    assert "torchrun, 4 processes" in {decision.choice for decision in plan.decisions if decision.about == "launcher"}
    with pytest.raises(RunError, match="PTY502 the process ended with exit status 3"):
        perform(request)
    argv, cwd, env = json.loads((tmp_path / "started.json").read_text())
    run = tmp_path / "runs" / "run1"
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4"]
    assert argv == [str(recorder), *torchrun, str(BRIDGE), str(run / "job.json")]
    assert Path(cwd) == run / "work"
    assert (env["OMP_NUM_THREADS"], env["CUDA_VISIBLE_DEVICES"]) == ("2", "0,1,2,3")
    assert "PYTHONPATH" not in env
    manifest = RunManifest.model_validate_json((run / "manifest.json").read_text())
    assert launch_of(manifest.commands[-1].argv) == (str(recorder), request.launch)


@pytest.mark.parametrize(
    ("python", "kept"),
    [("python3", "python3"), ("/opt/env/bin/python", "/opt/env/bin/python"), ("env/bin/python", None)],
)
def test_an_interpreter_named_from_here_is_found_from_the_run_directory(python: str, kept: str | None) -> None:
    request = ResumeRequest(run=Path("run1"), python=python)
    assert request.python == (kept or str(Path.cwd() / python))
