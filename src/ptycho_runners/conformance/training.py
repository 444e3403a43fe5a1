"""Promises about a training: that it runs, and what it leaves in the run directory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ptycho_contracts.checkpoints.state import HISTORIES, StateFacts, read_state
from ptycho_contracts.checkpoints.weights import read_weights
from ptycho_contracts.sources.base import Source, SourceError
from ptycho_contracts.sources.document import read_yaml
from ptycho_contracts.sources.pickle_file import PickleSource
from ptycho_contracts.sources.torch_zip import TorchSource
from ptycho_runners.conformance.examination import EPOCHS
from ptycho_runners.conformance.promise import Judged, NotTestableError, Promise
from ptycho_runners.conformance.tensors import differing

if TYPE_CHECKING:
    from ptycho_runners.conformance.examination import Examination, Ran

BEST, LAST, STATE = "best_model.pth", "checkpoint_model.pth", "checkpoint.state"
STATE_KEYS = frozenset(
    {"current_epoch", "loss_tracker", "optimizer_state_dict", "scheduler_state_dict", "wandb_run_id"}
)
GROUPS = ("encoder", "amp_decoder", "ph_decoder")


def _trains(examination: Examination) -> Judged:
    ran = examination.trained
    if ran.result is not None and ran.result.reason == "normalization_fallback":
        raise NotTestableError(f"the bridge stopped it: {ran.result.message}")
    if not ran.finished:
        return Judged(False, ran.trouble)
    told = [event.epoch for event in ran.epochs]
    losses = ", ".join(f"{event.validation_loss}" for event in ran.epochs)
    return Judged(told == list(range(EPOCHS)), f"epochs {told}, validation loss {losses}", len(told))


def _best(examination: Examination) -> Judged:
    best = examination.trained.folder / BEST
    if not _has_content(best):
        return Judged(False, f"{BEST} is absent or empty")
    known = list(_moments(examination))
    if not known:
        return Judged(True, f"{BEST} is there; of which epoch cannot be told without {LAST}")
    for ran, losses in known:
        epoch, lowest = len(losses) - 1, losses.index(min(losses))
        if losses[epoch] == losses[lowest] and epoch != lowest:
            continue  # a tie: the models may be the same
        is_last = not differing(ran.folder / BEST, ran.folder / LAST)
        if is_last != (epoch == lowest):
            says = "is" if is_last else "is not"
            return Judged(False, f"{BEST} {says} the model of epoch {epoch}, but epoch {lowest} has the lowest loss")
    shown = ", ".join(f"{loss:.6g}" for loss in known[-1][1])
    return Judged(True, f"validation losses {shown}: {BEST} is of the lowest")


def _moments(examination: Examination) -> Iterator[tuple[Ran, list[float]]]:
    """Run directories of which the last epoch's weights are known, with the validation losses so far."""
    losses = _validation_losses(examination.trained)
    if _has_content(examination.trained.folder / LAST) and losses:
        yield examination.trained, losses
        if examination.resumed.finished and _has_content(examination.resumed.folder / LAST):
            yield examination.resumed, losses + _validation_losses(examination.resumed)


def _validation_losses(ran: Ran) -> list[float]:
    return [event.validation_loss for event in ran.epochs if event.validation_loss is not None]


def _checkpoint_files(examination: Examination) -> Judged:
    missing = [name for name in (LAST, STATE) if not _has_content(examination.trained.folder / name)]
    return Judged(not missing, f"absent or empty: {', '.join(missing)}" if missing else f"{LAST} and {STATE}")


def _config_copy(examination: Examination) -> Judged:
    folder = examination.trained.folder
    try:
        same = read_yaml(folder / "config.yaml") == read_yaml(folder / "work" / "config.yaml")
    except SourceError as error:
        return Judged(False, str(error))
    return Judged(same, "the copy says the same" if same else "the copy says something else")


def _metrics(examination: Examination) -> Judged:
    path = examination.trained.folder / "metrics.pickle"
    try:
        with PickleSource(path) as source:
            return _histories({name: source.layout(name)[0] for name in HISTORIES if name in _members(source)})
    except SourceError as error:
        return Judged(False, str(error))


def _histories(lengths: dict[str, tuple[int, ...]]) -> Judged:
    wrong = [f"{name}: {_length(lengths.get(name))}" for name in HISTORIES if lengths.get(name) != (EPOCHS,)]
    return Judged(not wrong, ", ".join(wrong) or f"{len(HISTORIES)} histories of {EPOCHS} epochs")


