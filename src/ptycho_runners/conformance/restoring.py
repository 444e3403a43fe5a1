"""Promises about starting from what exists: resumed runs, and fine-tuning with frozen parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ptycho_contracts.checkpoints.state import HISTORIES, read_state
from ptycho_contracts.checkpoints.weights import read_weights
from ptycho_contracts.contracts.bridge_event import CheckpointWritten
from ptycho_contracts.sources.base import SourceError
from ptycho_runners.conformance.examination import EPOCHS, FROZEN, RESUMED_EPOCHS
from ptycho_runners.conformance.promise import Judged, NotTestableError, Promise
from ptycho_runners.conformance.tensors import differing
from ptycho_runners.conformance.training import LAST, STATE

if TYPE_CHECKING:
    from pathlib import Path

    from ptycho_runners.conformance.examination import Examination


def _resumes(examination: Examination) -> Judged:
    ran = examination.resumed
    if not ran.finished:
        return Judged(False, ran.trouble)
    told = [event.epoch for event in ran.epochs]
    if told != list(range(EPOCHS, RESUMED_EPOCHS)):
        return Judged(False, f"epochs {told} after {EPOCHS} of {RESUMED_EPOCHS}", len(told))
    try:
        before, after = (read_state(folder / STATE) for folder in (examination.trained.folder, ran.folder))
    except SourceError as error:
        return Judged(False, str(error))
    for name in HISTORIES:
        old, new = before.losses[name], after.losses.get(name, ())
        if len(new) != RESUMED_EPOCHS or new[:EPOCHS] != old:
            return Judged(False, f"{name} was {list(old)} and is {list(new)}", len(new))
    if after.current_epoch != RESUMED_EPOCHS:
        return Judged(False, f"current_epoch is {after.current_epoch}, not {RESUMED_EPOCHS}", after.current_epoch)
    return Judged(True, f"epoch {told[0]} follows, {RESUMED_EPOCHS} entries in each history, the old ones unchanged")


def _epoch_checkpoints(examination: Examination) -> Judged:
    ran = examination.fine_tuned
    if ran.result is not None and ran.result.reason == "weights_mismatch":
        raise NotTestableError(f"the fine-tuning could not begin: {ran.result.message}")
    if not any(isinstance(event, CheckpointWritten) for event in ran.events):
        return Judged(False, f"no checkpoint behind an epoch: {ran.trouble}")
    try:
        state, weights = read_state(ran.folder / STATE), read_weights(ran.folder / LAST)
    except SourceError as error:
        return Judged(False, str(error))
    lengths = {name: len(values) for name, values in state.losses.items() if name in HISTORIES}
    kept = state.current_epoch >= 1 and set(lengths.values()) == {state.current_epoch} and not weights.prefixed
    text = f"stopped: current_epoch {state.current_epoch}, histories of {sorted(set(lengths.values()))} entries"
    return Judged(kept, text, state.current_epoch)


def _frozen(examination: Examination) -> Judged:
    source, changed = _changes(examination)
    moved = sorted(name for name in changed if _is_frozen(name))
    count = sum(map(_is_frozen, read_weights(source).tensors))
    if moved:
        return Judged(False, f"{len(moved)} of {count} frozen tensors changed, such as {moved[0]}", len(moved))
    return Judged(True, f"{count} tensors of {' and '.join(FROZEN)} are bit-identical", 0)


def _moves(examination: Examination) -> Judged:
    source, changed = _changes(examination)
    others = [name for name in read_weights(source).tensors if not _is_frozen(name)]
    moved = [name for name in others if name in changed]
    return Judged(bool(moved), f"{len(moved)} of {len(others)} other tensors changed", len(moved))


def _changes(examination: Examination) -> tuple[Path, frozenset[str]]:
    """The weights that the fine-tuning began with, and the names of those that are others now.

    Raises:
        NotTestableError: there was nothing to begin with.
    """
    source, ran = examination.require_weights(), examination.fine_tuned
    if not (ran.folder / LAST).is_file():
        raise NotTestableError(f"the fine-tuning left no weights: {ran.trouble}")
    return source, differing(source, ran.folder / LAST)


def _is_frozen(name: str) -> bool:
    return name.partition(".")[0] in FROZEN


PROMISES = (
    Promise(
        "resumes",
        "restoring",
        "A resumed run goes on with the next epoch, and its history has no gap and no repeat.",
        "Strict load of `checkpoint_model.pth`, then the state, then the epochs `current_epoch … epochs − 1`; "
        "`training.epochs` is the total.",
        "run",
        f"From {EPOCHS} epochs to {RESUMED_EPOCHS}: one epoch is run, and the old entries of all six histories are "
        "bit-equal.",
        _resumes,
        ("config-copy", "state", "no-prefix", "learning-rate-groups"),
    ),
    Promise(
        "epoch-checkpoints",
        "restoring",
        "The bridge can save behind every epoch what a resume needs.",
        "`Trainer.validate(…, optimizer, metrics, …, epoch)` is called once in every epoch, after the training losses, "
        "and returns when the validation losses are appended.",
        "run",
        "A training that is stopped behind the first checkpoint event leaves weights and a state that agree.",
        _epoch_checkpoints,
        ("trains",),
    ),
    Promise(
        "frozen",
        "restoring",
        "What is frozen stays as it is, buffers included.",
        "No key of the config freezes anything; the bridge does, behind `PtychoViT.__init__`, and the checkout must "
        "not change weights outside of its optimizer.",
        "read",
        f"Fine-tuning with {' and '.join(FROZEN)} frozen: bit-equal to the weights that it began with.",
        _frozen,
        ("epoch-checkpoints", "weight-families"),
    ),
    Promise(
        "unfrozen-moves",
        "restoring",
        "What is not frozen is trained.",
        "The optimizer trains every parameter that has a gradient.",
        "read",
        "The same fine-tuning: some of the other tensors changed.",
        _moves,
        ("epoch-checkpoints", "weight-families"),
    ),
)
