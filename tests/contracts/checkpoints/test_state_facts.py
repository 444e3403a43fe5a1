"""A training state is the same contract whoever wrote it, and contradictions in it are found."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flat_run import HISTORIES, MODEL, save, state_dict, torch, training_state, zeros
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_contracts.checkpoints.architecture import state_findings
from ptycho_contracts.checkpoints.state import Group, StateFacts, read_state
from ptycho_contracts.checkpoints.weights import Tensor, WeightsFacts, read_weights
from ptycho_contracts.engine_codes import MEMBER_MISSING, UNREADABLE, WRONG_DTYPE
from ptycho_contracts.finding import Finding
from ptycho_contracts.run_codes import STATE_CONTRADICTS
from ptycho_contracts.sources.base import SourceError

TENSORS = state_dict(MODEL)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> WeightsFacts:
    return read_weights(save(tmp_path_factory.mktemp("weights") / "checkpoint_model.pth", TENSORS))


def test_facts(tmp_path: Path, weights: WeightsFacts) -> None:
    state = read_state(save(tmp_path / "checkpoint.state", training_state(TENSORS)))
    assert (state.current_epoch, state.best_val_loss) == (3, 1 / 3)
    assert state.losses == dict.fromkeys(HISTORIES, (1.0, 1 / 2, 1 / 3))
    assert state.groups == (
        Group("encoder", 1e-4, 41),
        Group("amp_decoder", 1e-4, 26),
        Group("ph_decoder", 1e-4, 26),
    )
    assert weights.parameters == 41 + 26 + 26 + 2  # the scales of the heads are trained by nobody
    assert (state.scheduled, state.wandb_run_id) == (False, None)
    assert state.moments[0] == (1, 64, 24)
    assert sorted(state.moments) == list(range(93))
    assert state_findings(state, weights) == []
    assert state_findings(state, None) == []


def without(name: str) -> Change:
    return lambda state: state["optimizer_state_dict"]["param_groups"][0].pop(name)


SPELLINGS: dict[str, Change] = {
    "float32 of numpy": lambda s: s.update(training_state(TENSORS, number=np.float32)),
    "float64 of numpy": lambda s: s.update(training_state(TENSORS, number=np.float64)),
    "a tracker's run": lambda s: s.update(wandb_run_id="3xu7"),
    "a scheduler": lambda s: s.update(scheduler_state_dict={"T_max": 3, "base_lrs": [1e-4], "last_epoch": 3}),
    "no run": lambda s: s.pop("wandb_run_id"),
    "no names": without("name"),
    "a rate in a tensor": lambda s: s["optimizer_state_dict"]["param_groups"][0].update(lr=torch.tensor(1e-4)),
    "a history more": lambda s: s["loss_tracker"].update(lr=[1e-4]),
    "frozen encoder": lambda s: [s["optimizer_state_dict"]["state"].pop(i) for i in range(41)],
    "nothing trained": lambda s: s["optimizer_state_dict"].update(state={}),
    "before any epoch": lambda s: s.update(training_state(TENSORS, epochs=0)),
    "a group more": lambda s: s["optimizer_state_dict"]["param_groups"].append({"lr": 0.0, "params": []}),
    "best in float32": lambda s: s["loss_tracker"].update(best_val_loss=float(np.float32(1 / 3))),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_other_spellings_are_the_same_contract(tmp_path: Path, weights: WeightsFacts, name: str) -> None:
    value = training_state(TENSORS)
    SPELLINGS[name](value)
    state = read_state(save(tmp_path / "checkpoint.state", value))
    assert state.scheduled is (name == "a scheduler")
    assert state.wandb_run_id == ("3xu7" if name == "a tracker's run" else None)
    assert state.groups[0].lr == pytest.approx(1e-4)
    assert (state.best_val_loss is None) is (name == "before any epoch")
    assert state_findings(state, weights) == []


def test_a_state_of_adam_itself(tmp_path: Path) -> None:
    model = torch.nn.ModuleDict({"encoder": torch.nn.Linear(3, 2), "amp_decoder": torch.nn.Linear(2, 2)})
    groups = [{"params": part.parameters(), "name": name, "lr": 0.1} for name, part in model.items()]
    adam = torch.optim.Adam(groups)
    model["encoder"](torch.ones(3)).sum().backward()
    adam.step()
    value = training_state({}) | {"optimizer_state_dict": adam.state_dict()}
    state = read_state(save(tmp_path / "checkpoint.state", value))
    assert state.groups == (Group("encoder", 0.1, 2), Group("amp_decoder", 0.1, 2))
    assert state.moments == {0: (2, 3), 1: (2,)}


CONTRADICTIONS: dict[str, tuple[str, Change]] = {
    "an epoch repeated": ("current_epoch", lambda s: s.update(current_epoch=2)),
    "a validation lost": ("loss_tracker/validation_loss", lambda s: s["loss_tracker"]["validation_loss"].pop(0)),
    "a training lost": ("loss_tracker/train_ph_loss", lambda s: s["loss_tracker"]["train_ph_loss"].pop()),
    "a best that never was": ("loss_tracker/best_val_loss", lambda s: s["loss_tracker"].update(best_val_loss=0.1)),
    "a best not taken": ("loss_tracker/best_val_loss", lambda s: s["loss_tracker"].update(best_val_loss=0.5)),
    "no best": ("loss_tracker/best_val_loss", lambda s: s["loss_tracker"].update(best_val_loss=math.inf)),
    "best is NaN": ("loss_tracker/best_val_loss", lambda s: s["loss_tracker"].update(best_val_loss=math.nan)),
    "a part less": (
        "optimizer_state_dict/param_groups",
        lambda s: s["optimizer_state_dict"]["param_groups"].pop(),
    ),
    "a parameter more": (
        "optimizer_state_dict/param_groups",
        lambda s: s["optimizer_state_dict"]["param_groups"][0]["params"].append(93),
    ),
    "one shape too often": (
        "optimizer_state_dict/state/5/exp_avg",
        lambda s: s["optimizer_state_dict"]["state"][5].update(exp_avg=zeros(1, 64, 24)),
    ),
    "another width": (
        "optimizer_state_dict/state/4/exp_avg",
        lambda s: s["optimizer_state_dict"]["state"][4].update(exp_avg=zeros(25)),
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_found_where_it_is(tmp_path: Path, weights: WeightsFacts, name: str) -> None:
    where, change = CONTRADICTIONS[name]
    value = training_state(TENSORS)
    change(value)
    state = read_state(save(tmp_path / "checkpoint.state", value))
    found = state_findings(state, weights)
    assert [(f.code, f.location) for f in found] == [(STATE_CONTRADICTS.id, f"state:/{where}")]


@given(st.lists(st.one_of(st.floats(0, 1e3), st.just(math.nan), st.just(math.inf))))
def test_the_best_is_the_lowest_that_is_a_number(losses: list[float]) -> None:
    lowest = math.inf
    for loss in losses:  # as the checkout does it
        lowest = loss if loss < lowest else lowest
    best = None if lowest == math.inf else lowest
    state = StateFacts(Path("s"), len(losses), {"validation_loss": tuple(losses)}, best, (), False, None, {})
    assert state_findings(state, None) == []


@settings(max_examples=60)
@given(st.permutations(range(93)), st.integers(0, 92), st.integers(1, 9))
def test_moments_in_any_order_fit_until_one_is_strange(order: list[int], index: int, size: int) -> None:
    tensors = {f"encoder.{n}": tuple(t.shape) for n, t in enumerate(training_moments())}
    weights = WeightsFacts(Path("w"), {k: Tensor("float32", s) for k, s in tensors.items()}, prefixed=False)
    shapes = list(tensors.values())
    moments = {new: shapes[old] for new, old in enumerate(order)}
    state = StateFacts(Path("s"), 0, {}, None, (Group(None, 1.0, 93),), False, None, moments)
    assert state_findings(state, weights) == []
    strange = StateFacts(Path("s"), 0, {}, None, state.groups, False, None, moments | {index: (1000, size)})
    (found,) = state_findings(strange, weights)
    assert found.location == f"state:/optimizer_state_dict/state/{index}/exp_avg"


def training_moments() -> list[Any]:
    return [moment["exp_avg"] for moment in training_state(TENSORS)["optimizer_state_dict"]["state"].values()]


def refused(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(SourceError) as caught:
        read_state(path)
    return [(f.code, f.location) for f in caught.value.findings]


def test_every_missing_key_is_named(tmp_path: Path) -> None:
    value = training_state(TENSORS)
    del value["current_epoch"], value["loss_tracker"]["best_val_loss"], value["optimizer_state_dict"]
    assert refused(save(tmp_path / "s.state", value)) == [
        (MEMBER_MISSING.id, "state:/current_epoch"),
        (MEMBER_MISSING.id, "state:/loss_tracker/best_val_loss"),
        (MEMBER_MISSING.id, "state:/optimizer_state_dict/*"),
    ]


@pytest.mark.parametrize("name", ["lr", "params"])
def test_a_group_without_what_a_group_is(tmp_path: Path, name: str) -> None:
    value = training_state(TENSORS)
    without(name)(value)
    expected = (MEMBER_MISSING.id, f"state:/optimizer_state_dict/param_groups/0/{name}")
    assert refused(save(tmp_path / "s.state", value)) == [expected]


def test_an_epoch_that_is_no_number(tmp_path: Path) -> None:
    path = save(tmp_path / "s.state", training_state(TENSORS) | {"current_epoch": "3"})
    assert refused(path) == [(WRONG_DTYPE.id, "state:/current_epoch")]


def test_a_state_of_a_later_generation_is_named_as_such(tmp_path: Path) -> None:
    value = training_state(TENSORS) | {"format_version": 2}
    assert refused(save(tmp_path / "s.state", value)) == [(STATE_CONTRADICTS.id, "state:/format_version")]
    del value["loss_tracker"]
    first, *others = refused(save(tmp_path / "t.state", value))
    assert first == (STATE_CONTRADICTS.id, "state:/format_version")
    assert {code for code, _ in others} == {MEMBER_MISSING.id}


def test_weights_are_no_state(tmp_path: Path) -> None:
    assert {code for code, _ in refused(save(tmp_path / "s.state", TENSORS))} == {MEMBER_MISSING.id}


def refusal(path: Path) -> tuple[Finding, ...]:
    """Why a state is no facts; none where it is. Any other exception fails the test."""
    try:
        assert {f.code for f in state_findings(read_state(path), None)} <= {STATE_CONTRADICTS.id}
    except SourceError as error:
        return error.findings
    return ()


SMALL = training_state({"encoder.a": torch.ones(2, 3), "amp_decoder.b": torch.ones(2)})


def test_a_state_cut_anywhere_is_findings(tmp_path: Path) -> None:
    path = save(tmp_path / "s.state", SMALL)
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        assert {code for code, _ in refused(path)} == {UNREADABLE.id}


def test_flipped_bytes_are_facts_or_findings(tmp_path: Path) -> None:
    path = save(tmp_path / "s.state", SMALL)
    whole, rng, outcomes = path.read_bytes(), np.random.default_rng(11), {"facts": 0, "findings": 0}
    for _ in range(400):
        raw = bytearray(whole)
        for position in rng.integers(0, len(raw), rng.integers(1, 3)):
            raw[position] ^= 1 << rng.integers(0, 8)
        path.write_bytes(raw)
        outcomes["findings" if refusal(path) else "facts"] += 1
    assert min(outcomes.values()) > 20  # padding between members is no part of them


@settings(max_examples=150)
@given(st.data())
def test_a_pickle_of_other_values_is_facts_or_findings(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """The archive is whole, what it holds is not: each value is replaced by something of another kind."""
    value = training_state({"encoder.a": torch.ones(2, 3)})
    others = [None, "text", 2**70, 1.5, math.nan, [], [None], [1, "x"], {}, torch.ones(2), {"a": 1}, (1,), True]
    places = st.sampled_from(
        [
            *[(key,) for key in value],
            *[("loss_tracker", key) for key in value["loss_tracker"]],
            *[("optimizer_state_dict", key) for key in ("state", "param_groups")],
            *[("optimizer_state_dict", "param_groups", 0, key) for key in ("lr", "params", "name", "betas")],
            ("optimizer_state_dict", "state", 0, "exp_avg"),
        ]
    )
    *path, last = data.draw(places)
    target: Any = value
    for key in path:
        target = target[key]
    target[last] = data.draw(st.sampled_from(others))
    file = save(tmp_path_factory.mktemp("state") / "s.state", value)
    refusal(file)
