"""The decision table of starting from what exists: (intent, what lies on disk, what is wanted) → plan or refusal.

| intent | needs | never needs |
|---|---|---|
| resume | `checkpoint_model.pth`, `checkpoint.state`, `config.yaml` of the run, unchanged data | `best_model.pth` |
| finetune | `best_model.pth` (or the weights that are named), `config.yaml` or a section `model` | the other two |
| infer | `best_model.pth` (or the weights that are named), `config.yaml` | the other two |

Pure: everything that is known of the disk is in `Found`. A refusal holds every finding at once. What is damaged and
not needed refuses nothing; a decision says that it was seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import JsonValue

from ptycho_contracts.checkpoints.architecture import architecture_findings
from ptycho_contracts.checkpoints.state import StateFacts
from ptycho_contracts.checkpoints.weights import WeightsFacts
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import BAD_OPTION, CHECKPOINT_MISSING
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.found import LAST, Absent, Config, Corrupt, Found

Intent = Literal["resume", "finetune", "infer"]
Choice = Literal["best", "last", "other"]


@dataclass(frozen=True)
class Wanted:
    """What the user asks for beside the intent.

    Attributes:
        checkpoint: Which weights to fine-tune or infer from.
        model: Section `model` for a fine-tuning, instead of that of the config.
        epochs: New total number of epochs of a resumed run; None: as its config says.
        overrides: Keys of the config of a resumed run, by dotted name.
        learning_rates: Rates by name of a resumed run; None: as before.
    """

    checkpoint: Choice = "best"
    model: Mapping[str, Any] | None = None
    epochs: int | None = None
    overrides: Mapping[str, JsonValue] = field(default_factory=dict)
    learning_rates: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Restored:
    """How to go on.

    Attributes:
        intent: What for.
        weights: The checkpoint to load.
        epoch: Finished epochs in it; None where nothing says so.
        config: The config to go on with; of a resumed run it is complete but for its paths.
        set_aside: Whether `best_model.pth` must be moved out of the way.
        decisions: What was decided, with reasons.
    """

    intent: Intent
    weights: WeightsFacts
    epoch: int | None
    config: dict[str, Any]
    set_aside: bool
    decisions: tuple[Decision, ...]


def decide(intent: Intent, found: Found, wanted: Wanted | None = None) -> Restored:
    """Whether and how to go on from a run directory.

    Args:
        intent: what for.
        found: what lies there.
        wanted: what the user asks for beside it; None: nothing.

    Raises:
        RunError: with every reason to refuse.
    """
    from ptycho_runners.ptychovit.resumption import resume  # noqa: PLC0415 - it uses the types above

    table: Mapping[Intent, Callable[[Found, Wanted], Restored]] = {
        "resume": resume,
        "finetune": _finetune,
        "infer": _infer,
    }
    return table[intent](found, wanted or Wanted())


def _finetune(found: Found, wanted: Wanted) -> Restored:
    """Weights only; optimizer, history and run directory are new."""
    model = wanted.model
    needless = model is not None and isinstance(found.config, Absent)
    findings = [*missing_or_corrupt(_chosen(found, wanted), lambda: _other_weights(found, wanted))]
    if not needless:
        findings += missing_or_corrupt(found.config, lambda: _NO_CONFIG)
    content = found.config.content if isinstance(found.config, Config) else {}
    config = content if model is None else {**content, "model": dict(model)}
    return _from_weights("finetune", found, wanted, config, findings)


def _infer(found: Found, wanted: Wanted) -> Restored:
    """Weights and how they were trained; nothing is written into their run."""
    findings = [
        *missing_or_corrupt(_chosen(found, wanted), lambda: _other_weights(found, wanted)),
        *missing_or_corrupt(found.config, lambda: _NO_CONFIG),
        *_scale_findings(found.config),
    ]
    config = found.config.content if isinstance(found.config, Config) else {}
    return _from_weights("infer", found, wanted, config, findings)


_NO_CONFIG = "Name the config.yaml that the weights were trained with: they hold no architecture."


def _from_weights(
    intent: Intent, found: Found, wanted: Wanted, config: dict[str, Any], findings: list[Finding]
) -> Restored:
    weights = _chosen(found, wanted)
    if isinstance(weights, WeightsFacts) and "model" in config:
        findings = [*findings, *architecture_findings(weights, config["model"])]
    if findings or not isinstance(weights, WeightsFacts):
        raise RunError(*findings)
    epoch = _epoch_of(found, wanted.checkpoint)
    decisions = [*_source_decisions(weights, wanted, epoch), *_unneeded(intent, found)]
    return Restored(intent, weights, epoch, config, set_aside=False, decisions=tuple(decisions))


def missing_or_corrupt(fact: object, remedy: Callable[[], str | None]) -> Iterator[Finding]:
    """Why a file that is needed cannot be used; nothing for one that was read."""
    if isinstance(fact, Corrupt):
        yield from fact.findings
    elif isinstance(fact, Absent):
        message = f"{fact.path.name} is not in {fact.path.parent}"
        yield finding(CHECKPOINT_MISSING, f"run:/{fact.path.name}", message, fix=remedy())


def _chosen(found: Found, wanted: Wanted) -> Absent | Corrupt | WeightsFacts:
    chosen = {"best": found.best, "last": found.last, "other": found.other}[wanted.checkpoint]
    if chosen is None:
        raise ValueError("Wanted.checkpoint is `other`, and Found.other was not looked at")
    return chosen


def _other_weights(found: Found, wanted: Wanted) -> str | None:
    """What else could be used where best_model.pth is not there."""
    if wanted.checkpoint == "best" and isinstance(found.last, WeightsFacts):
        return f"The weights of the last epoch are there: name {LAST} instead (`--checkpoint {LAST}`)."
    return None


def _scale_findings(config: Absent | Corrupt | Config) -> Iterator[Finding]:
    """An inference scales its input as the training did."""
    if not isinstance(config, Config):
        return
    data = config.content.get("data")
    scale = data.get("scale") if isinstance(data, dict) else None
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0:
        yield finding(BAD_OPTION, "yaml:/data/scale", f"{config.path} has no positive number data.scale")


def _epoch_of(found: Found, choice: Choice) -> int | None:
    """Finished epochs in the weights, by the state beside them: the best epoch is that of the lowest loss."""
    state = found.state
    if not isinstance(state, StateFacts) or choice == "other":
        return None
    if choice == "last":
        return state.current_epoch
    losses = state.losses.get("validation_loss", ())
    numbers = [loss for loss in losses if not math.isnan(loss)]
    return losses.index(min(numbers)) + 1 if numbers else None


def _source_decisions(weights: WeightsFacts, wanted: Wanted, epoch: int | None) -> Iterator[Decision]:
    why = "the lowest validation loss of its run" if wanted.checkpoint == "best" else "named by the user"
    shown = why if epoch is None else f"{why}; after epoch {epoch}"
    yield Decision(about="weights", choice=str(weights.path), reason=shown)
    if weights.prefixed:
        reason = "DistributedDataParallel put it before every name; the checkout's model has none"
        yield Decision(about="prefix module.", choice="taken off", reason=reason)


def _unneeded(intent: Intent, found: Found) -> Iterator[Decision]:
    """Damaged files that this intent does not touch."""
    words = {"finetune": "a fine-tuning begins a history of its own", "infer": "an inference reads weights and config"}
    for fact in (found.best, found.last, found.state):
        if isinstance(fact, Corrupt):
            reason = f"it cannot be read ({fact.findings[0].message}); {words[intent]}"
            yield Decision(about=fact.path.name, choice="not used", reason=reason)
