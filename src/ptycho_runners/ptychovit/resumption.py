"""The row `resume` of the decision table: what refuses to go on with a run, and with what it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from pydantic import JsonValue

from ptycho_contracts.checkpoints.architecture import architecture_findings, state_findings
from ptycho_contracts.checkpoints.state import StateFacts
from ptycho_contracts.checkpoints.weights import WeightsFacts, prefix_findings
from ptycho_contracts.contracts.ptychovit_config import PtychoViTConfig
from ptycho_contracts.contracts.run_manifest import Decision
from ptycho_contracts.documents import check_document
from ptycho_contracts.finding import Finding, finding
from ptycho_contracts.run_codes import (
    BAD_OPTION,
    LEARNING_RATE_GROUPS,
    NOTHING_TO_TRAIN,
    OTHER_DATA,
)
from ptycho_runners.errors import RunError
from ptycho_runners.ptychovit.config import planned_epochs, with_overrides
from ptycho_runners.ptychovit.found import BEST, LAST, STATE, Absent, Config, Found
from ptycho_runners.ptychovit.plan import TRAINING
from ptycho_runners.ptychovit.restore import Restored, Wanted, missing_or_corrupt

GROUPS = 3
"""Parameter groups of the flat checkout's optimizer: encoder, amp_decoder, ph_decoder."""
_FOURTH_GROUP = frozenset({"amp_scale", "ph_scale", "amp_offset"})
"""Norm parameters of ptycho_fm, which have a group of their own."""

HARMLESS = frozenset(
    {
        "data.num_workers",
        "data.prefetch_factor",
        "data.pin_memory",
        "data.persistent_workers",
        "data.use_cuda_prefetcher",
        "data.cache_object",
        "training.validation_plot_freq",
        "training.test_plot_freq",
    }
)
"""Keys that may differ after a resume: how fast it goes and what is drawn, not what is learned."""
BATCH_SIZE = "training.batch_size"
"""May differ too, because a smaller one is the way out of a lack of memory; the plan says what it costs."""


def resume(found: Found, wanted: Wanted) -> Restored:
    """Go on with a run, or refuse.

    Raises:
        RunError: with every reason to refuse.
    """
    if found.manifest is not None and found.manifest.kind != TRAINING:
        message = f"{found.folder} is a run of kind {found.manifest.kind}, which has no epochs to go on with"
        raise RunError(finding(BAD_OPTION, "request:/run", message, fix="Run it again: it starts from the beginning."))
    config, problems = _config(found, wanted)
    findings = [*problems, *_file_findings(found)]
    findings += _weights_findings(found, config)
    findings += _state_findings(found, config, wanted)
    findings += _rate_findings(found, wanted)
    findings += _data_findings(found)
    if findings or not isinstance(found.last, WeightsFacts) or not isinstance(found.state, StateFacts):
        raise RunError(*findings)
    decisions = tuple(_decisions(found, found.state, config, wanted))
    aside = not isinstance(found.best, Absent) and not _best_is_usable(found, config)
    return Restored("resume", found.last, found.state.current_epoch, config, aside, decisions)


def _config(found: Found, wanted: Wanted) -> tuple[dict[str, Any], list[Finding]]:
    """The config of the run with what is wanted, and what is wrong with either; empty where it cannot be read."""
    if not isinstance(found.config, Config):
        return {}, []
    original = found.config.content
    findings = check_document(PtychoViTConfig, original, "yaml")
    if findings:
        return original, findings
    config = deepcopy(original)
    for name, value in wanted.overrides.items():
        try:
            config = with_overrides(config, {name: value})
        except RunError as error:
            findings += error.findings
            continue
        findings += _override_findings(name, value, original)
    config["training"] |= {"resume_from_checkpoint": True, "epochs": wanted.epochs or config["training"]["epochs"]}
    return config, findings + check_document(PtychoViTConfig, config, "yaml")


def _override_findings(name: str, value: JsonValue, original: Mapping[str, Any]) -> Iterator[Finding]:
    """Why a key may not change in the middle of a training; the architecture is judged by the weights."""
    if name in HARMLESS or name == BATCH_SIZE or _value_at(original, name) == value:
        return
    message = f"the override {name} = {value} would make another training of it"
    if name.split(".", maxsplit=1)[0] == "data":
        yield finding(OTHER_DATA, f"yaml:/{name.replace('.', '/')}", message)
    else:
        fix = "Fine-tune from best_model.pth instead: a new run with a fresh optimizer and history."
        yield finding(BAD_OPTION, f"yaml:/{name.replace('.', '/')}", message, fix=fix)


def _value_at(config: Mapping[str, Any], name: str) -> Any:
    place: Any = config
    for part in name.split("."):
        place = place.get(part) if isinstance(place, Mapping) else None
    return place


def _file_findings(found: Found) -> Iterator[Finding]:
    for fact in (found.last, found.state):
        yield from missing_or_corrupt(fact, lambda: _way_out(found))
    yield from missing_or_corrupt(found.config, lambda: "Put back the config.yaml that the run was trained with.")


def _way_out(found: Found) -> str | None:
    """What to do where there is nothing to resume from."""
    if not (isinstance(found.last, Absent) and isinstance(found.state, Absent)):
        return None
    anew = "start anew with the command as before"
    if isinstance(found.best, WeightsFacts):
        return f"Fine-tune from {BEST}, with a fresh optimizer and history, or {anew}."
    return f"No epoch was finished: {anew}."


