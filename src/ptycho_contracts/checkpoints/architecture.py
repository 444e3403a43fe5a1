"""Which architecture a state dict is of, and whether a config and a training state belong to it.

A checkpoint holds no config, but the shapes decide most keys of section `model`; heads and dropouts leave no
trace. The layout is that of the flat generation (February 2026); an encoder or decoder with tensors beside it
is of a fork, of which only what its config states can be compared.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from ptycho_contracts.checkpoints.shapes import Reading, disagree, is_flat, readings_by_key
from ptycho_contracts.checkpoints.state import BEST, GROUPS, HISTORIES, MOMENTS, TRACKER, StateFacts
from ptycho_contracts.checkpoints.weights import WeightsFacts
from ptycho_contracts.contracts.ptychovit_checkpoint import WeightsFile
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import ARCHITECTURE_MISMATCH, STATE_CONTRADICTS

UPSTREAM_DEFAULTS: Mapping[str, JsonValue] = {
    "encoder_type": "custom",
    "encoder.img_size": 256,
    "encoder.patch_size": 16,
    "encoder.in_channels": 1,
    "encoder.embed_dim": 512,
    "encoder.depth": 12,
    "encoder.mlp_ratio": 4,
    "encoder.use_cls_token": False,
    "decoder.base_channels": 64,
    "decoder.latent_dim": None,
    "decoder.num_stages": 4,
    "decoder.use_batchnorm": True,
}
"""What the flat checkout takes for a key of section `model` that the config lacks, for the keys below."""


def architecture_of(weights: WeightsFacts) -> dict[str, JsonValue]:
    """The keys of section `model` that the shapes decide, by dotted name (`encoder.depth`).

    A key on which the tensors are silent, or disagree, is absent. `encoder.mlp_ratio` is the one that gives the
    hidden size exactly, `encoder.img_size` the smallest one of this token grid, and `decoder.latent_dim` is a
    number even where the config may leave it to `encoder.embed_dim`.
    """
    return {key: found[0].value for key, found in readings_by_key(weights).items() if not disagree(found)}


def architecture_findings(weights: WeightsFacts, model: Mapping[str, Any], location: str = "pth:/") -> list[Finding]:
    """ARCHITECTURE_MISMATCH for each key of a config's section `model` that is not what the shapes decide.

    Args:
        weights: the facts of the state dict.
        model: the section, as parsed.
        location: the role of the weights, as findings spell it.
    """
    if weights.prefixed:
        location += WeightsFile.wrapper
    decided = architecture_of(weights)
    stated = _stated(model)
    assumed = UPSTREAM_DEFAULTS if _defaults_hold(weights, stated) else {}
    findings = []
    for key, readings in readings_by_key(weights).items():
        if disagree(readings):
            findings.append(_contradiction(readings, location))
        elif key in stated:
            if not _agrees(key, stated[key], decided):
                findings.append(_mismatch(readings[0], f"says {stated[key]!r}", stated[key], location))
        elif key in assumed and not _agrees(key, assumed[key], decided):
            words = f"lacks it, for which the checkout takes {assumed[key]!r}"
            findings.append(_mismatch(readings[0], words, assumed[key], location))
    return findings


def _stated(model: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the section by dotted name."""
    stated: dict[str, Any] = {}
    for name, value in model.items():
        section = value if isinstance(value, Mapping) else None
        stated |= {name: value} if section is None else {f"{name}.{key}": item for key, item in section.items()}
    return stated


def _defaults_hold(weights: WeightsFacts, stated: Mapping[str, Any]) -> bool:
    """Whether the defaults of the flat checkout's own encoder and decoders are those of these weights."""
    return stated.get("encoder_type") != "pretrained" and is_flat(weights)


