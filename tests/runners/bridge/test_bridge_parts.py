"""The bridge's parts, without torch and without a checkout."""

from __future__ import annotations

import ast
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_runners.bridge import bridge


class Crash(BaseException):
    """The power goes off."""


def save_text(content: Any, path: Path) -> None:
    with bridge.whole_file(path) as partial:
        partial.write_text(str(content))


def read(folder: Path) -> tuple[str, ...]:
    """What lies where the three files of an epoch belong; "" where there is none."""
    paths = (folder / name for name in (bridge.BEST, bridge.CHECKPOINT, bridge.STATE))
    return tuple(path.read_text() if path.exists() else "" for path in paths)


def rename_into_place(content: Any, path: Path) -> None:
    """As a checkout does that takes care of its own files."""
    beside = path.with_name(f"{path.name}.partial")
    beside.write_text(str(content))
    beside.replace(path)


def operations(monkeypatch: pytest.MonkeyPatch, fail_at: int | None) -> list[str]:
    """Count the steps that change the disk, and crash in front of one of them."""
    done: list[str] = []

    def counted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if len(done) == fail_at:
                raise Crash
            done.append(name)
            return original(*args, **kwargs)

        return step

    monkeypatch.setattr(os, "replace", counted("rename", os.replace))
    monkeypatch.setattr(os, "fsync", counted("flush", os.fsync))
    monkeypatch.setattr(Path, "write_text", counted("write", Path.write_text))
    monkeypatch.setattr(Path, "unlink", lambda *_args, **_kwargs: None)  # a crash cleans nothing up
    return done


def train_epoch(folder: Path, epoch: int, save_best: Callable[[Any, Path], None] | None) -> None:
    """What happens on the disk in an epoch; a better model, or none, comes out of its validation."""
    folder.mkdir(exist_ok=True)
    with bridge.best_model_waits(folder):
        if save_best is not None:
            save_best(f"best {epoch}", folder / bridge.BEST)
    bridge.publish_checkpoint(folder, f"model {epoch}", f"state {epoch}", save_text)


@pytest.mark.parametrize("save_best", [save_text, rename_into_place, None])
@pytest.mark.parametrize("before", [("best 1", "model 1", "state 1"), ("", "", "")])
def test_the_three_files_are_of_one_epoch_after_a_crash_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_best: Callable[[Any, Path], None] | None, before: Any
) -> None:
    after = ("best 2" if save_best else before[0], "model 2", "state 2")
    with monkeypatch.context() as patch:
        done = operations(patch, None)
        train_epoch(tmp_path / "dry", 2, save_best)
        steps = len(done)
    assert steps >= 8
    survived = set()
    for step in range(steps):
        folder = tmp_path / str(step)
        if any(before):
            train_epoch(folder, 1, save_text)
        with monkeypatch.context() as patch:
            operations(patch, step)
            with pytest.raises(Crash):
                train_epoch(folder, 2, save_best)
        bridge.settle_checkpoint(folder)
        assert read(folder) in {before, after}
        assert not list(folder.glob(".*")) + list(folder.glob("*.next"))
        survived.add(read(folder))
    assert survived == {before, after}  # the crashes lay on both sides of the decision


@pytest.mark.parametrize("save_best", [save_text, rename_into_place])
def test_a_better_model_waits_for_its_epoch(tmp_path: Path, save_best: Callable[[Any, Path], None]) -> None:
    train_epoch(tmp_path, 1, save_text)
    with bridge.best_model_waits(tmp_path):
        save_best("best 2", tmp_path / "." / bridge.BEST)
        save_best("other", tmp_path / "other.pth")
    assert read(tmp_path) == ("best 1", "model 1", "state 1")
    assert (tmp_path / "other.pth").read_text() == "other"
    bridge.publish_checkpoint(tmp_path, "model 2", "state 2", save_text)
    assert read(tmp_path) == ("best 2", "model 2", "state 2")
    save_best("best 3", tmp_path / bridge.BEST)  # the renaming is as it was
    assert read(tmp_path)[0] == "best 3"