def _length(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else f"{shape[0] if shape else 'no'} entries"


def _safe(examination: Examination) -> Judged:
    folder = examination.trained.folder
    present = [name for name in (BEST, LAST, STATE) if _has_content(folder / name)]
    if not present:
        raise NotTestableError("the training left no checkpoint at all")
    for name in present:
        try:
            TorchSource(folder / name, name).close()
        except SourceError as error:
            return Judged(False, f"{name}: {error}")
    return Judged(True, f"{', '.join(present)} hold tensors, numbers and texts only")


def _weight_files(examination: Examination) -> list[Path]:
    """The weights that the training left.

    Raises:
        NotTestableError: there are none.
    """
    folder = examination.trained.folder
    present = [folder / name for name in (BEST, LAST) if _has_content(folder / name)]
    if not present:
        raise NotTestableError("the training left no weights")
    return present


def _families(examination: Examination) -> Judged:
    for path in _weight_files(examination):
        try:
            read_weights(path)
        except SourceError as error:
            return Judged(False, f"{path.name}: {error}")
    return Judged(True, "encoder., encoder.blocks., amp_decoder., ph_decoder.")


def _prefix(examination: Examination) -> Judged:
    wrapped = [path.name for path in _weight_files(examination) if read_weights(path).prefixed]
    return Judged(not wrapped, f"{', '.join(wrapped)}: `module.` before every name" if wrapped else "no prefix")


def _state(examination: Examination) -> Judged:
    path = examination.trained.folder / STATE
    try:
        with TorchSource(path, "state") as source:
            keys = {name.partition("/")[0] for name in _members(source)}
        if keys != STATE_KEYS:
            return Judged(False, f"keys that are missing or too many: {', '.join(sorted(keys ^ STATE_KEYS))}")
        return _state_numbers(read_state(path))
    except SourceError as error:
        return Judged(False, str(error))


def _state_numbers(state: StateFacts) -> Judged:
    if state.current_epoch != EPOCHS:
        return Judged(False, f"current_epoch is {state.current_epoch} after {EPOCHS} epochs", state.current_epoch)
    judged = _histories({name: (len(values),) for name, values in state.losses.items()})
    lowest = min(chain(state.losses.get("validation_loss", ()), [float("inf")]))
    if judged.kept and state.best_val_loss != lowest:
        return Judged(False, f"best_val_loss is {state.best_val_loss}, the lowest validation loss {lowest}")
    return judged if not judged.kept else Judged(True, f"five keys, current_epoch {EPOCHS}, {judged.measured}", EPOCHS)


def _groups(examination: Examination) -> Judged:
    found = [group.name or "no name" for group in read_state(examination.trained.folder / STATE).groups]
    return Judged(tuple(found) == GROUPS, ", ".join(found), len(found))


def _members(source: Source) -> frozenset[str]:
    return frozenset(source.describe().members)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


PROMISES = (
    Promise(
        "trains",
        "training",
        "`main.py`, run as it is, trains as the `config.yaml` of the current directory says.",
        "`python <checkout>/main.py` is the only command line; it reads `config.yaml` from the current directory, and "
        "`training.epochs` is the number of epochs.",
        "run",
        f"Two pairs, {EPOCHS} epochs, in the checkout's own interpreter: exit status 0, that many calls of "
        "`Trainer.validate`.",
        _trains,
    ),
    Promise(
        "checkpoint-files",
        "training",
        "After the last epoch `checkpoint_model.pth` and `checkpoint.state` are written.",
        "Both are written once, at the end; a run that is killed before cannot be resumed upstream.",
        "run",
        "Both files, not empty, after a training in which the bridge saved nothing.",
        _checkpoint_files,
        ("trains",),
    ),
    Promise(
        "config-copy",
        "training",
        "The `config.yaml` that a run was made with is copied into its directory.",
        "It is copied in epoch 0; without it nobody knows the architecture of the weights.",
        "run",
        "The copy, parsed, equals the original.",
        _config_copy,
        ("trains",),
    ),
    Promise(
        "metrics-file",
        "training",
        "`metrics.pickle` holds the six loss histories, one number for each epoch.",
        "It is written once, after the last epoch, with the content of the state's `loss_tracker`.",
        "run",
        "Walked, not unpickled: names and lengths of the lists.",
        _metrics,
        ("trains",),
    ),
    Promise(
        "safe-files",
        "training",
        "The checkpoint files load without running anything that a pickle could hold.",
        "A `.pth` is a plain ordered state dict and loads with `weights_only=True`; so must `checkpoint.state`.",
        "run",
        "The files' pickles are walked against an allow-list: tensors, numbers, texts, containers.",
        _safe,
        ("trains",),
    ),
    Promise(
        "weight-families",
        "training",
        "The weights have the three known families of names.",
        "`encoder.`, with `encoder.blocks.<i>.`, `amp_decoder.` and `ph_decoder.`; a decoder's and the encoder's "
        "learning rate, freezing and the check of the architecture go by them.",
        "run",
        "Names in both weight files.",
        _families,
        ("safe-files",),
    ),
    Promise(
        "no-prefix",
        "training",
        "No name begins with `module.`.",
        "The checkout loads strictly, and a wrapped model's names fail.",
        "run",
        "Names in both weight files.",
        _prefix,
        ("weight-families",),
    ),
    Promise(
        "state",
        "training",
        "`checkpoint.state` has its five keys, and they agree with what was done.",
        "`current_epoch` (index of the last epoch, plus one), `loss_tracker` (six lists and `best_val_loss`), "
        "`optimizer_state_dict`, `scheduler_state_dict`, `wandb_run_id`.",
        "run",
        f"Keys; current_epoch {EPOCHS}; six lists of {EPOCHS}; best_val_loss is the lowest validation loss.",
        _state,
        ("checkpoint-files", "safe-files"),
    ),
    Promise(
        "learning-rate-groups",
        "training",
        "The optimizer has three named parameter groups: encoder, amp_decoder, ph_decoder.",
        "Adam with these groups; a resume with another number fails.",
        "run",
        "Names in the stored state of the optimizer.",
        _groups,
        ("state",),
    ),
    Promise(
        "best-model",
        "training",
        "`best_model.pth` is the model of the epoch with the lowest validation loss.",
        "It is written each time that the validation loss improves.",
        "run",
        "After the training, and after the resumed epoch: bit-equal to `checkpoint_model.pth` exactly when the last "
        "epoch is the best.",
        _best,
        ("trains", "safe-files"),
    ),
)