def _weights_findings(found: Found, config: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(found.last, WeightsFacts):
        return
    yield from prefix_findings(found.last)
    if config:
        yield from architecture_findings(found.last, config["model"])


def _state_findings(found: Found, config: Mapping[str, Any], wanted: Wanted) -> Iterator[Finding]:
    state = found.state
    if not isinstance(state, StateFacts):
        return
    yield from state_findings(state, found.last if isinstance(found.last, WeightsFacts) else None)
    groups = _expected_groups(found, wanted)
    if len(state.groups) != groups:
        message = f"{state.path.name} has {len(state.groups)} parameter groups, the training would make {groups}"
        yield finding(
            LEARNING_RATE_GROUPS,
            "state:/optimizer_state_dict/param_groups",
            message,
            expected=str(groups),
            found=str(len(state.groups)),
        )
    epochs = planned_epochs(config)
    if epochs is not None and epochs <= state.current_epoch:
        message = f"{epochs} epochs in total are asked for, and {state.current_epoch} are finished"
        fix = f"Ask for more in total, `--epochs {state.current_epoch + 1}` or above, or infer with {BEST}."
        yield finding(NOTHING_TO_TRAIN, "yaml:/training/epochs", message, fix=fix)


def _rates(found: Found, wanted: Wanted) -> Mapping[str, float]:
    before = found.job.learning_rates if found.job is not None else {}
    return before if wanted.learning_rates is None else wanted.learning_rates


def _expected_groups(found: Found, wanted: Wanted) -> int:
    """Groups of the checkout, and one for each name with a rate of its own."""
    norm = found.last.norm_parameters if isinstance(found.last, WeightsFacts) else ()
    return GROUPS + bool(_FOURTH_GROUP.intersection(norm)) + len(_rates(found, wanted))


def _rate_findings(found: Found, wanted: Wanted) -> Iterator[Finding]:
    """Rates by name must be those of the run; another number of them is another number of groups."""
    before = found.job.learning_rates if found.job is not None else {}
    asked = _rates(found, wanted)
    if len(asked) == len(before) and dict(asked) != dict(before):
        message = f"rates {dict(asked)} are asked for, and the run has {dict(before)}; those in {STATE} would count"
        yield finding(BAD_OPTION, "request:/learning_rates", message, fix=f"Leave them out, or fine-tune from {BEST}.")


def _data_findings(found: Found) -> Iterator[Finding]:
    for entry in found.inputs or ():
        if entry.now is None:
            message = f"{entry.path}, which the run was trained with, is not there any more"
            yield finding(OTHER_DATA, f"run:/{entry.role}", message, expected=entry.recorded)
        elif entry.now != entry.recorded:
            message = f"{entry.path} is not the file that the run was trained with"
            yield finding(OTHER_DATA, f"run:/{entry.role}", message, expected=entry.recorded, found=entry.now)


def _best_is_usable(found: Found, config: Mapping[str, Any]) -> bool:
    return isinstance(found.best, WeightsFacts) and not architecture_findings(found.best, config["model"])


def _decisions(found: Found, state: StateFacts, config: dict[str, Any], wanted: Wanted) -> Iterator[Decision]:
    epochs = config["training"]["epochs"]
    done = f"{STATE} has {state.current_epoch} finished epochs"
    yield Decision(about="training.resume_from_checkpoint", choice=True, reason=f"{LAST} and {STATE} belong together")
    yield Decision(about="first epoch", choice=state.current_epoch, reason=f"{done}, and epochs count from 0")
    if wanted.epochs is not None:
        reason = "given by the user, in total; a schedule over all epochs, where the checkout has one, stretches"
        yield Decision(about="training.epochs", choice=epochs, reason=reason)
    yield Decision(
        about="learning rates",
        choice=[group.lr for group in state.groups],
        reason=f"those in {STATE} count, whatever the config says",
    )
    yield _data_decision(found)
    yield from _override_decisions(wanted)
    if not _best_is_usable(found, config):
        yield _about_best(found, state)


def _data_decision(found: Found) -> Decision:
    if found.inputs is None:
        reason = "the run has no readable manifest, so nothing says what data it saw; taken as it is"
        return Decision(about="data", choice="not proven the same", reason=reason)
    reason = f"{len(found.inputs)} files have the digests that the run's manifest gives"
    return Decision(about="data", choice="the same", reason=reason)


def _override_decisions(wanted: Wanted) -> Iterator[Decision]:
    for name, value in wanted.overrides.items():
        reason = "override of the user; it does not change what is learned"
        if name == BATCH_SIZE:
            reason = (
                "override of the user; from here on an epoch has another number of steps, so this is not the "
                "training that an uninterrupted run would have been"
            )
        yield Decision(about=name, choice=value, reason=reason)


def _about_best(found: Found, state: StateFacts) -> Decision:
    """What becomes of a best model that is lost: it comes back only with a better loss, and nothing pretends."""
    lost = "is absent" if isinstance(found.best, Absent) else "cannot be used and is set aside"
    best = "unknown" if state.best_val_loss is None else f"{state.best_val_loss:.6g}"
    reason = f"it {lost}; the resume does not need it, and it is written anew below a validation loss of {best}"
    return Decision(about=BEST, choice="not there", reason=f"{reason}; if none comes, the run ends with PTY503")