def test_settling_an_empty_folder_changes_nothing(tmp_path: Path) -> None:
    bridge.settle_checkpoint(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_hook_sees_self_arguments_by_name_and_the_result() -> None:
    class Trainer:
        def validate(self, loader: str, metrics: list[int], plot: bool = False, epoch: int = 0) -> str:
            metrics.append(epoch)
            return f"{loader} {plot}"

    seen: list[Any] = []
    bridge.after(Trainer, "validate", lambda made, args, result: seen.append((made, dict(args), result)), "epoch")
    trainer = Trainer()
    assert trainer.validate("loader", [], epoch=3) == "loader False"
    made, arguments, result = seen[0]
    assert made is trainer
    assert (arguments["metrics"], arguments["epoch"], arguments["plot"], result) == ([3], 3, False, "loader False")


@pytest.mark.parametrize(("name", "needs"), [("absent", ()), ("validate", ("epoch",))])
def test_a_name_that_is_not_there_ends_the_job(name: str, needs: tuple[str, ...]) -> None:
    class Trainer:
        def validate(self, loader: str) -> None: ...

    with pytest.raises(bridge.JobError, match=f"{name}|epoch") as caught:
        bridge.after(Trainer, name, lambda *_: None, *needs)
    assert caught.value.reason == "not_the_interface"


def test_an_absent_tracker_is_stood_in_for_and_a_present_module_is_left_alone() -> None:
    try:
        bridge.stand_in("tracker_that_nobody_has", lambda _: bridge.Nothing())
        import tracker_that_nobody_has as tracker  # type: ignore[import-not-found]

        assert tracker.init(project="x").config.update({"a": 1}).finish() is not None
    finally:
        sys.modules.pop("tracker_that_nobody_has", None)
    bridge.stand_in("json", lambda _: None)
    assert sys.modules["json"] is json


def test_timm_fails_clearly_only_when_used() -> None:
    with pytest.raises(bridge.JobError, match="encoder_type `custom` needs none"):
        bridge.refuse_timm("create_model")


@given(st.floats() | st.integers(-(2**53), 2**53) | st.none())
def test_a_number_for_json_is_finite_or_null(value: float | None) -> None:
    said = bridge.finite(value)
    assert said is None or (said == value and math.isfinite(said))
    assert (said is None) == (value is None or not math.isfinite(value))


def test_numbers_of_numpy_become_numbers_of_python() -> None:
    plain = bridge.plain({"a": [np.float32(0.5), np.int64(3)], "b": (np.array(2.0),), "c": None})
    assert plain == {"a": [0.5, 3], "b": [2.0], "c": None}
    assert {type(v) for v in [*plain["a"], *plain["b"]]} == {float, int}


@pytest.mark.parametrize(
    ("path", "used", "fine"),
    [
        ("a/x_dp.hdf5", 7.0, True),
        ("a/x_para.hdf5", np.float32(7.0), True),
        ("a/x_dp.hdf5", 9.0, False),  # the number of another object
        ("a/x_dp.hdf5", 100000.0, False),
        ("a/unknown_dp.hdf5", 7.0, False),
        (".", 9.0, True),
        (".", 100000.0, False),
    ],
)
def test_items_are_held_to_the_normalization_of_the_job(tmp_path: Path, path: str, used: float, fine: bool) -> None:
    session = bridge.Session({"normalization": {"x": 7.0, "y": 9.0}, "events": str(tmp_path / "events")})
    item = (None, None, None, None, None, used, 1.0)
    if fine:
        bridge.check_normalization(session, path, item)
        assert session.counts["fallbacks"] == 0
        return
    with pytest.raises(bridge.JobError, match="normalized by"):
        bridge.check_normalization(session, path, item)
    assert json.loads((tmp_path / "events").read_text())["event"] == "fallback"
    assert session.counts["fallbacks"] == 1


def test_the_bridge_imports_nothing_of_ours() -> None:
    """It runs in an interpreter that has none of our packages; what it loads by name is torch's, or the checkout's."""
    tree = ast.parse(Path(bridge.__file__).read_text())
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {str(n.module).split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= set(sys.stdlib_module_names)


def test_every_reason_that_the_bridge_gives_is_one_of_its_contract() -> None:
    from typing import get_args

    from ptycho_contracts.contracts.bridge_result import Reason

    tree = ast.parse(Path(bridge.__file__).read_text())
    raised = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "JobError"
        if isinstance(node.args[0], ast.Constant)
    }
    assert raised
    assert raised <= set(get_args(Reason))