def _agrees(key: str, configured: Any, decided: Mapping[str, Any]) -> bool:
    """Whether a configured value makes the tensors that the decided one made."""
    value, embed_dim = decided[key], decided.get("encoder.embed_dim")
    match key:
        case "encoder_type":  # the checkout takes every other word for "custom"
            return bool(configured != "pretrained")
        case "encoder.mlp_ratio" if _is_number(configured) and embed_dim:
            return bool(int(embed_dim * configured) == int(embed_dim * value))
        case "encoder.img_size" if _is_number(configured):
            patch = decided["encoder.patch_size"]
            return bool(configured // patch == value // patch)
        case "decoder.latent_dim":
            return bool((configured or embed_dim) == value)
        case "encoder.use_cls_token" | "decoder.use_batchnorm":
            return bool(configured) is value
        case _:
            return bool(configured == value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _mismatch(reading: Reading, says: str, configured: JsonValue, location: str) -> Finding:
    return finding(
        ARCHITECTURE_MISMATCH,
        f"{location}{reading.tensor}",
        f"the weights have {reading.key} {reading.value}, but the config {says} (`model.{reading.key}`)",
        expected=f"model.{reading.key}: {reading.value}",
        found=f"model.{reading.key}: {configured!r}",
        fix=f"Set `model.{reading.key}` to {str(reading.value).lower()}, or use the `config.yaml` in the folder of "
        "the checkpoint.",
    )


def _contradiction(readings: list[Reading], location: str) -> Finding:
    values = sorted({str(r.value) for r in readings})
    other = next(r for r in readings if r.value != readings[0].value)
    return finding(
        ARCHITECTURE_MISMATCH,
        f"{location}{other.tensor}",
        f"no config describes these weights: {readings[0].key} is {' and '.join(values)} in them",
        expected=f"{readings[0].value}, as {readings[0].tensor} says",
        found=str(other.value),
        fix="Take another checkpoint: this one was put together from different models.",
    )


# The training state

_SAME_LOSS = 1e-6  # a loss may be kept in float32 in one place and in float64 in the other


def state_findings(state: StateFacts, weights: WeightsFacts | None) -> list[Finding]:
    """STATE_CONTRADICTS for each way in which a training state contradicts itself, or the weights beside it."""
    return [
        *_history_findings(state),
        *_best_findings(state),
        *([] if weights is None else _count_findings(state, weights)),
        *([] if weights is None else _moment_findings(state, weights)),
    ]


def _history_findings(state: StateFacts) -> Iterator[Finding]:
    """One finding for each history of another length than the epochs; one for all where they agree."""
    lengths = {name: len(state.losses[name]) for name in HISTORIES if name in state.losses}
    wrong = {name: length for name, length in lengths.items() if length != state.current_epoch}
    if len(wrong) == len(lengths) > 1 and len(set(wrong.values())) == 1:
        length = next(iter(wrong.values()))
        message = f"current_epoch is {state.current_epoch}, but every loss history has {length} epochs"
        yield _contradicts("current_epoch", message, str(length), str(state.current_epoch))
        return
    for name, length in wrong.items():
        message = f"{name} has {length} epochs, but current_epoch is {state.current_epoch}"
        yield _contradicts(f"{TRACKER}{name}", message, f"{state.current_epoch} losses", f"{length} losses")


def _best_findings(state: StateFacts) -> Iterator[Finding]:
    """The best loss is the lowest of the validation losses; NaN never was lower than anything."""
    history = [loss for loss in state.losses.get("validation_loss", ()) if not math.isnan(loss)]
    lowest = min(history, default=math.inf)
    best = math.inf if state.best_val_loss is None else state.best_val_loss
    if not math.isclose(best, lowest, rel_tol=_SAME_LOSS):
        message = f"best_val_loss is {best:.6g}, but the lowest validation loss is {lowest:.6g}"
        yield _contradicts(BEST, message, f"{lowest:.6g}", f"{best:.6g}")


def _count_findings(state: StateFacts, weights: WeightsFacts) -> Iterator[Finding]:
    """The optimizer has every parameter of the model; the flat checkout leaves out the scales of the heads."""
    held = sum(group.parameters for group in state.groups)
    allowed = (weights.parameters, weights.parameters - len(weights.norm_parameters))
    if held not in allowed:
        expected = " or ".join(str(count) for count in sorted(set(allowed)))
        message = f"the optimizer has {held} parameters, but {weights.path.name} has {expected}"
        yield _contradicts(GROUPS, message, f"{expected} parameters", f"{held} parameters")


def _moment_findings(state: StateFacts, weights: WeightsFacts) -> Iterator[Finding]:
    """Every moment is of a tensor of the model; an optimizer numbers its parameters in an order of its own."""
    left = Counter(tensor.shape for name, tensor in weights.tensors.items() if name not in weights.buffers)
    strangers = []
    for index, shape in state.moments.items():
        if not left[shape]:
            strangers.append((index, shape))
        left[shape] -= 1
    if strangers:
        index, shape = strangers[0]
        message = (
            f"{len(strangers)} of {len(state.moments)} moments are of no tensor in {weights.path.name}; "
            f"that of parameter {index} has the shape {shape}"
        )
        yield _contradicts(f"{MOMENTS}/{index}/exp_avg", message, f"a shape of {weights.path.name}", str(shape))


def _contradicts(path: str, message: str, expected: str, found: str) -> Finding:
    return finding(STATE_CONTRADICTS, f"state:/{path}", message, expected=expected, found=found)
