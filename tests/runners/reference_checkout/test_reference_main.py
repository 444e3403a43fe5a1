"""main.py: whole runs of a tiny model, and how they go on."""

import math
import os
import pickle
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ptycho_contracts.contracts.bridge_job import BridgeJob
from ptycho_runners.bridge import bridge
from ptycho_runners.process import minimal_environment

torch = pytest.importorskip("torch", reason="the reference checkout needs torch")

WritePair = Callable[..., Path]
ALWAYS = {"best_model.pth", "checkpoint_model.pth", "checkpoint.state", "config.yaml", "metrics.pickle"}
STATE_KEYS = {"current_epoch", "loss_tracker", "optimizer_state_dict", "scheduler_state_dict", "wandb_run_id"}
TRACKED = ("training_loss", "train_amp_loss", "train_ph_loss", "validation_loss", "val_amp_loss", "val_ph_loss")
RunMain = Callable[[Path, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def run_main(checkout: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> RunMain:
    """Function that runs main.py in a folder, in this process, and returns its names."""
    for name, module in checkout.loaded.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def run(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", [str(checkout.root / "main.py")])
        return runpy.run_path(sys.argv[0])

    return run


@pytest.fixture
def folder(write_pair: WritePair, tmp_path: Path) -> Path:
    """A working directory with the pairs that the configuration names."""
    write_pair(tmp_path / "pairs")
    write_pair(tmp_path / "test", "other")
    return tmp_path


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def rates(state: dict[str, Any]) -> list[float]:
    return [group["lr"] for group in state["optimizer_state_dict"]["param_groups"]]


def test_main_leaves_the_promised_files(checkout: SimpleNamespace, folder: Path, config: dict[str, Any]) -> None:
    """As from the command line: a process of its own, with nothing of ours in it."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    command = [sys.executable, str(checkout.root / "main.py")]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert "ormalization" not in run.stdout
    run_dir = folder / "runs/run7"
    names = {path.name for path in run_dir.iterdir()}
    assert names - {"plot_epoch0.png", "test_epoch0.png"} == ALWAYS
    state = load(run_dir / "checkpoint.state")
    assert set(state) == STATE_KEYS
    assert (state["current_epoch"], state["scheduler_state_dict"], state["wandb_run_id"]) == (1, None, None)
    assert all(len(state["loss_tracker"][name]) == 1 for name in TRACKED)
    assert state["loss_tracker"]["best_val_loss"] == state["loss_tracker"]["validation_loss"][0]
    groups = state["optimizer_state_dict"]["param_groups"]
    assert [(group["name"], group["lr"]) for group in groups] == [
        ("encoder", 5e-4),
        ("amp_decoder", 1e-3),
        ("ph_decoder", 1e-3),
    ]
    assert pickle.loads((run_dir / "metrics.pickle").read_bytes()) == state["loss_tracker"]  # noqa: S301


def test_main_resumes_from_its_own_files(
    run_main: RunMain, folder: Path, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run_main(folder, config)
    run_dir = folder / "runs/run7"
    state = load(run_dir / "checkpoint.state")
    config["training"] |= {"epochs": 2, "resume_from_checkpoint": True, "learning_rate": 9.0}
    config["data"]["augment"] = {"items_per_epoch": 2, "photons": 1e5, "stock": 1}
    config["data"]["test_normalization"] = "test/absent.pkl"
    capsys.readouterr()
    run_main(folder, config)
    assert "Normalization file not found at test/absent.pkl" in capsys.readouterr().out
    resumed = load(run_dir / "checkpoint.state")
    assert resumed["current_epoch"] == 2
    assert all(len(resumed["loss_tracker"][name]) == 2 for name in TRACKED)
    assert resumed["loss_tracker"]["training_loss"][0] == state["loss_tracker"]["training_loss"][0]
    assert resumed["optimizer_state_dict"]["param_groups"][1]["lr"] == 1e-3
    assert load(run_dir / "best_model.pth").keys() == load(run_dir / "checkpoint_model.pth").keys()
    with pytest.raises(SystemExit, match="2 in total and 2 are done"):
        run_main(folder, config)
    (run_dir / "checkpoint_model.pth").unlink()
    with pytest.raises(FileNotFoundError, match=r"Checkpoint not found at .*checkpoint_model\.pth"):
        run_main(folder, config)


def test_main_resumes_from_the_state_of_another_writer(run_main: RunMain, folder: Path, config: dict[str, Any]) -> None:
    """The real project's optimizer has no base rates, and its state may name a tracker's run."""
    run_main(folder, config)
    path = folder / "runs/run7/checkpoint.state"
    state = load(path)
    for group in state["optimizer_state_dict"]["param_groups"]:
        del group["initial_lr"]
    torch.save(state | {"wandb_run_id": "abc"}, path)
    config["training"] |= {"epochs": 2, "resume_from_checkpoint": True, "lr_schedule": "cosine"}
    run_main(folder, config)
    resumed = load(path)
    assert (resumed["current_epoch"], resumed["wandb_run_id"]) == (2, "abc")
    factor = 0.5 * (1 + math.cos(math.pi * 0.75))
    assert rates(resumed) == pytest.approx([5e-4 * factor, 1e-3 * factor, 1e-3 * factor])


def test_main_resumes_after_the_bridge_was_killed(
    run_main: RunMain, checkout: SimpleNamespace, folder: Path, config: dict[str, Any]
) -> None:
    """The bridge's checkpoint of every epoch is as good as main.py's own last one; the cosine goes on."""
    run_dir = folder / "runs/run7"
    config["training"] |= {"epochs": 1000, "lr_schedule": "cosine"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    kill_the_bridge_after_an_epoch(checkout, folder, run_dir)
    killed = load(run_dir / "checkpoint.state")
    done = killed["current_epoch"]
    assert set(killed) == STATE_KEYS
    assert not (run_dir / "metrics.pickle").exists()
    config["training"] |= {"epochs": done + 1, "resume_from_checkpoint": True}
    names = run_main(folder, config)
    assert names["start_epoch"] == done
    resumed = load(run_dir / "checkpoint.state")
    assert resumed["current_epoch"] == done + 1
    for name in TRACKED:
        assert len(resumed["loss_tracker"][name]) == done + 1
        assert resumed["loss_tracker"][name][:done] == killed["loss_tracker"][name]
    factor = 0.5 * (1 + math.cos(math.pi * (done + 0.5) / (done + 1)))
    assert rates(resumed) == pytest.approx([5e-4 * factor, 1e-3 * factor, 1e-3 * factor])


def kill_the_bridge_after_an_epoch(checkout: SimpleNamespace, folder: Path, run_dir: Path) -> None:
    """Train under the bridge, and end it without warning once its events name a checkpoint."""
    normalization = pickle.loads((folder / "pairs/normalization.pkl").read_bytes())  # noqa: S301
    events, job = folder / "events.jsonl", folder / "job.json"
    content = {
        "mode": "train",
        "checkout": str(checkout.root),
        "workdir": str(folder),
        "events": str(events),
        "result": str(folder / "result.json"),
        "normalization": {name: float(value) for name, value in normalization.items()},
        "device": "cpu",
        "threads": 1,
        "run_dir": str(run_dir),
    }
    job.write_text(BridgeJob.model_validate(content).model_dump_json())
    command = [sys.executable, bridge.__file__, str(job)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=minimal_environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 90
        while not (events.exists() and "checkpoint_written" in events.read_text()):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "no checkpoint in 90 s"
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    bridge.settle_checkpoint(run_dir)


@pytest.mark.parametrize(
    ("changes", "processes", "error", "message"),
    [
        ({}, "2", SystemExit, "without torchrun"),
        ({"wandb": {"enabled": True}}, "1", ValueError, "no tracker"),
    ],
)
def test_main_refuses_what_it_has_not(
    run_main: RunMain,
    tmp_path: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    processes: str,
    error: type[BaseException],
    message: str,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", processes)
    with pytest.raises(error, match=message):
        run_main(tmp_path, config | changes)
