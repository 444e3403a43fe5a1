"""Run a flat PtychoViT checkout's own main.py, or its model on pairs, and say what happens.

    PYTHON bridge.py JOB.json        with the checkout's PYTHON

Imports the standard library, numpy, h5py, torch and the checkout, never our packages. In: a job (contract
bridge-job). Out: events (bridge-event), a result (bridge-result), and exit status 0 only for status `ok`.

Everything of the checkout that this file touches, by name:

| name | used for |
|---|---|
| `main.py` | run unmodified as `__main__`, with the checkout first on the path |
| `model.model.PtychoViT(config=…)` | after it is built: weights, freezing, parameter count; built here to infer |
| `PtychoViT.forward(x, probe_as_real, norm, scale)` | inference: predicted diffraction amplitude, amplitude, phase |
| `training.Trainer`, its `__init__` | the clock of the first epoch starts |
| `Trainer.train(…, optimizer, metrics)` | the start of an epoch: `metrics` tells its index, which seeds it |
| `Trainer.validate(dataloader, …, optimizer, metrics, …, epoch)` | seeded; its return is the end of an epoch |
| files renamed to `best_model.pth` during it | wait beside the old one until the epoch is on the disk |
| `data.PtychographyDataset(file_path, scale, normalization_dict_path, apply_noise, max_probe_modes)` | inference |
| its items: (amplitude, …, probe, position, normalization, scale) | inference; the normalization in use is checked |
| `torch.optim.Optimizer`, its parameter groups | split by name where the job gives rates by name |
| `torch.save` to a path | replaced by one that appears whole or not at all |
| `numpy.random.default_rng()` without a seed | made from numpy's global seed, so that noise follows the job's |
| `torch.utils.data.DataLoader(persistent_workers=…)` | off: workers that live on cannot be seeded for an epoch |

A name that is not there ends the job before anything is trained, with reason `not_the_interface`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import itertools
import json
import math
import os
import platform
import random
import runpy
import signal
import sys
import threading
import time
import traceback
import types
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

BEST, CHECKPOINT, STATE = "best_model.pth", "checkpoint_model.pth", "checkpoint.state"
WRITTEN = ("*.pth", "*.state", "*.pickle", "*.png", "config.yaml")
NEXT, PARTIAL = ".next", ".partial"
TOLERANCE = 1e-6  # a float32 in the file and a float in the job are the same number
WRAPPED = "module."  # what DistributedDataParallel puts before every name
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")  # torch on CUDA, on a CPU

PROFILING = {
    "torch.cuda": ("synchronize",),
    "torch.cuda.nvtx": ("range_push", "range_pop", "range_start", "range_end", "mark"),
    "torch.cuda.profiler": ("init", "start", "stop"),
}


class JobError(Exception):
    """The job ends here, for a reason that bridge-result has a word for."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Session:
    """What one job has done so far: hooks add to it, the result is made of it."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.torch: Any = None
        self.model: Any = None
        self.device = "cpu"
        self.rank = int(os.environ.get("RANK", "0"))  # set by torchrun; one process speaks and writes for all
        self.generators: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.measured = False
        self.validations: list[float | None] = []
        self.started = self.epoch_started = time.monotonic()
        self.counts = {"epochs": 0, "patterns": 0, "parameters": 0, "fallbacks": 0}
        self.losses: dict[str, float | None] = {"train": None, "validation": None, "best_validation": None}
        self.files: list[Path] = []

    def emit(self, event: str, **fields: Any) -> None:
        """Append one event; opened and closed each time, so that a killed run has every line but the last.

        Of several processes the first speaks for all, but what makes a run invalid is said by whoever sees it.
        """
        if self.rank and event != "fallback":
            return
        line = json.dumps({"event": event, "time": utc_now(), **fields}, allow_nan=False)
        with open(self.job["events"], "a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def utc_now() -> str:
    """The time in RFC 3339, to the millisecond."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


