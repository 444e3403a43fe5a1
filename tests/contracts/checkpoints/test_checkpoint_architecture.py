"""The shapes of a state dict give back the config that made them, and a config that differs is named key by key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from flat_run import MODEL, state_dict, zeros
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_contracts.checkpoints.architecture import UPSTREAM_DEFAULTS, architecture_findings, architecture_of
from ptycho_contracts.checkpoints.weights import Tensor, WeightsFacts
from ptycho_contracts.run_codes import ARCHITECTURE_MISMATCH

encoders = st.fixed_dictionaries(
    {
        "embed_dim": st.integers(1, 80),
        "depth": st.integers(1, 12),
        "patch_size": st.integers(1, 40),
        "img_size": st.integers(40, 300),
        "in_channels": st.integers(1, 3),
        "mlp_ratio": st.one_of(st.integers(1, 6), st.floats(1, 6)),
        "use_cls_token": st.booleans(),
    }
)
decoders = st.fixed_dictionaries(
    {
        "base_channels": st.integers(1, 80),
        "num_stages": st.integers(1, 12),
        "use_batchnorm": st.booleans(),
        "latent_dim": st.one_of(st.none(), st.integers(1, 99)),
    }
)
models = st.fixed_dictionaries({"encoder": encoders, "decoder": decoders})


def facts(tensors: dict[str, Any]) -> WeightsFacts:
    shapes = {name: Tensor("float32", tuple(tensor.shape)) for name, tensor in tensors.items()}
    return WeightsFacts(Path("best_model.pth"), shapes, prefixed=False)


def changed(section: str, key: str, value: Any) -> dict[str, Any]:
    model = copy.deepcopy(MODEL)
    model[section][key] = value
    return model


@settings(max_examples=150)
@given(models, st.booleans())
def test_the_shapes_give_the_config_back(model: dict[str, Any], linear: bool) -> None:
    tensors = state_dict(model, linear=linear)
    weights = facts(tensors)
    assert architecture_findings(weights, model) == []
    found = architecture_of(weights)
    assert set(found) == set(UPSTREAM_DEFAULTS)
    again: dict[str, Any] = {"encoder": {}, "decoder": {}}
    for key, value in found.items():
        section, _, name = key.rpartition(".")
        if section:
            again[section][name] = value
    assert facts(state_dict(again, linear=linear)) == weights
    stated = {f"{section}.{key}": value for section, keys in model.items() for key, value in keys.items()}
    stated["decoder.latent_dim"] = stated["decoder.latent_dim"] or stated["encoder.embed_dim"]
    for key in stated.keys() - {"encoder.mlp_ratio", "encoder.img_size"}:  # many of these make the same shapes
        assert found[key] == stated[key], key


@settings(max_examples=60)
@given(models, models)
def test_another_config_is_accepted_only_where_it_makes_the_same_shapes(
    model: dict[str, Any], other: dict[str, Any]
) -> None:
    weights = facts(state_dict(model))
    same = facts(state_dict(other)) == weights
    assert (architecture_findings(weights, other) == []) is same


WRONG = [
    ("encoder", "depth", 4, "encoder.blocks.*"),
    ("encoder", "embed_dim", 32, "encoder.patch_embed.proj.weight"),
    ("encoder", "embed_dim", "24", "encoder.patch_embed.proj.weight"),
    ("encoder", "patch_size", 16, "encoder.patch_embed.proj.weight"),
    ("encoder", "img_size", 512, "encoder.pos_embed"),
    ("encoder", "img_size", None, "encoder.pos_embed"),
    ("encoder", "in_channels", 2, "encoder.patch_embed.proj.weight"),
    ("encoder", "mlp_ratio", 4, "encoder.blocks.0.mlp.fc1.weight"),
    ("encoder", "mlp_ratio", True, "encoder.blocks.0.mlp.fc1.weight"),
    ("encoder", "mlp_ratio", float("nan"), "encoder.blocks.0.mlp.fc1.weight"),
    ("encoder", "use_cls_token", True, "encoder.pos_embed"),
    ("decoder", "base_channels", 64, "amp_decoder.output.weight"),
    ("decoder", "num_stages", 4, "amp_decoder.stages.*"),
    ("decoder", "use_batchnorm", False, "amp_decoder.stages.*"),
    ("decoder", "latent_dim", 64, "amp_decoder.stages.0.0.block.0.weight"),
]


@pytest.mark.parametrize(("section", "key", "value", "tensor"), WRONG, ids=str)
def test_one_wrong_key_is_one_finding(section: str, key: str, value: Any, tensor: str) -> None:
    weights = facts(state_dict(MODEL))
    (found,) = architecture_findings(weights, changed(section, key, value), "last:/")
    right = architecture_of(weights)[f"{section}.{key}"]
    assert (found.code, found.location) == (ARCHITECTURE_MISMATCH.id, f"last:/{tensor}")
    assert f"`model.{section}.{key}`" in found.message
    assert str(right) in found.message
    assert repr(value) in found.message
    assert f"Set `model.{section}.{key}` to {str(right).lower()}" in str(found.fix)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("encoder", "mlp_ratio", 2.51), ("encoder", "img_size", 270), ("decoder", "latent_dim", 24), ("decoder", "x", 1)],
)
def test_what_makes_the_same_shapes_is_no_mismatch(section: str, key: str, value: Any) -> None:
    assert architecture_findings(facts(state_dict(MODEL)), changed(section, key, value)) == []


def test_absent_keys_are_upstreams_defaults() -> None:
    weights = facts(state_dict(MODEL))
    found = architecture_findings(weights, {})
    different = {"patch_size", "embed_dim", "depth", "mlp_ratio", "base_channels", "num_stages"}
    assert {f.message.rpartition(".")[2].rstrip("`)") for f in found} == different
    (depth,) = (f for f in found if "depth" in f.message)
    assert "lacks it, for which the checkout takes 12" in depth.message
    assert architecture_findings(weights, {"encoder": None, "decoder": None}) == found
    default = state_dict({"encoder": {"embed_dim": 512, "depth": 12}, "decoder": {}})
    assert architecture_findings(facts(default), {}) == []


def test_a_fork_is_judged_by_what_its_config_states() -> None:
    weights = facts(state_dict(MODEL) | {"encoder.guess_embed.proj.weight": zeros(24, 4, 16, 16)})
    assert architecture_findings(weights, {}) == []
    (found,) = architecture_findings(weights, {"encoder": {"depth": 12}})
    assert "`model.encoder.depth`" in found.message


def test_plain_convolutions_have_their_channels_the_other_way_round() -> None:
    tensors = state_dict(MODEL)
    plain = {name: t.transpose(0, 1) if ".block.0.weight" in name else t for name, t in tensors.items()}
    assert architecture_of(facts(plain)) == architecture_of(facts(tensors))


def test_a_pretrained_encoder_is_another_encoder() -> None:
    (found,) = architecture_findings(facts(state_dict(MODEL)), {**MODEL, "encoder_type": "pretrained"})
    assert "`model.encoder_type`" in found.message
    assert architecture_findings(facts(state_dict(MODEL)), {**MODEL, "encoder_type": "custom"}) == []


def test_weights_put_together_from_two_models_fit_no_config() -> None:
    other = state_dict(changed("decoder", "base_channels", 7))
    mixed = {k: other[k] if k.startswith("ph_decoder.") else t for k, t in state_dict(MODEL).items()}
    (found,) = architecture_findings(facts(mixed), MODEL)
    assert found.location == "pth:/ph_decoder.output.weight"
    assert "no config describes these weights: decoder.base_channels is 5 and 7" in found.message
    assert "decoder.base_channels" not in architecture_of(facts(mixed))


@settings(max_examples=80)
@given(st.data())
def test_no_shape_makes_it_fail(data: st.DataObject) -> None:
    """Tensors left out or of any shape: keys fall silent or contradict, nothing is raised."""
    tensors = facts(state_dict(MODEL)).tensors
    shapes = st.lists(st.integers(0, 6), max_size=5).map(lambda shape: Tensor("float32", tuple(shape)))
    touched = data.draw(st.dictionaries(st.sampled_from(sorted(tensors)), st.none() | shapes, max_size=12))
    left = {name: touched.get(name, tensor) for name, tensor in tensors.items()}
    weights = WeightsFacts(Path("x.pth"), {name: t for name, t in left.items() if t is not None}, prefixed=False)
    assert set(architecture_of(weights)) <= set(UPSTREAM_DEFAULTS)
    assert {f.code for f in architecture_findings(weights, MODEL)} <= {ARCHITECTURE_MISMATCH.id}
