"""`ptycho validate RUNDIR`: a healthy run directory has no finding, each defect exactly one, at its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flat_run import MODEL, save, state_dict, training_state, write_run, zeros

from ptycho_contracts.finding import Report
from ptycho_contracts.validation import validate

Place = tuple[str, str]


def places(report: Report) -> list[Place]:
    assert report.contract == "ptychovit-checkpoint"
    return [(f.code, f.location) for f in report.findings]


@pytest.mark.parametrize("depth", ["header", "data"])
def test_a_healthy_run_has_no_finding(tmp_path: Path, depth: Any) -> None:
    assert places(validate(write_run(tmp_path), depth=depth)) == []


def test_best_model_and_config_are_a_valid_run(tmp_path: Path) -> None:
    report = validate(write_run(tmp_path, only_best=True))
    assert report.findings == ()
    reasons = {u.check: u.reason for u in report.unexamined}
    assert reasons["checkpoint_state"] == "state is missing or cannot be read"


def test_weights_of_a_wrapped_model(tmp_path: Path) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in state_dict(MODEL).items()}
    found = places(validate(write_run(tmp_path, weights=wrapped)))
    assert found == [("PTY517", f"{role}:/module.log_scale_amp") for role in ("best", "last")]


def test_a_wrapped_model_of_another_architecture_is_told_both(tmp_path: Path) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in state_dict(MODEL).items()}
    model = copy.deepcopy(MODEL)
    model["encoder"]["depth"] = 2
    found = places(validate(write_run(tmp_path, weights=wrapped, model=model, only_best=True)))
    assert found == [("PTY517", "best:/module.log_scale_amp"), ("PTY518", "best:/module.encoder.blocks.*")]


@pytest.mark.parametrize(
    ("section", "key", "value", "tensor"),
    [
        ("encoder", "img_size", 512, "encoder.pos_embed"),
        ("encoder", "depth", 12, "encoder.blocks.*"),
        ("decoder", "use_batchnorm", False, "amp_decoder.stages.*"),
    ],
)
def test_a_config_of_another_model(tmp_path: Path, section: str, key: str, value: Any, tensor: str) -> None:
    model = copy.deepcopy(MODEL)
    model[section][key] = value
    found = places(validate(write_run(tmp_path, model=model)))
    assert found == [("PTY518", f"{role}:/{tensor}") for role in ("best", "last")]


def test_only_the_last_model_is_of_another_architecture(tmp_path: Path) -> None:
    write_run(tmp_path)
    other = copy.deepcopy(MODEL)
    other["encoder"]["in_channels"] = 2
    save(tmp_path / "checkpoint_model.pth", state_dict(other))
    save(tmp_path / "checkpoint.state", training_state(state_dict(other)))
    assert places(validate(tmp_path)) == [("PTY518", "last:/encoder.patch_embed.proj.weight")]


STATES: dict[str, tuple[list[Place], Callable[[dict[str, Any]], object]]] = {
    "an epoch's losses in part": (
        [("PTY519", "state:/loss_tracker/val_amp_loss")],
        lambda s: s["loss_tracker"]["val_amp_loss"].pop(0),
    ),
    "a validation lost": (  # the contract's own dimension `epoch`, so the rule has nothing to add
        [("PTY201", "state:/loss_tracker/validation_loss")],
        lambda s: s["loss_tracker"]["validation_loss"].pop(0),
    ),
    "epochs repeated": ([("PTY519", "state:/current_epoch")], lambda s: s.update(current_epoch=1)),
    "another best": (
        [("PTY519", "state:/loss_tracker/best_val_loss")],
        lambda s: s["loss_tracker"].update(best_val_loss=9.0),
    ),
    "moments of another model": (
        [("PTY519", "state:/optimizer_state_dict/state/0/exp_avg")],
        lambda s: s["optimizer_state_dict"]["state"][0].update(exp_avg=zeros(7)),
    ),
    "another number of parameters": (
        [("PTY519", "state:/optimizer_state_dict/param_groups")],
        lambda s: s["optimizer_state_dict"]["param_groups"].pop(),
    ),
    "a later generation": ([("PTY519", "state:/format_version")], lambda s: s.update(format_version=2)),
    "no epoch": ([("PTY101", "state:/current_epoch")], lambda s: s.pop("current_epoch")),
    "a group without a rate": (
        [("PTY101", "state:/optimizer_state_dict/param_groups/0/lr")],
        lambda s: s["optimizer_state_dict"]["param_groups"][0].pop("lr"),
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_contradicts(tmp_path: Path, name: str) -> None:
    expected, change = STATES[name]
    state = training_state(state_dict(MODEL))
    change(state)
    assert places(validate(write_run(tmp_path, state=state))) == expected


def test_a_state_is_compared_with_the_weights_to_resume_from_only(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "checkpoint_model.pth").unlink()
    save(tmp_path / "checkpoint.state", training_state({"encoder.a": zeros(3)}))
    assert places(validate(tmp_path)) == []


def test_a_config_without_a_model_is_a_finding_of_its_own(tmp_path: Path) -> None:
    write_run(tmp_path, only_best=True)
    (tmp_path / "config.yaml").write_text("model: nothing\n")
    assert all(where.startswith("config:/") for _, where in places(validate(tmp_path)))


def test_a_torn_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write_run(tmp_path, model={**MODEL, "encoder": MODEL["encoder"] | {"depth": 1}})
    torn = tmp_path / "checkpoint_model.pth"
    torn.write_bytes(torn.read_bytes()[:-300])
    assert places(validate(tmp_path)) == [("PTY002", "last:/"), ("PTY518", "best:/encoder.blocks.*")]