# ---- files that appear whole or not at all -----------------------------------------------------------------


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path beside the target that becomes it when the block ends without an exception."""
    partial = target.with_name(f".{target.name}{PARTIAL}")
    try:
        yield partial
        flush(partial)
        os.replace(partial, target)
        flush(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Have the operating system put a file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_checkpoint(folder: Path, model: Any, state: Any, save: Callable[[Any, Path], None]) -> None:
    """Replace checkpoint_model.pth and checkpoint.state together, and best_model.pth where a new one waits.

    Three renames are not atomic, and weights of one epoch with the optimizer of another would resume wrongly
    without a sign. So all are written in full beside the old ones first, the state last: from the moment that
    `checkpoint.state.next` exists the new epoch is decided, and `settle_checkpoint` finishes what a crash left.

    Args:
        folder: the run directory.
        model: state dict.
        state: the five keys of checkpoint.state.
        save: writes an object to a path, whole or not at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save(model, folder / (CHECKPOINT + NEXT))
    save(state, folder / (STATE + NEXT))
    settle_checkpoint(folder)


def settle_checkpoint(folder: Path) -> None:
    """Bring checkpoint files that a crash left half replaced to the newest complete epoch, all of the same."""
    state = folder / (STATE + NEXT)
    decided = state.exists()
    for name in (BEST, CHECKPOINT):
        following = folder / (name + NEXT)
        if not decided:
            following.unlink(missing_ok=True)
        elif following.exists():
            os.replace(following, folder / name)
    if decided:
        os.replace(state, folder / STATE)
        flush(folder)
    for partial in folder.glob(f".*{PARTIAL}"):
        partial.unlink(missing_ok=True)


