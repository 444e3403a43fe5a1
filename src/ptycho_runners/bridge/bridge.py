"""Run a flat PtychoViT checkout's own main.py, or its model on pairs, and say what happens.

    PYTHON bridge.py JOB.json        with the checkout's PYTHON

Imports the standard library, numpy, h5py, torch and the checkout, never our packages. In: a job (contract
bridge-job). Out: events (bridge-event), a result (bridge-result), and exit status 0 only for status `ok`.

Everything of the checkout that this file touches, by name:

| name | used for |
|---|---|
| `main.py` | run unmodified as `__main__`, with the checkout first on the path |
| `model.model.PtychoViT(config=…)` | after it is built: initial weights, parameter count; built here to infer |
| `PtychoViT.forward(x, probe_as_real, norm, scale)` | inference: predicted diffraction amplitude, amplitude, phase |
| `training.Trainer`, its `__init__` | the clock of the first epoch starts |
| `Trainer.validate(…, optimizer, metrics, …, epoch)` | the end of an epoch: the last call that adds to `metrics` |
| `data.PtychographyDataset(file_path, scale, normalization_dict_path, apply_noise, max_probe_modes)` | inference |
| its items: (amplitude, …, probe, position, normalization, scale) | inference; the normalization in use is checked |
| `torch.save` to a path | replaced by one that appears whole or not at all |

A name that is not there ends the job before anything is trained, with reason `not_the_interface`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHECKPOINT, STATE = "checkpoint_model.pth", "checkpoint.state"
WRITTEN = ("*.pth", "*.state", "*.pickle", "*.png", "config.yaml")
NEXT, PARTIAL = ".next", ".partial"
TOLERANCE = 1e-6  # a float32 in the file and a float in the job are the same number

PROFILING = {
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
        self.started = self.epoch_started = time.monotonic()
        self.counts = {"epochs": 0, "patterns": 0, "parameters": 0, "fallbacks": 0}
        self.losses: dict[str, float | None] = {"train": None, "validation": None, "best_validation": None}
        self.files: list[Path] = []

    def emit(self, event: str, **fields: Any) -> None:
        """Append one event; opened and closed each time, so that a killed run has every line but the last."""
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
    """Replace checkpoint_model.pth and checkpoint.state together.

    Two renames are not atomic, and weights of one epoch with the optimizer of another would resume wrongly
    without a sign. So both are written in full beside the old ones first, the state last: from the moment that
    `checkpoint.state.next` exists the new pair is decided, and `settle_checkpoint` finishes what a crash left.

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
    """Bring a pair of checkpoint files that a crash left half replaced to the newest complete epoch."""
    model, state = folder / (CHECKPOINT + NEXT), folder / (STATE + NEXT)
    if state.exists():
        if model.exists():
            os.replace(model, folder / CHECKPOINT)
        os.replace(state, folder / STATE)
        flush(folder)
    else:
        model.unlink(missing_ok=True)
    for partial in folder.glob(f".*{PARTIAL}"):
        partial.unlink(missing_ok=True)


# ---- hooks -------------------------------------------------------------------------------------------------


def silence_profiling(torch: Any) -> None:
    """Make CUDA's profiling calls no-ops; without CUDA they raise, and the February checkout calls them always."""
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


def after(owner: Any, name: str, action: Callable[[Any, dict[str, Any], Any], None], *needs: str) -> None:
    """Call `action(self, arguments, result)` when a method has returned; arguments by name, defaults included.

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
        result = original(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        action(self, bound.arguments, result)
        return result

    setattr(owner, name, wrapped)


def interface(module: str, name: str) -> Any:
    """A class of the checkout.

    Raises:
        JobError: the module has no such name.
    """
    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        raise JobError("not_the_interface", f"{module}.{name} is not there")
    return found


def on_model_built(session: Session, model: Any, weights: str | None) -> None:
    """Load initial weights, strictly, and report the model. Freezing a part of it belongs here."""
    if weights is not None:
        load_strictly(session.torch, model, weights)
    session.model = model
    session.counts["parameters"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    session.emit("model_built", parameters=session.counts["parameters"], weights=weights)


def load_strictly(torch: Any, model: Any, path: str) -> None:
    """Load a state dict without running anything that a pickle could hold.

    Raises:
        JobError: the file cannot be read so, or keys or shapes differ.
    """
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    except Exception as error:  # torch raises many kinds for a file that is none of its own
        raise JobError("weights_mismatch", f"{path}: {last_line(error)}") from error


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


def on_epoch_end(session: Session, arguments: dict[str, Any]) -> None:
    """Report an epoch and, where asked, save what is needed to go on after it."""
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
    if validation is None:
        session.emit("warning", message=f"the validation loss of epoch {epoch} is not a finite number")
    if session.job["hooks"]["epoch_checkpoints"]:
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


# ---- the two modes -----------------------------------------------------------------------------------------


def train(session: Session) -> None:
    """Hook into the checkout's classes, then run its main.py as if from the command line."""
    job = session.job
    settle_checkpoint(Path(job["run_dir"]))
    model, trainer = interface("model.model", "PtychoViT"), interface("training", "Trainer")
    watch_normalization(session, interface("data", "PtychographyDataset"))
    after(model, "__init__", lambda made, *_: on_model_built(session, made, job["initial_weights"]))
    after(trainer, "__init__", lambda *_: setattr(session, "epoch_started", time.monotonic()))
    after(trainer, "validate", lambda _, args, __: on_epoch_end(session, args), "optimizer", "metrics", "epoch")
    main = str(Path(job["checkout"]) / "main.py")
    sys.argv = [main]
    try:
        runpy.run_path(main, run_name="__main__")
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            raise JobError("checkout_failed", f"main.py ended with {leaving.code!r}") from leaving
    if session.counts["epochs"] == 0:
        raise JobError("not_the_interface", "main.py ended without calling Trainer.validate once")
    session.files = sorted(path for kind in WRITTEN for path in Path(job["run_dir"]).glob(kind))


