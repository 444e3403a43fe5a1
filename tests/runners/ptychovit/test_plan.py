"""Plans: every refusal, every decision with a reason, and nothing written."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.execute import plan_of
from ptycho_runners.ptychovit.facts import Numbers, TrainFacts, train_facts
from ptycho_runners.ptychovit.plan import Plan
from ptycho_runners.ptychovit.plan_train import plan_training
from ptycho_runners.ptychovit.request import InferRequest, TrainOptions, TrainRequest


@pytest.fixture
def request_(tmp_path: Path, data: Any, fake_checkout: Path) -> TrainRequest:
    return TrainRequest(
        checkout=str(fake_checkout),
        runs_dir=tmp_path / "runs",
        data_path=data.train,
        test_dp=data.test_dp,
        normalization=data.normalization,
        options=TrainOptions(epochs=2),
        device="cpu",
    )


@pytest.fixture
def facts(request_: TrainRequest) -> TrainFacts:
    return train_facts(request_)


def named(values: dict[str, float]) -> Numbers:
    return Numbers(values, Path("/n.pkl"))


def codes_of(request: TrainRequest, facts: TrainFacts) -> list[str]:
    with pytest.raises(RunError) as caught:
        plan_training(request, facts, Path("/runs/run4"))
    return [found.code for found in caught.value.findings]


def test_a_plan_is_a_value_and_writes_nothing(request_: TrainRequest, tmp_path: Path) -> None:
    plan = plan_of(request_)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert plan.run_dir == tmp_path / "runs" / "run1"
    assert plan.config is not None
    assert plan.config["trainer"] == {"run_num": 1}
    assert list(tmp_path.iterdir()) == []


def test_every_decision_has_a_reason_and_every_input_is_listed(request_: TrainRequest, facts: TrainFacts) -> None:
    request = request_.model_copy(update={"overrides": {"data.augment.fraction": 0.5}})
    plan = plan_training(request, facts, Path("/runs/run4"))
    assert all(decision.reason for decision in plan.decisions)
    abouts = {decision.about for decision in plan.decisions}
    assert {"model", "initial_weights", "trainer.run_num", "data.augment.fraction"} <= abouts
    roles = [role for role, _ in plan.inputs]
    assert roles == ["dp", "para", "dp", "para", "test dp", "test para", "normalization"]
    assert all(path.is_file() for _, path in plan.inputs)
    assert plan.job.normalization == facts.numbers.values


def test_patterns_of_another_size_are_refused(request_: TrainRequest, facts: TrainFacts) -> None:
    small = replace(facts.pairs[0], shape=(4, 128, 128))
    assert codes_of(request_, replace(facts, pairs=(small, facts.pairs[1]))) == ["PTY505"]


def test_an_object_without_normalization_is_refused(request_: TrainRequest, facts: TrainFacts) -> None:
    assert codes_of(request_, replace(facts, numbers=named({"lines_000": 1.0}))) == ["PTY501"]
    assert codes_of(request_, replace(facts, test_numbers=named({}))) == ["PTY501"]
    zero = {**facts.numbers.values, "lines_000": 0.0}
    assert codes_of(request_, replace(facts, numbers=named(zero))) == ["PTY501"]


def test_a_test_pair_among_the_training_pairs_is_refused(request_: TrainRequest, facts: TrainFacts) -> None:
    inside = replace(facts.test, dp=request_.data_path / "lines_000_dp.hdf5")
    assert codes_of(request_, replace(facts, test=inside)) == ["PTY507"]


def test_two_objects_of_one_name_are_refused(request_: TrainRequest, facts: TrainFacts) -> None:
    assert codes_of(request_, replace(facts, test=replace(facts.test, name="lines_000"))) == ["PTY515"]


def test_half_a_pair_is_refused(request_: TrainRequest, data: Any, tmp_path: Path) -> None:
    shutil.copytree(data.train, tmp_path / "train")
    (tmp_path / "train" / "lines_001_para.hdf5").unlink()
    request = request_.model_copy(update={"data_path": tmp_path / "train"})
    assert codes_of(request, train_facts(request)) == ["PTY512"]


def test_a_split_without_patterns_is_refused(request_: TrainRequest, facts: TrainFacts) -> None:
    options = TrainOptions(epochs=2, train_split=0.1)
    assert codes_of(request_.model_copy(update={"options": options}), facts) == ["PTY508"]


def test_a_weighted_loss_needs_its_weights(request_: TrainRequest, facts: TrainFacts) -> None:
    request = request_.model_copy(update={"options": TrainOptions(epochs=2, loss_function="weighted")})
    assert codes_of(request, facts) == ["PTY515"]
    weights = {"training.weighted_loss": {"loss_type": "mse", "threshold": 0.1, "alpha": 2.0}}
    plan = plan_training(request.model_copy(update={"overrides": weights}), facts, Path("/runs/run4"))
    assert plan.config is not None
    assert plan.config["training"]["weighted_loss"]["alpha"] == 2.0  # type: ignore[call-overload, index]


def test_every_reason_to_refuse_is_told_at_once(request_: TrainRequest, facts: TrainFacts) -> None:
    small = replace(facts.pairs[0], shape=(4, 64, 64))
    broken = replace(facts, pairs=(small, facts.pairs[1]), test_numbers=named({}))
    assert codes_of(request_, broken) == ["PTY505", "PTY501"]


def test_an_override_that_breaks_the_config_is_refused(request_: TrainRequest, facts: TrainFacts) -> None:
    request = request_.model_copy(update={"overrides": {"training.learning_rate": "1e-4"}})
    with pytest.raises(RunError, match="is a text to YAML"):
        plan_training(request, facts, Path("/runs/run4"))


def test_a_broken_pair_is_refused_by_its_contract(request_: TrainRequest, tmp_path: Path) -> None:
    (tmp_path / "x_dp.hdf5").write_bytes(b"no hdf5")
    (tmp_path / "x_para.hdf5").write_bytes(b"no hdf5")
    with pytest.raises(RunError, match="PTY0"):
        train_facts(request_.model_copy(update={"data_path": tmp_path}))


def test_a_pickle_that_runs_code_is_not_loaded(request_: TrainRequest, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "n.pkl").write_bytes(pickle.dumps({"a": Evil()}))
    with pytest.raises(RunError, match="PTY004"):
        train_facts(request_.model_copy(update={"normalization": tmp_path / "n.pkl"}))
    assert not (tmp_path / "ran").exists()


def infer_request(tmp_path: Path, data: Any, fake_checkout: Path, config: str) -> InferRequest:
    names = ("encoder.blocks.0.x", "amp_decoder.x", "ph_decoder.x")
    torch.save({name: torch.zeros(4) for name in names}, tmp_path / "best_model.pth")
    (tmp_path / "config.yaml").write_text(config)
    return InferRequest(
        checkout=str(fake_checkout),
        runs_dir=tmp_path / "runs",
        pairs=(data.test_dp,),
        normalization=data.normalization,
        checkpoint=tmp_path / "best_model.pth",
    )


def test_inference_takes_model_and_scale_from_the_config_beside_the_checkpoint(
    tmp_path: Path, data: Any, fake_checkout: Path
) -> None:
    config = "model: {encoder: {embed_dim: 4}}\ndata: {scale: 5000.0, max_probe_modes: 3}\n"
    plan = plan_of(infer_request(tmp_path, data, fake_checkout, config))
    assert plan.job.mode == "infer"
    assert (plan.job.scale, plan.job.max_probe_modes) == (5000.0, 3)
    assert plan.job.model == {"encoder": {"embed_dim": 4}}
    assert plan.promises == ("held_out_patches.h5",)
    assert plan.config is None


@pytest.mark.parametrize(
    ("config", "message"), [("data: {scale: 1.0}", "no section model"), ("model: {}", "data.scale")]
)
def test_inference_without_its_config_is_refused(
    tmp_path: Path, data: Any, fake_checkout: Path, config: str, message: str
) -> None:
    with pytest.raises(RunError, match=f"PTY515 .*{message}"):
        plan_of(infer_request(tmp_path, data, fake_checkout, config))