@contextmanager
def best_model_waits(folder: Path) -> Iterator[None]:
    """Let a new best_model.pth lie beside the old one, until the epoch that it comes from is on the disk.

    Otherwise a crash in between leaves the best model of an epoch that no history knows of, and that a resume
    replaces only by a better one. Files that appear whole get their name by a rename, which is caught here.
    """
    target, originals = os.path.abspath(folder / BEST), {name: getattr(os, name) for name in ("replace", "rename")}

    def diverted(rename: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(rename)
        def renamed(src: Any, dst: Any, **keywords: Any) -> None:
            rename(src, target + NEXT if os.path.abspath(dst) == target else dst, **keywords)

        return renamed

    for name, original in originals.items():
        setattr(os, name, diverted(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


# ---- what a checkout may lack ------------------------------------------------------------------------------


def silence_profiling(torch: Any) -> None:
    """Make CUDA's profiling and timing calls no-ops: the February code makes them even on a CPU, where they raise."""
    for module, names in PROFILING.items():
        for name in names:
            setattr(importlib.import_module(module), name, lambda *_args, **_kwargs: 0)


class Nothing:
    """Accepts every attribute and call: a tracker that is switched off."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing, and go on doing so."""
        return self


def stand_in(name: str, answer: Callable[[str], Any]) -> None:
    """Where a module is not installed, put one in its place whose attributes `answer` gives."""
    if name in sys.modules or find_spec(name) is not None:
        return

    def attribute(attr: str) -> Any:
        if attr.startswith("__"):
            raise AttributeError(attr)
        return answer(attr)

    module = types.ModuleType(name)
    vars(module)["__getattr__"] = attribute
    sys.modules[name] = module


def refuse_timm(attribute: str) -> Any:
    """What the stand-in for timm answers: the pretrained encoder alone needs it."""
    text = f"timm.{attribute} is used, but timm is not installed there; model.encoder_type `custom` needs none"
    raise JobError("missing_dependency", text)


def save_whole_files(torch: Any) -> None:
    """Make `torch.save` to a path atomic: the checkout overwrites best_model.pth in place."""
    original = torch.save

    @functools.wraps(original)
    def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            original(obj, f, *args, **kwargs)
            return
        with whole_file(Path(f)) as partial:
            original(obj, partial, *args, **kwargs)

    torch.save = save


# ---- hooks -------------------------------------------------------------------------------------------------


def around(owner: Any, name: str, action: Callable[[Any, dict[str, Any], Callable[[], Any]], Any], *needs: str) -> None:
    """Have a method return `action(self, arguments, call)`; arguments by name, defaults included; call() runs it.

    Raises:
        JobError: the method, or one of the arguments that the action needs, is not there.
    """
    where = f"{owner.__module__}.{owner.__qualname__}.{name}"
    original = getattr(owner, name, None)
    if original is None:
        raise JobError("not_the_interface", f"{where} is not there")
    signature = inspect.signature(original)
    missing = [need for need in needs if need not in signature.parameters]
    if missing:
        raise JobError("not_the_interface", f"{where} has no argument {', '.join(missing)}")

    @functools.wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        return action(self, bound.arguments, lambda: original(self, *args, **kwargs))

    setattr(owner, name, wrapped)


def after(owner: Any, name: str, action: Callable[[Any, dict[str, Any], Any], None], *needs: str) -> None:
    """Call `action(self, arguments, result)` when a method has returned; see `around`."""

    def then(made: Any, arguments: dict[str, Any], call: Callable[[], Any]) -> Any:
        result = call()
        action(made, arguments, result)
        return result

    around(owner, name, then, *needs)


def interface(module: str, name: str) -> Any:
    """A class of the checkout.

    Raises:
        JobError: the module has no such name.
    """
    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        raise JobError("not_the_interface", f"{module}.{name} is not there")
    return found


# ---- the model: weights, frozen parts, learning rates -------------------------------------------------------


def on_model_built(session: Session, model: Any, weights: str | None, frozen: Iterable[str] = ()) -> None:
    """Load initial weights, strictly, freeze what is named, and report the model."""
    stripped = weights is not None and load_strictly(session.torch, model, weights)
    freeze(model, tuple(frozen))
    session.model = model
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    still = sum(p.numel() for p in model.parameters()) - trained
    session.counts["parameters"] = trained
    session.emit("model_built", parameters=trained, weights=weights, frozen=still, stripped_prefix=stripped)


def load_strictly(torch: Any, model: Any, path: str) -> bool:
    """Load a state dict without running anything that a pickle could hold.

    Returns:
        whether `module.`, which stood before every name, was taken off.

    Raises:
        JobError: the file cannot be read so, or keys or shapes differ.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is none of its own
        raise JobError("weights_mismatch", f"{path}: {last_line(error)}") from error
    if not isinstance(stored, Mapping):
        raise JobError("weights_mismatch", f"{path} holds no state dict but a {type(stored).__name__}")
    stripped = bool(stored) and all(str(name).startswith(WRAPPED) for name in stored)
    if stripped:
        stored = {name.removeprefix(WRAPPED): tensor for name, tensor in stored.items()}
    differences = list(compare_weights(stored, model.state_dict()))
    if differences:
        raise JobError("weights_mismatch", f"{path} does not fit the model: {'; '.join(differences)}")
    model.load_state_dict(stored, strict=True)
    return stripped


def compare_weights(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Say which names are missing, which are too many, and which have another shape."""
    missing = [name for name in wanted if name not in stored]
    unknown = [str(name) for name in stored if name not in wanted]
    shapes = {name: (shape_of(stored[name]), shape_of(wanted[name])) for name in wanted if name in stored}
    others = [f"{name} {mine} instead of {theirs}" for name, (mine, theirs) in shapes.items() if mine != theirs]
    for names, what in ((missing, "missing"), (unknown, "unknown"), (others, "of another shape")):
        if names:
            yield f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor, None for anything else."""
    return tuple(value.shape) if hasattr(value, "shape") else None


def within(path: str, name: str) -> bool:
    """Whether a dotted path is the named part of the model, or lies below it."""
    return path == name or path.startswith(f"{name}.")


def check_parts(names: Iterable[str], paths: Collection[str], what: str) -> None:
    """Refuse names that fit no path; `what` says what the paths are.

    Raises:
        JobError: there is such a name.
    """
    unknown = [name for name in names if not any(within(path, name) for path in paths)]
    if unknown:
        known = sorted({path.split(".")[0] for path in paths})
        raise JobError("unknown_part", f"no {what} fits {' or '.join(unknown)}; there are {', '.join(known)}")


def freeze(model: Any, names: tuple[str, ...]) -> None:
    """Keep the named parts as they are: no gradients, and evaluation mode even when the model is put to training.

    Without the latter batch normalization would go on averaging, and dropout would disturb what is frozen.

    Raises:
        JobError: a name fits nothing, or nothing is left to train.
    """
    parameters = dict(model.named_parameters())
    modules = {path: module for path, module in model.named_modules() if path}
    check_parts(names, [*parameters, *modules], "part of the model")
    for path, parameter in parameters.items():
        if any(within(path, name) for name in names):
            parameter.requires_grad_(False)
    for path, module in modules.items():
        if any(within(path, name) for name in names):
            module.eval()
            module.train = functools.partial(stay_in_evaluation, module)
    if names and not any(parameter.requires_grad for parameter in parameters.values()):
        raise JobError("bad_job", "every part of the model is frozen: there is nothing to train")


def stay_in_evaluation(module: Any, mode: bool = True) -> Any:
    """Take the place of a frozen module's `train(mode)`."""
    return module


def on_optimizer_made(session: Session, optimizer: Any) -> None:
    """Give the parameters whose names have a rate of their own a group of their own, behind the checkout's.

    The checkout's groups stay, even where nothing is left in them: a resume must find the same number.

    Raises:
        JobError: a name fits no parameter, or none that this optimizer trains.
    """
    rates: dict[str, float] = session.job["learning_rates"]
    paths = {id(parameter): path for path, parameter in session.model.named_parameters()} if session.model else {}
    trained = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not rates or not trained & paths.keys():
        return
    check_parts(rates, paths.values(), "parameter of the model")
    owner = {key: longest_fit(path, rates) for key, path in paths.items()}
    check_parts(rates, [path for key, path in paths.items() if key in trained], "parameter of the optimizer")
    named: dict[str, dict[str, Any]] = {name: {"params": []} for name in rates}
    for group in optimizer.param_groups:
        options = {key: value for key, value in group.items() if key not in {"params", "lr", "name"}}
        for parameter in group["params"]:
            if (name := owner.get(id(parameter))) is not None:
                named[name] = {**options, "params": [*named[name]["params"], parameter]}
        group["params"] = [parameter for parameter in group["params"] if owner.get(id(parameter)) is None]
    for name, group in named.items():
        optimizer.add_param_group({**group, "lr": rates[name], "name": name})


def longest_fit(path: str, names: Iterable[str]) -> str | None:
    """The most exact of the names that a path lies within; None where it lies within none."""
    return max((name for name in names if within(path, name)), key=len, default=None)


def check_rates(session: Session, optimizer: Any) -> None:
    """See that the optimizer that trains has the groups of the named rates.

    Raises:
        JobError: it has not; the parts would be trained at another rate without a sign.
    """
    missing = session.job["learning_rates"].keys() - {group.get("name") for group in optimizer.param_groups}
    if missing:
        raise JobError("not_the_interface", f"the optimizer has no group for the rates of {', '.join(sorted(missing))}")


# ---- random numbers ----------------------------------------------------------------------------------------


def seed(session: Session, value: int) -> None:
    """Seed Python, numpy and torch, and every generator that the checkout made without a seed and still holds."""
    numpy = importlib.import_module("numpy")
    random.seed(value)
    numpy.random.seed(value)
    session.torch.manual_seed(value)
    for index, generator in enumerate(session.generators.values()):
        generator.bit_generator.state = numpy.random.PCG64([value, index]).state


def derived_seed(session: Session, *purpose: Any) -> int:
    """A seed of 32 bits for a purpose, another one for each process of a distributed training."""
    text = json.dumps([session.job["seed"], session.rank, *purpose])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def seed_unseeded_generators(session: Session) -> None:
    """Make `numpy.random.default_rng()` follow numpy's global seed, which torch sets in its workers too."""
    numpy = importlib.import_module("numpy")
    original, numbers = numpy.random.default_rng, itertools.count()

    class Followed(numpy.random.Generator):  # type: ignore[misc, name-defined] # numpy's own has no weak reference
        """A generator that `seed` finds again as long as the checkout holds it."""

    @functools.wraps(original)
    def default_rng(seed: Any = None) -> Any:
        if seed is not None:
            return original(seed)
        made = Followed(numpy.random.PCG64(numpy.random.randint(2**32, size=4, dtype="uint32").tolist()))
        session.generators[next(numbers)] = made
        return made

    numpy.random.default_rng = default_rng


def renew_workers() -> None:
    """Have data loaders start their workers anew for each pass: those that live on keep their random numbers."""
    loader = importlib.import_module("torch.utils.data").DataLoader
    original = loader.__init__

    @functools.wraps(original)
    def made(self: Any, *args: Any, **keywords: Any) -> None:
        original(self, *args, **{**keywords, "persistent_workers": False})

    loader.__init__ = made


@contextmanager
def seeded(session: Session, value: int) -> Iterator[None]:
    """Seed everything for a block; afterwards the generators go on as if it had not been."""
    numpy, cuda = importlib.import_module("numpy"), session.torch.cuda
    states = random.getstate(), numpy.random.get_state()
    kept = [(generator, generator.bit_generator.state) for generator in session.generators.values()]
    with session.torch.random.fork_rng([cuda.current_device()] if session.device == "cuda" else []):
        seed(session, value)
        try:
            yield
        finally:
            random.setstate(states[0])
            numpy.random.set_state(states[1])
            for generator, state in kept:
                generator.bit_generator.state = state


def measure_seeding(session: Session, loader: Any, value: int) -> None:
    """Report whether the first validation items come twice alike under one seed."""
    session.measured = True
    try:
        items = []
        for _ in range(2):
            with seeded(session, value):
                items.append(next(iter(loader))[0].cpu().numpy())
        alike = bool((items[0] == items[1]).all())
        text = "the noise of the validation follows the seed: its losses can be compared"
        message = text if alike else "the noise of the validation follows no seed: its losses vary by themselves"
        session.emit("validation_seeding", seeded=alike, message=message)
    except Exception as error:  # noqa: BLE001 - a measurement must not end a training
        session.emit("validation_seeding", seeded=None, message=f"could not be measured: {last_line(error)}")


# ---- normalization -----------------------------------------------------------------------------------------


def watch_normalization(session: Session, dataset_class: Any) -> None:
    """Check the number that each item was divided by; the fallback of the checkout is silent or a printed line."""
    files: dict[int, str] = {}
    after(
        dataset_class, "__init__", lambda made, args, _: files.update({id(made): str(args["file_path"])}), "file_path"
    )
    after(dataset_class, "__getitem__", lambda made, _, item: check_normalization(session, files[id(made)], item))


def check_normalization(session: Session, path: str, item: Any) -> None:
    """Compare an item's normalization with the job's: that of its object, or any where the path is a folder.

    Raises:
        JobError: it is another one; training on wrong numbers for hours would help nobody.
    """
    name, used, wanted = object_name(path), float(item[5]), session.job["normalization"]
    allowed = [wanted[name]] if name in wanted else list(wanted.values()) if os.path.isdir(path) else []
    if any(math.isclose(used, value, rel_tol=TOLERANCE) for value in allowed):
        return
    entries = " or ".join(f"{value:g}" for value in allowed) or "missing"
    message = f"patterns of {name!r} are normalized by {used:g}, but the entry is {entries}"
    session.counts["fallbacks"] += 1
    session.emit("fallback", name=name, normalization=used, message=message)
    raise JobError("normalization_fallback", message)


def object_name(path: str) -> str:
    """The object name of a dataset: the stem of its dp or para file without the role."""
    return Path(path).stem.removesuffix("_dp").removesuffix("_para")


# ---- an epoch ----------------------------------------------------------------------------------------------


def on_training(session: Session, arguments: dict[str, Any], call: Callable[[], Any]) -> Any:
    """Seed an epoch by its index before it is trained: a resumed run draws what an uninterrupted one would have."""
    if session.job["learning_rates"]:
        check_rates(session, arguments["optimizer"])
    if session.job["hooks"]["seed_epochs"]:
        history = arguments["metrics"].get("training_loss")
        index = session.counts["epochs"] if history is None else len(history)
        seed(session, derived_seed(session, "epoch", index))
    return call()


def on_validation(session: Session, arguments: dict[str, Any], call: Callable[[], Any]) -> Any:
    """Validate with the same random numbers each time; then the epoch is over."""
    hooks, value = session.job["hooks"], derived_seed(session, "validation")
    if hooks["seed_validation"] and not session.measured:
        measure_seeding(session, arguments["dataloader"], value)
    waits = best_model_waits(Path(session.job["run_dir"])) if hooks["epoch_checkpoints"] else nullcontext()
    with seeded(session, value) if hooks["seed_validation"] else nullcontext(), waits:
        result = call()
    on_epoch_end(session, arguments)
    return result


def on_epoch_end(session: Session, arguments: dict[str, Any]) -> None:
    """Report an epoch and, where asked, save what is needed to go on after it.

    Raises:
        JobError: the training loss is not finite; every weight is spoiled, and the last good epoch stays.
    """
    metrics, epoch = plain(arguments["metrics"]), int(arguments["epoch"])
    session.losses = {
        "train": last_loss(metrics, "training_loss"),
        "validation": last_loss(metrics, "validation_loss"),
        "best_validation": finite(metrics.get("best_val_loss")),
    }
    seconds = time.monotonic() - session.epoch_started
    train, validation = session.losses["train"], session.losses["validation"]
    session.counts["epochs"] += 1
    session.emit("epoch_end", epoch=epoch, train_loss=train, validation_loss=validation, seconds=seconds)
    if train is None and metrics.get("training_loss"):
        raise JobError("loss_not_finite", f"the training loss of epoch {epoch} is not a finite number")
    if validation is None:
        session.emit("warning", message=f"the validation loss of epoch {epoch} is not a finite number")
    session.validations = [finite(value) for value in metrics.get("validation_loss", [])]
    if session.job["hooks"]["epoch_checkpoints"] and not session.rank:
        save_epoch(session, epoch, metrics, arguments)
    session.epoch_started = time.monotonic()


def save_epoch(session: Session, epoch: int, metrics: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Write checkpoint_model.pth and checkpoint.state as the checkout does after the last epoch."""
    folder, scheduler = Path(session.job["run_dir"]), arguments.get("scheduler")
    state = {
        "current_epoch": epoch + 1,
        "loss_tracker": metrics,
        "optimizer_state_dict": arguments["optimizer"].state_dict(),
        "scheduler_state_dict": None if scheduler is None else scheduler.state_dict(),
        "wandb_run_id": None,
    }
    publish_checkpoint(folder, session.model.state_dict(), state, session.torch.save)
    session.emit("checkpoint_written", epoch=epoch, path=str(folder / STATE))


def plain(value: Any) -> Any:
    """Numbers of numpy and torch as Python's, so that `weights_only=True` reads them back."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def last_loss(metrics: dict[str, Any], name: str) -> float | None:
    """The last of a list of losses, None where there is none or it is not finite."""
    values = metrics.get(name) or [None]
    return finite(values[-1])


def finite(value: Any) -> float | None:
    """A number that JSON can say, or None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


# ---- the modes ---------------------------------------------------------------------------------------------


def train(session: Session) -> None:
    """Hook into the checkout's classes, then run its main.py as if from the command line."""
    job = session.job
    run_dir = Path(job["run_dir"])
    if not session.rank:
        settle_checkpoint(run_dir)
    hook_training(session)
    main = str(Path(job["checkout"]) / "main.py")
    sys.argv = [main]
    try:
        runpy.run_path(main, run_name="__main__")
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            raise JobError("checkout_failed", f"main.py ended with {leaving.code!r}") from leaving
    finally:
        if not session.rank:
            settle_checkpoint(run_dir)  # a validation that failed may have left its best model waiting
    if session.counts["epochs"] == 0:
        raise JobError("not_the_interface", "main.py ended without calling Trainer.validate once")
    if session.validations and all(value is None for value in session.validations):
        raise JobError("loss_not_finite", "no validation loss was a finite number, so there is no best model")
    session.files = sorted(path for kind in WRITTEN for path in run_dir.glob(kind))


def hook_training(session: Session) -> None:
    """Put the hooks of a training into the checkout's and torch's classes.

    Raises:
        JobError: a name that they need is not there.
    """
    job, torch = session.job, session.torch
    model, trainer = interface("model.model", "PtychoViT"), interface("training", "Trainer")
    watch_normalization(session, interface("data", "PtychographyDataset"))
    after(model, "__init__", lambda made, *_: on_model_built(session, made, job["initial_weights"], job["frozen"]))
    after(torch.optim.Optimizer, "__init__", lambda made, *_: on_optimizer_made(session, made))
    after(trainer, "__init__", lambda *_: setattr(session, "epoch_started", time.monotonic()))
    around(trainer, "train", lambda _, *rest: on_training(session, *rest), "optimizer", "metrics")
    needs = ("dataloader", "optimizer", "metrics", "epoch")
    around(trainer, "validate", lambda _, *rest: on_validation(session, *rest), *needs)


def infer(session: Session) -> None:
    """Predict every pattern of every pair once, without noise."""
    job = session.job
    watch_normalization(session, interface("data", "PtychographyDataset"))
    model = model_in_evaluation(session)
    for pair in job["pairs"]:
        started = time.monotonic()
        dataset = dataset_of(job, pair, noise=False)
        target = Path(job["output"]) / f"{pair['name']}_patches.h5"
        write_patches(session, model, dataset, target)
        session.files.append(target)
        session.counts["patterns"] += len(dataset)
        seconds = time.monotonic() - started
        session.emit("pair_inferred", name=pair["name"], patterns=len(dataset), path=str(target), seconds=seconds)


def model_in_evaluation(session: Session) -> Any:
    """The checkout's model with the weights of the job, ready to predict."""
    model = interface("model.model", "PtychoViT")(config=session.job["model"])
    on_model_built(session, model, session.job["checkpoint"])
    return model.to(session.device).eval()


def dataset_of(job: dict[str, Any], pair: dict[str, str], noise: bool) -> Any:
    """The checkout's dataset of one pair."""
    return interface("data", "PtychographyDataset")(
        file_path=pair["dp"],
        scale=job["scale"],
        normalization_dict_path=job["normalization_file"],
        apply_noise=noise,
        max_probe_modes=job["max_probe_modes"],
    )


def write_patches(session: Session, model: Any, dataset: Any, target: Path) -> None:
    """Stream the predictions of one pair to HDF5; memory grows with the batch, not with the scan."""
    h5py = importlib.import_module("h5py")
    data = importlib.import_module("torch.utils.data")
    loader = data.DataLoader(dataset, batch_size=session.job["batch_size"], shuffle=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as partial, h5py.File(partial, "w") as out:
        done = 0
        for batch in loader:
            patches, centre, error = predict(session, model, batch)
            if done == 0:
                shape = (len(dataset), *patches.shape[1:])
                out.create_dataset("patches", shape, "complex64", chunks=(1, *patches.shape[1:]))
                out.create_dataset("centre_px", (len(dataset), 2), "float64")
                out.create_dataset("diffraction_error", (len(dataset),), "float64")
            rows = slice(done, done + len(patches))
            out["patches"][rows], out["centre_px"][rows], out["diffraction_error"][rows] = patches, centre, error
            done += len(patches)


def predict(session: Session, model: Any, batch: Any) -> tuple[Any, Any, Any]:
    """Complex patches (B,n,n), centres (B,2) in object pixels, and relative errors (B,) of a batch, as numpy."""
    measured, centre = batch[0], batch[4]
    diffraction, amplitude, phase = forward(session, model, batch)
    patches = session.torch.polar(amplitude.float(), phase.float())[:, 0]
    energy = measured.double().square().sum((1, 2, 3))
    error = (diffraction.double() - measured.double()).square().sum((1, 2, 3)) / energy
    return patches.numpy(), centre.double().numpy(), error.numpy()


def forward(session: Session, model: Any, batch: Any) -> tuple[Any, Any, Any]:
    """The model's diffraction amplitude, amplitude and phase for a batch of items, back in main memory."""
    torch = session.torch
    measured, _, _, probe, _, norm, scale = batch
    with torch.no_grad():
        inputs = [part.to(session.device) for part in (measured, torch.view_as_real(probe), norm, scale)]
        diffraction, amplitude, phase = model(*inputs)
    return diffraction.cpu(), amplitude.cpu(), phase.cpu()


ITEM = ("diffraction_amplitude", "object_amplitude", "object_phase", "probe", "centre_px", "normalization", "scale")
PREDICTION = ("diffraction_amplitude", "amplitude", "phase")


def examine(session: Session) -> None:
    """Write what the checkout's dataset gives for the first patterns, and what its model makes of them."""
    job = session.job
    model = model_in_evaluation(session)
    collate = importlib.import_module("torch.utils.data").default_collate
    for pair in job["pairs"]:
        batches = {}
        for group, noise in (("quiet", False), ("noisy", True)):
            dataset = dataset_of(job, pair, noise)
            batches[group] = collate([dataset[index] for index in range(min(job["patterns"], len(dataset)))])
        target = Path(job["output"]) / f"{pair['name']}_items.h5"
        groups = {group: dict(zip(ITEM, batch, strict=True)) for group, batch in batches.items()}
        groups["model"] = dict(zip(PREDICTION, forward(session, model, batches["quiet"]), strict=True))
        write_groups(target, groups)
        session.files.append(target)
        session.counts["patterns"] += len(batches["quiet"][0])


def write_groups(target: Path, groups: dict[str, dict[str, Any]]) -> None:
    """Write tensors to HDF5, whole or not at all."""
    h5py = importlib.import_module("h5py")
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as partial, h5py.File(partial, "w") as out:
        for group, tensors in groups.items():
            for name, tensor in tensors.items():
                out[f"{group}/{name}"] = tensor.numpy()


MODES: dict[str, Callable[[Session], None]] = {"train": train, "infer": infer, "examine": examine}


# ---- the job -----------------------------------------------------------------------------------------------


def prepare(session: Session) -> None:
    """Choose the device, seed, add the hooks that must come before the checkout is imported, and go there."""
    job = session.job
    if job["device"] == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks: the checkout takes CUDA wherever it sees it
    torch = session.torch = importlib.import_module("torch")
    cuda = torch.cuda.is_available()
    if job["device"] == "cuda" and not cuda:
        raise JobError("device_unavailable", f"torch {torch.__version__} of {sys.executable} sees no CUDA device")
    session.device = "cuda" if cuda else "cpu"
    if job["threads"] is not None:
        torch.set_num_threads(job["threads"])
    seed(session, job["seed"])
    seed_unseeded_generators(session)
    if job["hooks"]["seed_epochs"]:
        renew_workers()
    if job["hooks"]["profiling"] and not cuda:
        silence_profiling(torch)
    if job["hooks"]["stand_ins"]:
        nothing = Nothing()
        stand_in("wandb", lambda _: nothing)
        stand_in("timm", refuse_timm)
    save_whole_files(torch)
    os.chdir(job["workdir"])
    sys.path[0] = job["checkout"]
    device = f"cuda {torch.cuda.get_device_name(0)}" if cuda else "cpu"
    session.emit("run_start", mode=job["mode"], pid=os.getpid(), device=device, seed=job["seed"])


def work(session: Session) -> tuple[str, str, str]:
    """Do the job; (status, reason, message) of how it went, whatever was raised."""
    try:
        prepare(session)
        MODES[session.job["mode"]](session)
    except JobError as refused:
        status = "invalid" if refused.reason == "normalization_fallback" else "failed"
        return status, refused.reason, str(refused)
    except ModuleNotFoundError as error:
        traceback.print_exc()
        return "failed", "missing_dependency", f"{sys.executable} has no module {error.name!r}"
    except Exception as error:  # noqa: BLE001 - whatever a checkout raises belongs into the result
        traceback.print_exc()
        return "failed", reason_of(error), last_line(error)
    if session.counts["fallbacks"]:  # a checkout may swallow what its dataset raised
        return "invalid", "normalization_fallback", "an object was normalized by another number than its entry"
    return "ok", "completed", "completed"


def reason_of(error: Exception) -> str:
    """The word for an exception that a checkout raised."""
    if isinstance(error, MemoryError) or any(text in str(error) for text in NO_MEMORY):
        return "out_of_memory"
    return "loss_not_finite" if isinstance(error, FloatingPointError) else "checkout_failed"


def last_line(error: BaseException) -> str:
    """An exception as one line."""
    return "".join(traceback.format_exception_only(type(error), error)).strip().replace("\n", "; ")


def result_of(session: Session, status: str, reason: str, message: str) -> dict[str, Any]:
    """The document of contract bridge-result."""
    return {
        "contract": "bridge-result",
        "contract_version": "1.1.0",
        "mode": session.job["mode"],
        "status": status,
        "reason": reason,
        "message": message,
        "device": session.device,
        "seconds": time.monotonic() - session.started,
        "versions": versions(),
        "files": [{"path": str(path), "bytes": path.stat().st_size} for path in session.files],
        "counts": session.counts,
        "losses": session.losses,
    }


def versions() -> dict[str, str]:
    """Versions in this interpreter; what was not imported is not named."""
    names = [name for name in ("torch", "numpy", "h5py") if name in sys.modules]
    return {"python": platform.python_version(), **{name: str(sys.modules[name].__version__) for name in names}}


def die_with_supervisor() -> None:
    """End this process group as soon as standard input ends, which is when the supervisor is gone."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if os.environ.get("PTYCHO_SUPERVISED") == "1":
        threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run the job in the file that is named; 0 where its status is `ok`."""
    if len(arguments) != 1:
        sys.stderr.write("usage: bridge.py JOB.json\n")
        return 2
    die_with_supervisor()
    session = Session(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    status, reason, message = work(session)
    if status != "ok":
        sys.stderr.write(f"{reason}: {message}\n")
    if not session.rank:
        with whole_file(Path(session.job["result"])) as partial:
            partial.write_text(json.dumps(result_of(session, status, reason, message), indent=2, allow_nan=False))
    session.emit("finished", status=status)
    return 0 if status == "ok" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