def infer(session: Session) -> None:
    """Predict every pattern of every pair once, without noise."""
    job = session.job
    model = interface("model.model", "PtychoViT")(config=job["model"])
    on_model_built(session, model, job["checkpoint"])
    model.to(session.device).eval()
    dataset_class = interface("data", "PtychographyDataset")
    watch_normalization(session, dataset_class)
    for pair in job["pairs"]:
        started = time.monotonic()
        dataset = dataset_class(
            file_path=pair["dp"],
            scale=job["scale"],
            normalization_dict_path=job["normalization_file"],
            apply_noise=False,
            max_probe_modes=job["max_probe_modes"],
        )
        target = Path(job["output"]) / f"{pair['name']}_patches.h5"
        write_patches(session, model, dataset, target)
        session.files.append(target)
        session.counts["patterns"] += len(dataset)
        seconds = time.monotonic() - started
        session.emit("pair_inferred", name=pair["name"], patterns=len(dataset), path=str(target), seconds=seconds)


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
    torch = session.torch
    measured, _, _, probe, centre, norm, scale = batch
    measured = measured.to(session.device)
    with torch.no_grad():
        real = torch.view_as_real(probe).to(session.device)
        diffraction, amplitude, phase = model(measured, real, norm.to(session.device), scale.to(session.device))
    patches = torch.polar(amplitude.float(), phase.float())[:, 0]
    energy = measured.double().square().sum((1, 2, 3))
    error = (diffraction.double() - measured.double()).square().sum((1, 2, 3)) / energy
    return patches.cpu().numpy(), centre.double().numpy(), error.cpu().numpy()


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
    seed(torch, job["seed"])
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


def seed(torch: Any, value: int) -> None:
    """Seed Python, numpy's legacy generator and torch; noise from `numpy.random.default_rng()` stays unseeded."""
    random.seed(value)
    importlib.import_module("numpy").random.seed(value)
    torch.manual_seed(value)


def work(session: Session) -> tuple[str, str, str]:
    """Do the job; (status, reason, message) of how it went, whatever was raised."""
    try:
        prepare(session)
        (train if session.job["mode"] == "train" else infer)(session)
    except JobError as refused:
        status = "invalid" if refused.reason == "normalization_fallback" else "failed"
        return status, refused.reason, str(refused)
    except ModuleNotFoundError as error:
        traceback.print_exc()
        return "failed", "missing_dependency", f"{sys.executable} has no module {error.name!r}"
    except Exception as error:  # noqa: BLE001 - whatever a checkout raises belongs into the result
        traceback.print_exc()
        return "failed", "checkout_failed", last_line(error)
    if session.counts["fallbacks"]:  # a checkout may swallow what its dataset raised
        return "invalid", "normalization_fallback", "an object was normalized by another number than its entry"
    return "ok", "completed", "completed"


def last_line(error: BaseException) -> str:
    """An exception as one line."""
    return "".join(traceback.format_exception_only(type(error), error)).strip().replace("\n", "; ")


def result_of(session: Session, status: str, reason: str, message: str) -> dict[str, Any]:
    """The document of contract bridge-result."""
    return {
        "contract": "bridge-result",
        "contract_version": "1.0.0",
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
    with whole_file(Path(session.job["result"])) as partial:
        partial.write_text(json.dumps(result_of(session, status, reason, message), indent=2, allow_nan=False))
    session.emit("finished", status=status)
    return 0 if status == "ok" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
